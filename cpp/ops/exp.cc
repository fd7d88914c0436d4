// SPDX-License-Identifier: Apache-2.0
// Exp: e to the power of x.
#include <cmath>

#include "math/map_wide.h"

namespace pf {
namespace {

struct Forward {
  static constexpr auto array = exp_array;
  PF_FN float operator()(float x) const { return std::exp(x); }
};

template <class Device>
struct Exp {
  Status run(OpRun& op) { return map_wide<Device>(op, Forward{}); }
};

PF_OP(Exp)
    .doc("Elementwise exponential `Y = exp(X)`.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("Mul", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .kernel<Exp>();

}  // namespace
}  // namespace pf
