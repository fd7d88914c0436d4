// SPDX-License-Identifier: Apache-2.0
// Steps: Ceil, Floor, Sign, StumpFunc; and ReplaceNaN, NanCheck for values that are no numbers.
#include <cmath>

#include "math/copy.h"

namespace pf {
namespace {

struct Up {
  explicit Up(const Args&) {}
  PF_FN float operator()(float x) const { return std::ceil(x); }
};
struct Down {
  explicit Down(const Args&) {}
  PF_FN float operator()(float x) const { return std::floor(x); }
};
struct Stump {
  float threshold, low, high;
  explicit Stump(const Args& args)
      : threshold(args.f("threshold")), low(args.f("low_value")), high(args.f("high_value")) {}
  PF_FN float operator()(float x) const { return x <= threshold ? low : high; }
};
// A NaN gives 0, as neither comparison holds.
struct SignOf {
  template <class T>
  PF_FN T operator()(T x) const {
    return T(x > 0) - T(x < 0);
  }
};
struct Replace {
  float value;
  template <class T>
  PF_FN T operator()(T x) const {
    return x == x ? x : T(value);
  }
};

template <class Device, class F>
struct Floats {
  F f;
  explicit Floats(const Args& args) : f(args) {}
  Status run(OpRun& op) {
    Device::map(op, op.in(0).size(), op.out(0).data<float>(), f, op.in(0).data<float>());
    return {};
  }
};
template <class Device>
using Ceil = Floats<Device, Up>;
template <class Device>
using Floor = Floats<Device, Down>;
template <class Device>
using StumpFunc = Floats<Device, Stump>;

template <class Device, class T, class F>
Status map_as(OpRun& op, F f) {
  Device::map(op, op.in(0).size(), op.out(0).data<T>(), f, op.in(0).data<T>());
  return {};
}

template <class Device>
struct Sign {
  Status run(OpRun& op) {
    switch (op.in(0).dtype()) {
      case DType::kFloat:
        return map_as<Device, float>(op, SignOf{});
      case DType::kDouble:
        return map_as<Device, double>(op, SignOf{});
      case DType::kInt32:
        return map_as<Device, int32_t>(op, SignOf{});
      default:
        return map_as<Device, int64_t>(op, SignOf{});
    }
  }
};

template <class Device>
struct ReplaceNaN {
  Status run(OpRun& op) {
    const Replace f{op.args.f("value")};
    return op.in(0).dtype() == DType::kFloat ? map_as<Device, float>(op, f) : map_as<Device, double>(op, f);
  }
};

struct NanCheck {
  Status run(OpRun& op) {
    const float* x = op.in(0).data<float>();
    for (int64_t i = 0; i < op.in(0).size(); ++i)
      PF_CHECK(std::isfinite(x[i]), value, "element ", i, " of \"", op.args.def.input[0], "\" ", op.in(0).shape(),
               " is ", double(x[i]), ", not a finite number");
    copy_elements<Device>(op, op.in(0), op.out(0));
    return {};
  }
};

constexpr auto kFloats = [](auto& op) {
  op.input("X", "float, any shape.").output("Y", "Shape of X.").shape(same_floats);
};
constexpr const char* kSteps = "its derivative is 0 wherever there is one";

PF_OP(Ceil).doc("Elementwise: the integer not below X.").with(kFloats).inplace(0, 0).refuse_grad(kSteps).kernel<Ceil>();
PF_OP(Floor)
    .doc("Elementwise: the integer not above X.")
    .with(kFloats)
    .inplace(0, 0)
    .refuse_grad(kSteps)
    .kernel<Floor>();

PF_OP(StumpFunc)
    .doc("Elementwise: low_value where X is at most threshold, high_value above it.")
    .arg("threshold", 0.f, "Where the step is.")
    .arg("low_value", 0.f, "Y up to the threshold.")
    .arg("high_value", 0.f, "Y above it.")
    .with(kFloats)
    .no_grad()
    .kernel<StumpFunc>();

PF_OP(Sign)
    .doc("Elementwise sign: -1, 0 or 1.")
    .input("X", "float32, float64, int32 or int64, any shape.")
    .output("Y", "Type and shape of X.")
    .shape([](Infer& in) -> Status {
      const DType t = in.dtype(0);
      PF_CHECK(t == DType::kFloat || t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64, type,
               "X must be float32, float64, int32 or int64, is ", t);
      return same_as_first(in);
    })
    .refuse_grad(kSteps)
    .kernel<Sign>();

PF_OP(ReplaceNaN)
    .doc("X with `value` in place of every NaN.")
    .arg("value", 0.f, "What a NaN becomes.")
    .input("X", "float32 or float64, any shape.")
    .output("Y", "Type and shape of X.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_CHECK(in.dtype(0) == DType::kFloat || in.dtype(0) == DType::kDouble, type, "X must be float32 or float64, is ",
               in.dtype(0));
      return same_as_first(in);
    })
    .refuse_grad("replacing has no gradient")
    .kernel<ReplaceNaN>();

PF_OP(NanCheck)
    .doc("Fails when an element of X is infinite or NaN; otherwise `Y = X`. Further inputs are only waited for.")
    .variadic_input("X", "float, any shape; what follows may be any tensors.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      return same_as_first(in);
    })
    .grad([](Gradient& g) { g.op("NanCheck", {g.GO(0)}, {g.GI(0)}); })
    .cpu<NanCheck>();

}  // namespace
}  // namespace pf
