// SPDX-License-Identifier: Apache-2.0
// Activations of one element: Softplus, Softsign, Selu, Swish, ThresholdedRelu, Logit; and their gradients.
// build: loops
#include <cmath>

#include "math/map_wide.h"

namespace pf {
namespace {

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|): e^x itself would overflow. Where e^-|x| is small, 1 + it loses digits.
struct SoftplusForward {
  explicit SoftplusForward(const Args&) {}
  PF_INLINE f32x4 operator()(f32x4 x) const {
    const f32x4 one = f32x4::splat(1.f), u = exp(-abs(x));
    const f32x4 series = u * (one - u * (f32x4::splat(0.5f) - u * f32x4::splat(1.f / 3)));
    return max(x, f32x4::zero()) + select(u < f32x4::splat(1e-2f), series, log(one + u));
  }
  PF_FN float operator()(float x) const { return (x > 0.f ? x : 0.f) + std::log1p(std::exp(-std::fabs(x))); }
};
// dy/dx = 1 - e^-y
struct SoftplusBackward {
  explicit SoftplusBackward(const Args&) {}
  PF_FN float operator()(float y, float dy) const { return -dy * std::expm1(-y); }
};

struct SoftsignForward {
  explicit SoftsignForward(const Args&) {}
  PF_INLINE f32x4 operator()(f32x4 x) const { return x / (f32x4::splat(1.f) + abs(x)); }
  PF_FN float operator()(float x) const { return x / (1.f + std::fabs(x)); }
};
struct SoftsignBackward {
  explicit SoftsignBackward(const Args&) {}
  PF_FN float operator()(float x, float dy) const {
    const float size = 1.f + std::fabs(x);
    return dy / (size * size);
  }
};

struct SeluForward {
  float scale, negative;
  explicit SeluForward(const Args& args) : scale(args.f("scale")), negative(args.f("alpha") * scale) {}
  PF_INLINE f32x4 operator()(f32x4 x) const {
    return select(x > f32x4::zero(), f32x4::splat(scale) * x, f32x4::splat(negative) * (exp(x) - f32x4::splat(1.f)));
  }
  PF_FN float operator()(float x) const { return x > 0.f ? scale * x : negative * (std::exp(x) - 1.f); }
};
struct SeluBackward {
  float scale, negative;
  explicit SeluBackward(const Args& args) : scale(args.f("scale")), negative(args.f("alpha") * scale) {}
  PF_FN float operator()(float y, float dy) const { return y > 0.f ? scale * dy : dy * (y + negative); }
};

struct ThresholdForward {
  float alpha;
  explicit ThresholdForward(const Args& args) : alpha(args.f("alpha")) {}
  PF_INLINE f32x4 operator()(f32x4 x) const { return select(x > f32x4::splat(alpha), x, f32x4::zero()); }
  PF_FN float operator()(float x) const { return x > alpha ? x : 0.f; }
};
struct ThresholdBackward {
  explicit ThresholdBackward(const Args&) {}
  PF_FN float operator()(float y, float dy) const { return y > 0.f ? dy : 0.f; }
};

struct LogitForward {
  float eps;
  explicit LogitForward(const Args& args) : eps(args.f("eps")) {}
  PF_INLINE f32x4 operator()(f32x4 x) const {
    const f32x4 one = f32x4::splat(1.f), p = min(max(x, f32x4::splat(eps)), f32x4::splat(1.f - eps));
    return log(p / (one - p));
  }
  PF_FN float operator()(float x) const {
    const float p = x < eps ? eps : x > 1.f - eps ? 1.f - eps : x;
    return std::log(p / (1.f - p));
  }
};
struct LogitBackward {
  float eps;
  explicit LogitBackward(const Args& args) : eps(args.f("eps")) {}
  PF_FN float operator()(float x, float dy) const { return x < eps || x > 1.f - eps ? 0.f : dy / (x * (1.f - x)); }
};

struct SwishForward {
  explicit SwishForward(const Args&) {}
  PF_INLINE f32x4 operator()(f32x4 x) const { return x * sigmoid(x); }
  PF_FN float operator()(float x) const { return x / (1.f + std::exp(-x)); }
  PF_FN double operator()(double x) const { return x / (1. + std::exp(-x)); }
};
// d/dx x s(x) = s(x) + x s(x) (1 - s(x)) = y + s(x) (1 - y)
struct SwishBackward {
  template <class T>
  PF_FN T operator()(T x, T y, T dy) const {
    return dy * (y + (T(1) - y) / (T(1) + std::exp(-x)));
  }
};

template <class Device, class F>
struct Forward {
  F f;
  explicit Forward(const Args& args) : f(args) {}
  Status run(OpRun& op) { return map_wide<Device>(op, f); }
};
template <class Device, class F>
struct Backward {
  F f;
  explicit Backward(const Args& args) : f(args) {}
  Status run(OpRun& op) {
    Device::map(op, op.in(0).size(), op.out(0).data<float>(), f, op.in(0).data<float>(), op.in(1).data<float>());
    return {};
  }
};
template <class Device>
using Softplus = Forward<Device, SoftplusForward>;
template <class Device>
using Softsign = Forward<Device, SoftsignForward>;
template <class Device>
using Selu = Forward<Device, SeluForward>;
template <class Device>
using ThresholdedRelu = Forward<Device, ThresholdForward>;
template <class Device>
using Logit = Forward<Device, LogitForward>;
template <class Device>
using SoftplusGradient = Backward<Device, SoftplusBackward>;
template <class Device>
using SoftsignGradient = Backward<Device, SoftsignBackward>;
template <class Device>
using SeluGradient = Backward<Device, SeluBackward>;
template <class Device>
using ThresholdedReluGradient = Backward<Device, ThresholdBackward>;
template <class Device>
using LogitGradient = Backward<Device, LogitBackward>;

template <class Device>
struct Swish {
  SwishForward f;
  explicit Swish(const Args& args) : f(args) {}
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    if (x.dtype() == DType::kFloat) return map_wide<Device>(op, f);
    Device::map(op, x.size(), op.out(0).data<double>(), f, x.data<double>());
    return {};
  }
};
template <class Device>
struct SwishGradient {
  Status run(OpRun& op) { return op.in(0).dtype() == DType::kFloat ? run_as<float>(op) : run_as<double>(op); }
  template <class T>
  Status run_as(OpRun& op) {
    Device::map(op, op.in(0).size(), op.out(0).data<T>(), SwishBackward{}, op.in(0).data<T>(), op.in(1).data<T>(),
                op.in(2).data<T>());
    return {};
  }
};

