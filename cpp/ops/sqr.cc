// SPDX-License-Identifier: Apache-2.0
// Sqr: y = x^2.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  PF_FN float operator()(float x) const { return x * x; }
};

template <class Device>
struct Sqr {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<float>(), Forward{}, x.data<float>());
    return {};
  }
};

PF_OP(Sqr)
    .doc("Elementwise square `Y = X^2`.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape(same_floats)
    .grad([](Gradient& g) {
      // 2 dy is made in place, as Caffe2 does it: the net counts on these operators.
      g.plain("Scale", {g.GO(0)}, {g.GO(0)}).set("scale", 2.f);
      g.plain("Mul", {g.GO(0), g.I(0)}, {g.GI(0)});
    })
    .kernel<Sqr>();

}  // namespace
}  // namespace pf
