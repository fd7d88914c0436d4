// SPDX-License-Identifier: Apache-2.0
// Sin and Cos, and their gradients.
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

struct Sine {
  PF_FN float operator()(float x) const { return std::sin(x); }
};
struct Cosine {
  PF_FN float operator()(float x) const { return std::cos(x); }
};
struct SineBackward {
  PF_FN float operator()(float x, float dy) const { return dy * std::cos(x); }
};
struct CosineBackward {
  PF_FN float operator()(float x, float dy) const { return -dy * std::sin(x); }
};

template <class Device, class F>
struct Forward {
  Status run(OpRun& op) {
    Device::map(op, op.in(0).size(), op.out(0).data<float>(), F{}, op.in(0).data<float>());
    return {};
  }
};
template <class Device, class F>
struct Backward {
  Status run(OpRun& op) {
    Device::map(op, op.in(0).size(), op.out(0).data<float>(), F{}, op.in(0).data<float>(), op.in(1).data<float>());
    return {};
  }
};
template <class Device>
using Sin = Forward<Device, Sine>;
template <class Device>
using Cos = Forward<Device, Cosine>;
template <class Device>
using SinGradient = Backward<Device, SineBackward>;
template <class Device>
using CosGradient = Backward<Device, CosineBackward>;

constexpr auto kForward = [](auto& op) {
  op.input("X", "float, any shape; in radians.").output("Y", "Shape of X.").shape(same_floats);
};
constexpr auto kBackward = [](auto& op) {
  op.input("X", "Input of the operator.")
      .input("dY", "Gradient of Y, shape of X.")
      .output("dX", "Gradient of X, shape of X.")
      .shape(same_floats)
      .no_grad();
};

PF_OP(Sin)
    .doc("Elementwise sine `Y = sin X`.")
    .with(kForward)
    .grad([](Gradient& g) { g.op("SinGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Sin>();
PF_OP(Cos)
    .doc("Elementwise cosine `Y = cos X`.")
    .with(kForward)
    .grad([](Gradient& g) { g.op("CosGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Cos>();
PF_OP(SinGradient).doc("Gradient of Sin: `dX = dY cos X`.").with(kBackward).kernel<SinGradient>();
PF_OP(CosGradient).doc("Gradient of Cos: `dX = -dY sin X`.").with(kBackward).kernel<CosGradient>();

}  // namespace
}  // namespace pf
