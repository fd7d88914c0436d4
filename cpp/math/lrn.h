// SPDX-License-Identifier: Apache-2.0
// What LRN and its gradient share: s = bias + alpha / size * (sum of x^2 over a window of `size` channels), s^-beta,
// and sums over windows.
#pragma once
#include <cmath>

#include "core/op.h"
#include "math/vector_math.h"

namespace pf {

// Both orders as [outer, channels, inner]: inner is H * W for NCHW and 1 for NHWC.
struct LrnLayout {
  int64_t outer, channels, inner;
};

inline LrnLayout lrn_layout(const Shape& x, const Args& args) {
  if (args.s("order") == "NHWC") return {x[0] * x[1] * x[2], x[3], 1};
  return {x[0], x[1], x[2] * x[3]};
}

// Calls body(begin, end, low, high) for ranges of elements whose windows reach from `low` to `high` channels away;
// begin is the element's index in the tensor. Only the first and the last channels have windows cut off.
template <class F>
void for_windows(const LrnLayout& l, int64_t half, F body) {
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
PF_INLINE f32x4 lrn_power(f32x4 s, float beta) {
  if (beta == 0.75f) {
    const f32x4 root = sqrt(s);
    return f32x4::splat(1.f) / (root * sqrt(root));
  }
  return exp_apart(f32x4::splat(-beta) * log_apart(s));
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

struct LrnParams {
  int64_t half;
  float share, beta, bias;  // share: alpha / size
  explicit LrnParams(const Args& args)
      : half((args.i("size") - 1) / 2),
        share(args.f("alpha") / float(args.i("size"))),
        beta(args.f("beta")),
        bias(args.f("bias")) {}
};

// Objects, not functions: a function's address in `term` keeps compilers from inlining it.
inline constexpr auto square = [](f32x4 v) { return v * v; };
inline constexpr auto itself = [](f32x4 v) { return v; };

inline void lrn_scales(const LrnParams& p, const LrnLayout& l, const float* x, float* s) {
  for_windows(l, p.half, [=](int64_t begin, int64_t end, int64_t low, int64_t high) {
    int64_t i = begin;
    for (; i + 4 <= end; i += 4)
      madd(f32x4::splat(p.share), window(x + i, l.inner, low, high, square), f32x4::splat(p.bias)).store(s + i);
    for (; i < end; ++i) s[i] = p.bias + p.share * window_one(x + i, l.inner, low, high, square);
  });
}

inline Status lrn_shape(Infer& in) {
  const Args& args = in.args;
  PF_TRY(same_floats(in));
  PF_TRY(in.want_rank(0, 4));
  PF_CHECK(args.s("order") == "NCHW" || args.s("order") == "NHWC", argument, "order must be NCHW or NHWC, found ",
           args.s("order"));
  PF_CHECK(args.i("size") > 0 && args.i("size") % 2 == 1, argument, "size must be positive and odd, found ",
           args.i("size"));
  return {};
}

inline constexpr auto kLrnArguments = [](auto& op) {
  op.arg("size", 0, "Channels in the window, odd.")
      .arg("alpha", 0.f, "Factor of the mean square in the window.")
      .arg("beta", 0.f, "The exponent.")
      .arg("bias", 1.f, "What is added to the mean square.")
      .arg("order", "NCHW", "NCHW or NHWC: where the channels are.");
};

}  // namespace pf