Status swish_shape(Infer& in) {
  PF_CHECK(in.dtype(0) == DType::kFloat || in.dtype(0) == DType::kDouble, type, "X must be float32 or float64, is ",
           in.dtype(0));
  for (int i = 1; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, in.dtype(0)));
    PF_TRY(in.want_same_shape(0, i));
  }
  return same_as_first(in);
}

// Softsign's gradient reads X, which must then still be there.
void softsign_gradient(Gradient& g) {
  if (g.I(0) == g.O(0))
    (void)g.refuse(text("works in place on \"", g.O(0), "\", but its gradient needs the input"));
  else
    g.op("SoftsignGradient", {g.I(0), g.GO(0)}, {g.GI(0)});
}

constexpr auto kForward = [](auto& op) {
  op.input("X", "float, any shape.").output("Y", "Shape of X.").inplace(0, 0).shape(same_floats);
};
constexpr auto kFromOutput = [](auto& op) {
  op.input("Y", "Output of the operator.")
      .input("dY", "Gradient of Y, shape of Y.")
      .output("dX", "Gradient of X, shape of Y.")
      .inplace(1, 0)
      .shape(same_floats)
      .no_grad();
};
constexpr auto kFromInput = [](auto& op) {
  op.input("X", "Input of the operator.")
      .input("dY", "Gradient of Y, shape of X.")
      .output("dX", "Gradient of X, shape of X.")
      .inplace(1, 0)
      .shape(same_floats)
      .no_grad();
};
constexpr auto kSelu = [](auto& op) {
  op.arg("alpha", 1.6732632423543772, "What Y / scale tends to, negated, for small X.")
      .arg("scale", 1.0507009873554805, "Slope of the positive side.");
};
constexpr auto kEps = [](auto& op) { op.arg("eps", 1e-6f, "X is kept this far from 0 and 1."); };

