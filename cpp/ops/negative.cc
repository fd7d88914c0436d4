// SPDX-License-Identifier: Apache-2.0
// Negative: y = -x.
#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  PF_FN float operator()(float x) const { return -x; }
};

template <class Device>
struct Negative {
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<float>(), Forward{}, x.data<float>());
    return {};
  }
};

PF_OP(Negative)
    .doc("Elementwise `Y = -X`.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape(same_floats)
    .grad([](Gradient& g) {
      g.op("Negative", {g.GO(0)}, {g.GI(0)});
    })
    .kernel<Negative>();

}  // namespace
}  // namespace pf
