// SPDX-License-Identifier: Apache-2.0
// Sigmoid: y = 1 / (1 + e^-x); and its gradient.
#include <cmath>

#include "math/map_wide.h"

namespace pf {
namespace {

struct Forward {
  static constexpr auto array = sigmoid_array;
  PF_FN float operator()(float x) const { return 1.f / (1.f + std::exp(-x)); }
};

struct Backward {
  PF_INLINE f32x4 operator()(f32x4 y, f32x4 dy) const { return dy * y * (f32x4::splat(1.f) - y); }
  PF_FN float operator()(float y, float dy) const { return dy * y * (1.f - y); }
};

template <class Device>
struct Sigmoid {
  Status run(OpRun& op) { return map_wide<Device>(op, Forward{}); }
};

template <class Device>
struct SigmoidGradient {
  Status run(OpRun& op) {
    const Tensor &y = op.in(0), &dy = op.in(1);
    map_wide<Device>(op, y.size(), y.data<float>(), dy.data<float>(), op.out(0).data<float>(), Backward{});
    return {};
  }
};

PF_OP(Sigmoid)
    .doc("Elementwise `Y = 1 / (1 + exp(-X))`.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("SigmoidGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Sigmoid>();

PF_OP(SigmoidGradient)
    .doc("Gradient of Sigmoid from its output: `dX = dY * Y * (1 - Y)`.")
    .input("Y", "Output of Sigmoid.")
    .input("dY", "Gradient of Y, shape of Y.")
    .output("dX", "Gradient of X, shape of Y.")
    .inplace(1, 0)
    .shape(same_floats)
    .no_grad()
    .kernel<SigmoidGradient>();

}  // namespace
}  // namespace pf
