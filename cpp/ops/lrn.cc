// SPDX-License-Identifier: Apache-2.0
// LRN: y = x s^-beta with s = bias + alpha / size * (sum of x^2 over a window of `size` channels).
// build: loops
#include "math/lrn.h"

namespace pf {
namespace {

struct Lrn {
  Status run(OpRun& op) {
    const LrnParams p(op.args);
    const int64_t n = op.in(0).size();
    const float* x = op.in(0).data<float>();
    float *y = op.out(0).data<float>(), *s = nullptr;
    if (op.outputs() > 1)
      s = op.out(1).data<float>();
    else
      PF_TRY(op.scratch(n, &s));
    lrn_scales(p, lrn_layout(op.in(0).shape(), op.args), x, s);
    parallel_for(n, 4096, [=](int64_t begin, int64_t end) {
      int64_t i = begin;
      for (; i + 4 <= end; i += 4) (f32x4::load(x + i) * lrn_power(f32x4::load(s + i), p.beta)).store(y + i);
      for (; i < end; ++i) y[i] = x[i] * lrn_power(f32x4::splat(s[i]), p.beta).lane(0);
    });
    return {};
  }
};

PF_OP(LRN)
    .doc(
        "Local response normalisation across channels: `Y = X scale^-beta` with `scale = bias + alpha / size "
        "* sum X^2` over a window of `size` channels around each; channels beyond the ends count as 0.")
    .with(kLrnArguments)
    .input("X", "float, 4 dimensions in the given order.")
    .output("Y", "Shape of X.")
    .optional_output("scale", "Shape of X.")
    .images(Images::kOrder)
    .shape(lrn_shape)
    .grad([](Gradient& g) { g.op("LRNGradient", {g.I(0), g.O(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<Lrn>();

}  // namespace
}  // namespace pf
