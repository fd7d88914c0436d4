// SPDX-License-Identifier: Apache-2.0
// The gradient of LRN.
// build: loops
#include "core/loops.h"
#include "math/lrn.h"

namespace pf {
namespace {

// dx = dy s^-beta - 2 alpha beta / size * x * (sum of dy y / s over the window)
struct LrnGradient {
  Status run(OpRun& op) {
    const LrnParams p(op.args);
    const LrnLayout l = lrn_layout(op.in(0).shape(), op.args);
    const int64_t n = op.in(0).size();
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    float *dx = op.out(0).data<float>(), *s = nullptr, *ratio = nullptr;
    PF_TRY(op.scratch(n, &s));
    PF_TRY(op.scratch(n, &ratio));
    lrn_scales(p, l, x, s);
    parallel_for(n, 16384, [=](int64_t begin, int64_t end) {
      PF_INDEPENDENT for (int64_t i = begin; i < end; ++i) ratio[i] = dy[i] * y[i] / s[i];
    });
    const float factor = 2.f * p.share * p.beta;
    for_windows(l, p.half, [=](int64_t begin, int64_t end, int64_t low, int64_t high) {
      int64_t i = begin;
      for (; i + 4 <= end; i += 4) {
        const f32x4 far = f32x4::splat(factor) * f32x4::load(x + i) * window(ratio + i, l.inner, low, high, itself);
        (f32x4::load(dy + i) * lrn_power(f32x4::load(s + i), p.beta) - far).store(dx + i);
      }
      for (; i < end; ++i)
        dx[i] = dy[i] * lrn_power(f32x4::splat(s[i]), p.beta).lane(0) -
                factor * x[i] * window_one(ratio + i, l.inner, low, high, itself);
    });
    return {};
  }
};

PF_OP(LRNGradient)
    .doc("Gradient of LRN: `dX = dY scale^-beta - 2 alpha beta / size * X * sum dY Y / scale` over the window.")
    .with(kLrnArguments)
    .input("X", "The tensor given to LRN.")
    .input("Y", "Output of LRN.")
    .input("dY", "Gradient of Y, shape of X.")
    .output("dX", "Gradient of X, shape of X.")
    .shape(lrn_shape)
    .no_grad()
    .cpu<LrnGradient>();

}  // namespace
}  // namespace pf