PF_OP(Softplus)
    .doc("Elementwise `Y = log(1 + exp(X))`.")
    .with(kForward)
    .grad([](Gradient& g) { g.op("SoftplusGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Softplus>();
PF_OP(SoftplusGradient)
    .doc("Gradient of Softplus from its output: `dX = dY (1 - exp(-Y))`.")
    .with(kFromOutput)
    .kernel<SoftplusGradient>();

PF_OP(Softsign).doc("Elementwise `Y = X / (1 + |X|)`.").with(kForward).grad(softsign_gradient).kernel<Softsign>();
PF_OP(SoftsignGradient)
    .doc("Gradient of Softsign: `dX = dY / (1 + |X|)^2`.")
    .with(kFromInput)
    .kernel<SoftsignGradient>();

PF_OP(Selu)
    .doc("Elementwise `Y = scale X` where `X > 0`, `Y = scale alpha (exp(X) - 1)` elsewhere.")
    .with(kSelu)
    .with(kForward)
    .grad([](Gradient& g) { g.op("SeluGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Selu>();
PF_OP(SeluGradient)
    .doc("Gradient of Selu from its output: `dX = scale dY` where `Y > 0`, `dX = dY (Y + scale alpha)` elsewhere.")
    .with(kSelu)
    .with(kFromOutput)
    .kernel<SeluGradient>();

PF_OP(ThresholdedRelu)
    .doc("Elementwise `Y = X` where `X > alpha`, 0 elsewhere.")
    .arg("alpha", 1.f, "The threshold.")
    .with(kForward)
    .grad([](Gradient& g) { g.op("ThresholdedReluGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<ThresholdedRelu>();
PF_OP(ThresholdedReluGradient)
    .doc("Gradient of ThresholdedRelu from its output: `dX = dY` where `Y > 0`, 0 elsewhere.")
    .arg("alpha", 1.f, "As given to ThresholdedRelu.")
    .with(kFromOutput)
    .kernel<ThresholdedReluGradient>();

PF_OP(Logit)
    .doc("Elementwise `Y = log(X / (1 - X))`, the inverse of Sigmoid.")
    .with(kEps)
    .with(kForward)
    .grad([](Gradient& g) { g.op("LogitGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Logit>();
PF_OP(LogitGradient)
    .doc("Gradient of Logit: `dX = dY / (X (1 - X))`, 0 where X was kept from 0 or 1.")
    .with(kEps)
    .with(kFromInput)
    .kernel<LogitGradient>();

PF_OP(Swish)
    .doc("Elementwise `Y = X / (1 + exp(-X))`.")
    .input("X", "float32 or float64, any shape.")
    .output("Y", "Type and shape of X.")
    .shape(swish_shape)
    .grad([](Gradient& g) { g.op("SwishGradient", {g.I(0), g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Swish>();
PF_OP(SwishGradient)
    .doc("Gradient of Swish: `dX = dY (Y + sigmoid(X) (1 - Y))`.")
    .input("X", "Input of Swish.")
    .input("Y", "Output of Swish.")
    .input("dY", "Gradient of Y, shape of X.")
    .output("dX", "Gradient of X, shape of X.")
    .inplace(2, 0)
    .shape(swish_shape)
    .no_grad()
    .kernel<SwishGradient>();

}  // namespace
}  // namespace pf
