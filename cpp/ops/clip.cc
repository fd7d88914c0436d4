// SPDX-License-Identifier: Apache-2.0
// Clip: y = x, but not below min nor above max; and its gradient.
#include "math/map_wide.h"

namespace pf {
namespace {

struct Bounds {
  float low, high;
  explicit Bounds(const Args& args)
      : low(args.has("min") ? args.f("min") : -kLargest), high(args.has("max") ? args.f("max") : kLargest) {}
  static constexpr float kLargest = 3.402823466e38f;
};

struct Forward {
  Bounds bounds;
  PF_INLINE f32x4 operator()(f32x4 x) const { return min(max(x, f32x4::splat(bounds.low)), f32x4::splat(bounds.high)); }
  PF_FN float operator()(float x) const {
    float y = x < bounds.low ? bounds.low : x;  // a NaN stays
    return bounds.high < y ? bounds.high : y;
  }
};

// On the bounds themselves the gradient is 0.
struct Backward {
  Bounds bounds;
  PF_FN float operator()(float y, float dy) const { return y > bounds.low && y < bounds.high ? dy : 0.f; }
};

template <class Device>
struct Clip {
  Bounds bounds;
  explicit Clip(const Args& args) : bounds(args) {}
  Status run(OpRun& op) { return map_wide<Device>(op, Forward{bounds}); }
};

template <class Device>
struct ClipGradient {
  Bounds bounds;
  explicit ClipGradient(const Args& args) : bounds(args) {}
  Status run(OpRun& op) {
    const Tensor &y = op.in(0), &dy = op.in(1);
    Device::map(op, y.size(), op.out(0).data<float>(), Backward{bounds}, y.data<float>(), dy.data<float>());
    return {};
  }
};

PF_OP(Clip)
    .doc("Elementwise `Y = min(max(X, min), max)`. `min` 0 and `max` 6 make Relu6.")
    .optional_arg("min", ArgType::kFloat, "Smallest result; without it there is none.")
    .optional_arg("max", ArgType::kFloat, "Largest result; without it there is none.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("ClipGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Clip>();

PF_OP(ClipGradient)
    .doc("Gradient of Clip from its output: `dX = dY` where `min < Y < max`, 0 elsewhere.")
    .optional_arg("min", ArgType::kFloat, "As given to Clip.")
    .optional_arg("max", ArgType::kFloat, "As given to Clip.")
    .input("Y", "Output of Clip.")
    .input("dY", "Gradient of Y, shape of Y.")
    .output("dX", "Gradient of X, shape of Y.")
    .inplace(1, 0)
    .shape(same_floats)
    .no_grad()
    .kernel<ClipGradient>();

}  // namespace
}  // namespace pf
