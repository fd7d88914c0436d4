// SPDX-License-Identifier: Apache-2.0
// Sqrt: the square root.
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  PF_FN float operator()(float x) const { return std::sqrt(x); }
};

template <class Device>
struct Sqrt {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<float>(), Forward{}, x.data<float>());
    return {};
  }
};

PF_OP(Sqrt)
    .doc("Elementwise square root `Y = sqrt(X)`; NaN for negative X.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape(same_floats)
    .grad([](Gradient& g) {
      g.plain("Scale", {g.GO(0)}, {g.GI(0)}).set("scale", 0.5f);
      g.plain("Div", {g.GI(0), g.O(0)}, {g.GI(0)});
    })
    .kernel<Sqrt>();

}  // namespace
}  // namespace pf
