// SPDX-License-Identifier: Apache-2.0
// Relu: y = max(x, 0); and its gradient.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  PF_FN float operator()(float x) const { return x < 0.f ? 0.f : x; }  // a NaN stays
};

// y is positive exactly where x is, so x may be overwritten.
struct Backward {
  PF_FN float operator()(float y, float dy) const { return y > 0.f ? dy : 0.f; }
};

template <class Device>
struct Relu {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<float>(), Forward{}, x.data<float>());
    return {};
  }
};

template <class Device>
struct ReluGradient {
  Status run(OpRun& op) {
    const Tensor &y = op.in(0), &dy = op.in(1);
    Device::map(op, y.size(), op.out(0).data<float>(), Backward{}, y.data<float>(), dy.data<float>());
    return {};
  }
};

PF_OP(Relu)
    .doc("Elementwise `Y = max(X, 0)`.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .images(Images::kElementwise)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("ReluGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Relu>();

PF_OP(ReluGradient)
    .doc("Gradient of Relu from its output: `dX = dY` where `Y > 0`, 0 elsewhere.")
    .input("Y", "Output of Relu.")
    .input("dY", "Gradient of Y, shape of Y.")
    .output("dX", "Gradient of X, shape of Y.")
    .inplace(1, 0)
    .shape(same_floats)
    .no_grad()
    .kernel<ReluGradient>();

}  // namespace
}  // namespace pf
