// SPDX-License-Identifier: Apache-2.0
// LRN: y = x s^-beta with s = bias + alpha / size * (sum of x^2 over a window of `size` channels); and its gradient.
#include <cmath>

#include "core/loops.h"
#include "core/op.h"
#include "math/vector_math.h"

namespace pf {
namespace {

// Both orders as [outer, channels, inner]: inner is H * W for NCHW and 1 for NHWC.
struct Layout {
  int64_t outer, channels, inner;
};

Layout layout_of(const Shape& x, const Args& args) {
  if (args.s("order") == "NHWC") return {x[0] * x[1] * x[2], x[3], 1};
  return {x[0], x[1], x[2] * x[3]};
}

// Calls body(begin, end, low, high) for ranges of elements whose windows reach from `low` to `high` channels away;
// begin is the element's index in the tensor. Only the first and the last channels have windows cut off.
template <class F>
void for_windows(const Layout& l, int64_t half, F body) {
  parallel_for(l.outer * l.channels, 1 + 4096 / (l.inner + 1), [=](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end;) {
      const int64_t c = u % l.channels;
      const int64_t low = c < half ? -c : -half, high = l.channels - 1 - c < half ? l.channels - 1 - c : half;
      int64_t run = 1;
      if (low == -half && high == half) run = l.channels - half - c < end - u ? l.channels - half - c : end - u;
      body(u * l.inner, (u + run) * l.inner, low, high);
      u += run;
    }
  });
}

// s^-beta. The exponent of every classic net needs only square roots.
PF_INLINE f32x4 power(f32x4 s, float beta) {
  if (beta == 0.75f) {
    const f32x4 root = sqrt(s);
    return f32x4::splat(1.f) / (root * sqrt(root));
  }
  return exp(f32x4::splat(-beta) * log(s));
}

// Sum of term(v) over the window around four neighbouring elements, and around one.
template <class Term>
PF_INLINE f32x4 window(const float* v, int64_t inner, int64_t low, int64_t high, Term term) {
  f32x4 sum = f32x4::zero();
  for (int64_t d = low; d <= high; ++d) sum += term(f32x4::load(v + d * inner));
  return sum;
}

template <class Term>
float window_one(const float* v, int64_t inner, int64_t low, int64_t high, Term term) {
  float sum = 0;
  for (int64_t d = low; d <= high; ++d) sum += term(f32x4::splat(v[d * inner])).lane(0);
  return sum;
}

struct Params {
  int64_t half;
  float share, beta, bias;  // share: alpha / size
  explicit Params(const Args& args)
      : half((args.i("size") - 1) / 2),
        share(args.f("alpha") / float(args.i("size"))),
        beta(args.f("beta")),
        bias(args.f("bias")) {}
};

// Objects, not functions: a function's address in `term` keeps compilers from inlining it.
constexpr auto square = [](f32x4 v) { return v * v; };
constexpr auto itself = [](f32x4 v) { return v; };

void scales(const Params& p, const Layout& l, const float* x, float* s) {
  for_windows(l, p.half, [=](int64_t begin, int64_t end, int64_t low, int64_t high) {
    int64_t i = begin;
    for (; i + 4 <= end; i += 4)
      madd(f32x4::splat(p.share), window(x + i, l.inner, low, high, square), f32x4::splat(p.bias)).store(s + i);
    for (; i < end; ++i) s[i] = p.bias + p.share * window_one(x + i, l.inner, low, high, square);
  });
}

struct Lrn {
  Status run(OpRun& op) {
    const Params p(op.args);
    const int64_t n = op.in(0).size();
    const float* x = op.in(0).data<float>();
    float *y = op.out(0).data<float>(), *s = nullptr;
    if (op.outputs() > 1)
      s = op.out(1).data<float>();
    else
      PF_TRY(op.scratch(n, &s));
    scales(p, layout_of(op.in(0).shape(), op.args), x, s);
    parallel_for(n, 4096, [=](int64_t begin, int64_t end) {
      int64_t i = begin;
      for (; i + 4 <= end; i += 4) (f32x4::load(x + i) * power(f32x4::load(s + i), p.beta)).store(y + i);
      for (; i < end; ++i) y[i] = x[i] * power(f32x4::splat(s[i]), p.beta).lane(0);
    });
    return {};
  }
};

// dx = dy s^-beta - 2 alpha beta / size * x * (sum of dy y / s over the window)
struct LrnGradient {
  Status run(OpRun& op) {
    const Params p(op.args);
    const Layout l = layout_of(op.in(0).shape(), op.args);
    const int64_t n = op.in(0).size();
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    float *dx = op.out(0).data<float>(), *s = nullptr, *ratio = nullptr;
    PF_TRY(op.scratch(n, &s));
    PF_TRY(op.scratch(n, &ratio));
    scales(p, l, x, s);
    parallel_for(n, 16384, [=](int64_t begin, int64_t end) {
      PF_INDEPENDENT for (int64_t i = begin; i < end; ++i) ratio[i] = dy[i] * y[i] / s[i];
    });
    const float factor = 2.f * p.share * p.beta;
    for_windows(l, p.half, [=](int64_t begin, int64_t end, int64_t low, int64_t high) {
      int64_t i = begin;
      for (; i + 4 <= end; i += 4) {
        const f32x4 far = f32x4::splat(factor) * f32x4::load(x + i) * window(ratio + i, l.inner, low, high, itself);
        (f32x4::load(dy + i) * power(f32x4::load(s + i), p.beta) - far).store(dx + i);
      }
      for (; i < end; ++i)
        dx[i] = dy[i] * power(f32x4::splat(s[i]), p.beta).lane(0) -
                factor * x[i] * window_one(ratio + i, l.inner, low, high, itself);
    });
    return {};
  }
};

Status lrn_shape(Infer& in) {
  const Args& args = in.args;
  PF_TRY(same_floats(in));
  PF_TRY(in.want_rank(0, 4));
  PF_CHECK(args.s("order") == "NCHW" || args.s("order") == "NHWC", argument, "order must be NCHW or NHWC, found ",
           args.s("order"));
  PF_CHECK(args.i("size") > 0 && args.i("size") % 2 == 1, argument, "size must be positive and odd, found ",
           args.i("size"));
  return {};
}

constexpr auto kArguments = [](auto& op) {
  op.arg("size", 0, "Channels in the window, odd.")
      .arg("alpha", 0.f, "Factor of the mean square in the window.")
      .arg("beta", 0.f, "The exponent.")
      .arg("bias", 1.f, "What is added to the mean square.")
      .arg("order", "NCHW", "NCHW or NHWC: where the channels are.");
};

PF_OP(LRN)
    .images(Images::kOrder)
    .doc(
        "Local response normalisation across channels: `Y = X scale^-beta` with `scale = bias + alpha / size "
        "* sum X^2` over a window of `size` channels around each; channels beyond the ends count as 0.")
    .with(kArguments)
    .input("X", "float, 4 dimensions in the given order.")
    .output("Y", "Shape of X.")
    .optional_output("scale", "Shape of X.")
    .shape(lrn_shape)
    .grad([](Gradient& g) { g.op("LRNGradient", {g.I(0), g.O(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<Lrn>();

PF_OP(LRNGradient)
    .doc("Gradient of LRN: `dX = dY scale^-beta - 2 alpha beta / size * X * sum dY Y / scale` over the window.")
    .with(kArguments)
    .input("X", "The tensor given to LRN.")
    .input("Y", "Output of LRN.")
    .input("dY", "Gradient of Y, shape of X.")
    .output("dX", "Gradient of X, shape of X.")
    .shape(lrn_shape)
    .no_grad()
    .cpu<LrnGradient>();

}  // namespace
}  // namespace pf
