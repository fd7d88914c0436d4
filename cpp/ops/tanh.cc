// SPDX-License-Identifier: Apache-2.0
// Tanh: y = tanh(x); and its gradient.
// build: loops
#include <cmath>

#include "math/map_wide.h"

namespace pf {
namespace {

struct Forward {
  static constexpr auto array = tanh_array;
  PF_FN float operator()(float x) const { return std::tanh(x); }
};

struct Backward {
  PF_FN float operator()(float y, float dy) const { return dy * (1.f - y * y); }
};

template <class Device>
struct Tanh {
  Status run(OpRun& op) { return map_wide<Device>(op, Forward{}); }
};

template <class Device>
struct TanhGradient {
  Status run(OpRun& op) {
    const Tensor &y = op.in(0), &dy = op.in(1);
    Device::map(op, y.size(), op.out(0).data<float>(), Backward{}, y.data<float>(), dy.data<float>());
    return {};
  }
};

PF_OP(Tanh)
    .doc("Elementwise hyperbolic tangent `Y = tanh(X)`.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("TanhGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Tanh>();

PF_OP(TanhGradient)
    .doc("Gradient of Tanh from its output: `dX = dY * (1 - Y^2)`.")
    .input("Y", "Output of Tanh.")
    .input("dY", "Gradient of Y, shape of Y.")
    .output("dX", "Gradient of X, shape of Y.")
    .inplace(1, 0)
    .shape(same_floats)
    .no_grad()
    .kernel<TanhGradient>();

}  // namespace
}  // namespace pf
