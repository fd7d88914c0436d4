// SPDX-License-Identifier: Apache-2.0
// LeakyRelu: y = x where x > 0, y = alpha x elsewhere; and its gradient.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  float slope;
  PF_FN float operator()(float x) const { return x > 0.f ? x : slope * x; }
};

// y keeps the sign of x as long as alpha > 0, so the gradient needs y alone and x may be overwritten.
struct Backward {
  float slope;
  PF_FN float operator()(float y, float dy) const { return y > 0.f ? dy : slope * dy; }
};

template <class Device>
struct LeakyRelu {
  float alpha;
  explicit LeakyRelu(const Args& args) : alpha(args.f("alpha")) {}
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<float>(), Forward{alpha}, x.data<float>());
    return {};
  }
};

template <class Device>
struct LeakyReluGradient {
  float alpha;
  explicit LeakyReluGradient(const Args& args) : alpha(args.f("alpha")) {}
  Status run(OpRun& op) {
    const Tensor &y = op.in(0), &dy = op.in(1);
    Device::map(op, y.size(), op.out(0).data<float>(), Backward{alpha}, y.data<float>(), dy.data<float>());
    return {};
  }
};

PF_OP(LeakyRelu)
    .doc("Elementwise `Y = X` where `X > 0`, `Y = alpha * X` elsewhere.")
    .arg("alpha", 0.01f, "Slope of the negative side.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("LeakyReluGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<LeakyRelu>();

PF_OP(LeakyReluGradient)
    .doc("Gradient of LeakyRelu from its output: `dX = dY` where `Y > 0`, `dX = alpha * dY` elsewhere.")
    .arg("alpha", 0.01f, "Slope of the negative side.")
    .input("Y", "Output of LeakyRelu.")
    .input("dY", "Gradient of Y, shape of Y.")
    .output("dX", "Gradient of X, shape of Y.")
    .inplace(1, 0)
    .shape(same_floats)
    .no_grad()
    .kernel<LeakyReluGradient>();

}  // namespace
}  // namespace pf
