// SPDX-License-Identifier: Apache-2.0
// Log: the natural logarithm.
#include <cmath>

#include "math/map_wide.h"

namespace pf {
namespace {

struct Forward {
  static constexpr auto array = log_array;
  PF_FN float operator()(float x) const { return std::log(x); }
};

template <class Device>
struct Log {
  Status run(OpRun& op) { return map_wide<Device>(op, Forward{}); }
};

PF_OP(Log)
    .doc("Elementwise natural logarithm `Y = log(X)`; -inf at 0, NaN below.")
    .input("X", "float, any shape.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("Div", {g.GO(0), g.I(0)}, {g.GI(0)}); })
    .kernel<Log>();

}  // namespace
}  // namespace pf
