// SPDX-License-Identifier: Apache-2.0
// Abs: y = |x|; and its gradient.
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  PF_FN float operator()(float x) const { return std::fabs(x); }
};

struct Backward {
  PF_FN float operator()(float x, float dy) const { return x == 0.f ? 0.f : x > 0.f ? dy : -dy; }
};

template <class Device>
struct Abs {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<float>(), Forward{}, x.data<float>());
    return {};
  }
};

template <class Device>
struct AbsGradient {
  Status run(OpRun& op) {
    const Tensor &x = op.in(0), &dy = op.in(1);
    Device::map(op, x.size(), op.out(0).data<float>(), Backward{}, x.data<float>(), dy.data<float>());
    return {};
  }
};

PF_OP(Abs)
    .doc("Elementwise absolute value `Y = |X|`.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("AbsGradient", {g.I(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Abs>();

PF_OP(AbsGradient)
    .doc("Gradient of Abs: `dX = dY * sign(X)`, 0 where X is 0.")
    .input("X", "Input of Abs.")
    .input("dY", "Gradient of Y, shape of X.")
    .output("dX", "Gradient of X, shape of X.")
    .shape(same_floats)
    .no_grad()
    .kernel<AbsGradient>();

}  // namespace
}  // namespace pf
