// SPDX-License-Identifier: Apache-2.0
// Elu: y = x where x > 0, y = alpha (e^x - 1) elsewhere; and its gradient.
// build: loops
#include <cmath>

#include "math/map_wide.h"

namespace pf {
namespace {

struct Forward {
  float alpha;
  PF_INLINE f32x4 operator()(f32x4 x) const {
    return select(x > f32x4::zero(), x, f32x4::splat(alpha) * (exp(x) - f32x4::splat(1.f)));
  }
  PF_FN float operator()(float x) const { return x > 0.f ? x : alpha * (std::exp(x) - 1.f); }
};

// d/dx alpha (e^x - 1) = alpha e^x = y + alpha: the gradient needs y alone.
struct Backward {
  float alpha;
  PF_FN float operator()(float y, float dy) const { return y > 0.f ? dy : dy * (y + alpha); }
};

template <class Device>
struct Elu {
  float alpha;
  explicit Elu(const Args& args) : alpha(args.f("alpha")) {}
  Status run(OpRun& op) { return map_wide<Device>(op, Forward{alpha}); }
};

template <class Device>
struct EluGradient {
  float alpha;
  explicit EluGradient(const Args& args) : alpha(args.f("alpha")) {}
  Status run(OpRun& op) {
    const Tensor &y = op.in(0), &dy = op.in(1);
    Device::map(op, y.size(), op.out(0).data<float>(), Backward{alpha}, y.data<float>(), dy.data<float>());
    return {};
  }
};

PF_OP(Elu)
    .doc("Elementwise `Y = X` where `X > 0`, `Y = alpha * (exp(X) - 1)` elsewhere.")
    .arg("alpha", 1.f, "What Y tends to, negated, for small X.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("EluGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Elu>();

PF_OP(EluGradient)
    .doc("Gradient of Elu from its output: `dX = dY` where `Y > 0`, `dX = dY * (Y + alpha)` elsewhere.")
    .arg("alpha", 1.f, "As given to Elu.")
    .input("Y", "Output of Elu.")
    .input("dY", "Gradient of Y, shape of Y.")
    .output("dX", "Gradient of X, shape of Y.")
    .inplace(1, 0)
    .shape(same_floats)
    .no_grad()
    .kernel<EluGradient>();

}  // namespace
}  // namespace pf
