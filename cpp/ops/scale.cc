// SPDX-License-Identifier: Apache-2.0
// Scale: y = scale x.
// build: loops
#include "core/op.h"

namespace pf {
namespace {

struct Forward {
  float scale;
  PF_FN float operator()(float x) const { return scale * x; }
};

template <class Device>
struct Scale {
  float scale;
  explicit Scale(const Args& args) : scale(args.f("scale")) {}
  Status run(OpRun& op) {
    const Tensor& x = op.in(0);
    Device::map(op, x.size(), op.out(0).data<float>(), Forward{scale}, x.data<float>());
    return {};
  }
};

PF_OP(Scale)
    .doc("Elementwise `Y = scale * X`.")
    .arg("scale", 1.f, "The factor.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("Scale", {g.GO(0)}, {g.GI(0)}); })
    .kernel<Scale>();

}  // namespace
}  // namespace pf
