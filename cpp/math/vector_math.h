// SPDX-License-Identifier: Apache-2.0
// exp, log, tanh and sigmoid over four lanes and over arrays. Infinities and NaN give what the C library gives.
// Errors were measured over all floats of the range named, against double: see tests/native/math_test.cc.
#pragma once

#include "core/simd.h"

namespace pf {

// e^x, within 2 ulp; from -87.4 down (results below the smallest normal float) within one denormal step.
PF_INLINE f32x4 exp(f32x4 x) {
  // Beyond these bounds the result is infinite or 0 anyway. max and min keep a NaN in their first argument.
  const f32x4 bounded = min(max(x, f32x4::splat(-104.f)), f32x4::splat(89.f));
  // n = x / ln 2 rounded to nearest by adding and taking away 1.5 * 2^23; r = x - n ln 2 in two steps.
  const f32x4 rounder = f32x4::splat(12582912.f);
  const f32x4 shifted = bounded * f32x4::splat(1.44269504f) + rounder;
  const f32x4 n = shifted - rounder;
  f32x4 r = madd(n, f32x4::splat(-0.693359375f), bounded);
  r = madd(n, f32x4::splat(2.12194440e-4f), r);
  // The polynomial of Cephes' expf.
  f32x4 p = f32x4::splat(1.9875691500e-4f);
  p = madd(p, r, f32x4::splat(1.3981999507e-3f));
  p = madd(p, r, f32x4::splat(8.3334519073e-3f));
  p = madd(p, r, f32x4::splat(4.1665795894e-2f));
  p = madd(p, r, f32x4::splat(1.6666665459e-1f));
  p = madd(p, r, f32x4::splat(5.0000001201e-1f));
  p = madd(p, r * r, r) + f32x4::splat(1.f);
  // 2^n in two factors, so that neither end of the range leaves the exponent. n sits in the low bits of `shifted`.
  const i32x4 exponent = bits(shifted) - i32x4::splat(0x4b400000);
  const i32x4 half = exponent >> 1;
  const f32x4 first = from_bits((half + i32x4::splat(127)) << 23);
  const f32x4 second = from_bits((exponent - half + i32x4::splat(127)) << 23);
  const f32x4 y = p * first * second;
  return select(x == x, y, x);
}

// Natural logarithm, within 2 ulp (near 1: of x - 1). -inf at 0, NaN below.
PF_INLINE f32x4 log(f32x4 x) {
  const f32x4 smallest_normal = f32x4::splat(1.17549435e-38f), zero = f32x4::zero();
  const i32x4 tiny = x < smallest_normal;  // denormals are scaled by 2^23
  const f32x4 scaled = select(tiny, x * f32x4::splat(8388608.f), x);
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2))
  const i32x4 offset = bits(scaled) - i32x4::splat(0x3f3504f3);
  const i32x4 e = (offset >> 23) - (tiny & i32x4::splat(23));
  const f32x4 m = from_bits((offset & i32x4::splat(0x007fffff)) + i32x4::splat(0x3f3504f3));
  const f32x4 r = m - f32x4::splat(1.f), square = r * r, n = to_float(e);
  // The polynomial of Cephes' logf.
  f32x4 p = f32x4::splat(7.0376836292e-2f);
  p = madd(p, r, f32x4::splat(-1.1514610310e-1f));
  p = madd(p, r, f32x4::splat(1.1676998740e-1f));
  p = madd(p, r, f32x4::splat(-1.2420140846e-1f));
  p = madd(p, r, f32x4::splat(1.4249322787e-1f));
  p = madd(p, r, f32x4::splat(-1.6668057665e-1f));
  p = madd(p, r, f32x4::splat(2.0000714765e-1f));
  p = madd(p, r, f32x4::splat(-2.4999993993e-1f));
  p = madd(p, r, f32x4::splat(3.3333331174e-1f));
  f32x4 y = p * r * square;
  y = madd(n, f32x4::splat(-2.12194440e-4f), y);
  y = madd(square, f32x4::splat(-0.5f), y);
  y = madd(n, f32x4::splat(0.693359375f), r + y);
  const f32x4 infinity = f32x4::splat(__builtin_huge_valf());
  y = select(x == zero, -infinity, y);
  y = select(x < zero, f32x4::splat(__builtin_nanf("")), y);
  return select(x < infinity, y, select(x == infinity, infinity, select(x == x, y, x)));
}

// Within 3 ulp.
PF_INLINE f32x4 tanh(f32x4 x) {
  const f32x4 size = abs(x), square = x * x, one = f32x4::splat(1.f);
  // Below 0.625 an odd polynomial (Cephes' tanhf), above it 1 - 2 / (e^2|x| + 1).
  f32x4 p = f32x4::splat(-5.70498872745e-3f);
  p = madd(p, square, f32x4::splat(2.06390887954e-2f));
  p = madd(p, square, f32x4::splat(-5.37397155531e-2f));
  p = madd(p, square, f32x4::splat(1.33314422036e-1f));
  p = madd(p, square, f32x4::splat(-3.33332819422e-1f));
  const f32x4 near = madd(p * square, x, x);
  const f32x4 far = one - f32x4::splat(2.f) / (exp(size + size) + one);
  return select(size < f32x4::splat(0.625f), near, copy_sign(far, x));
}

// 1 / (1 + e^-x), within 3 ulp; results below 2^-126 become 0 or stay denormal.
PF_INLINE f32x4 sigmoid(f32x4 x) {
  // e^-|x| never overflows; for x < 0 the result is e^x / (1 + e^x).
  const f32x4 small = exp(-abs(x)), one = f32x4::splat(1.f);
  const f32x4 y = select(x < f32x4::zero(), small, one) / (one + small);
  return select(x == x, y, x);
}

// One float, by the same arithmetic as the vectors: results do not depend on where an element lies.
inline float exp_one(float x) { return exp(f32x4::splat(x)).lane(0); }
inline float log_one(float x) { return log(f32x4::splat(x)).lane(0); }
inline float tanh_one(float x) { return tanh(f32x4::splat(x)).lane(0); }
inline float sigmoid_one(float x) { return sigmoid(f32x4::splat(x)).lane(0); }

// y[i] = f(x[i]) on the calling thread; y may be x.
template <class F>
PF_INLINE void map_vectors(int64_t n, const float* x, float* y, F f) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) f(f32x4::load(x + i)).store(y + i);
  if (i == n) return;
  float tail[4] = {};
  std::memcpy(tail, x + i, size_t(n - i) * sizeof(float));
  f(f32x4::load(tail)).store(tail);
  std::memcpy(y + i, tail, size_t(n - i) * sizeof(float));
}

void exp_array(int64_t n, const float* x, float* y);
void log_array(int64_t n, const float* x, float* y);
void tanh_array(int64_t n, const float* x, float* y);
void sigmoid_array(int64_t n, const float* x, float* y);
// y[i] = e^(x[i] - shift); returns the sum of y, as softmax wants it.
float exp_shifted(int64_t n, const float* x, float shift, float* y);

}  // namespace pf
