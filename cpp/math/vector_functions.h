// SPDX-License-Identifier: Apache-2.0
// exp, log, tanh and sigmoid in one text for vectors of every width: vector_math.h reads it for f32x4,
// vector_math_x86.cc for the wider ones, each inside a namespace and for the instructions of its own. So this file has
// no guard.
//
// Nearly all arguments lie where nothing over- or underflows: vectors of such take a short way, all others a longer one
// that stands apart, so that what is inlined stays short. Both make the same of an element.

// e^x = 2^n * p, where n sits in the low bits of `shifted`.
struct Power {
  V p, shifted;
};

PF_INLINE Power power_of_e(V x) {
  // n = x / ln 2 rounded to nearest by adding and taking away 1.5 * 2^23; r = x - n ln 2 in two steps.
  const V rounder = V::splat(12582912.f);
  const V shifted = madd(x, V::splat(1.44269504f), rounder);
  const V n = shifted - rounder;
  V r = madd(n, V::splat(-0.693359375f), x);
  r = madd(n, V::splat(2.12194440e-4f), r);
  // The polynomial of Cephes' expf.
  V p = V::splat(1.9875691500e-4f);
  p = madd(p, r, V::splat(1.3981999507e-3f));
  p = madd(p, r, V::splat(8.3334519073e-3f));
  p = madd(p, r, V::splat(4.1665795894e-2f));
  p = madd(p, r, V::splat(1.6666665459e-1f));
  p = madd(p, r, V::splat(5.0000001201e-1f));
  return {madd(p, r * r, r) + V::splat(1.f), shifted};
}

// e^x for |x| <= 87: there the exponents of p and the result are those of normal floats, and n is added to that of p.
PF_INLINE V exp_of_small(V x) {
  const Power e = power_of_e(x);
  return from_bits(bits(e.p) + (bits(e.shifted) << 23));
}

inline __attribute__((noinline)) V exp_of_any(V x) {
  using I = V::Ints;
  // Beyond these bounds the result is infinite or 0 anyway. max and min keep a NaN in their first argument.
  const Power e = power_of_e(min(max(x, V::splat(-104.f)), V::splat(89.f)));
  // 2^n in two factors, so that neither end of the range leaves the exponent.
  const I exponent = bits(e.shifted) - I::splat(0x4b400000);
  const I half = exponent >> 1;
  const V first = from_bits((half + I::splat(127)) << 23);
  const V second = from_bits((exponent - half + I::splat(127)) << 23);
  return select(x == x, e.p * first * second, x);
}

// e^x, within 2 ulp; from -87.4 down (results below the smallest normal float) within one denormal step.
PF_INLINE V exp(V x) { return all(abs(x) <= V::splat(87.f)) ? exp_of_small(x) : exp_of_any(x); }

// log(x) + extra * ln 2 for normal x.
PF_INLINE V log_of_normal(V x, V::Ints extra) {
  using I = V::Ints;
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2))
  const I offset = bits(x) - I::splat(0x3f3504f3);
  const V n = to_float((offset >> 23) + extra);
  const V m = from_bits((offset & I::splat(0x007fffff)) + I::splat(0x3f3504f3));
  const V r = m - V::splat(1.f), square = r * r;
  // The polynomial of Cephes' logf.
  V p = V::splat(7.0376836292e-2f);
  p = madd(p, r, V::splat(-1.1514610310e-1f));
  p = madd(p, r, V::splat(1.1676998740e-1f));
  p = madd(p, r, V::splat(-1.2420140846e-1f));
  p = madd(p, r, V::splat(1.4249322787e-1f));
  p = madd(p, r, V::splat(-1.6668057665e-1f));
  p = madd(p, r, V::splat(2.0000714765e-1f));
  p = madd(p, r, V::splat(-2.4999993993e-1f));
  p = madd(p, r, V::splat(3.3333331174e-1f));
  V y = p * r * square;
  y = madd(n, V::splat(-2.12194440e-4f), y);
  y = madd(square, V::splat(-0.5f), y);
  return madd(n, V::splat(0.693359375f), r + y);
}

inline __attribute__((noinline)) V log_of_any(V x) {
  using I = V::Ints;
  const V infinity = V::splat(__builtin_huge_valf()), zero = V::zero();
  const auto tiny = x < V::splat(1.17549435e-38f);  // denormals are scaled by 2^23
  V y = log_of_normal(select(tiny, x * V::splat(8388608.f), x), select(tiny, I::splat(-23), I::splat(0)));
  y = select(x == zero, V::splat(-__builtin_huge_valf()), y);
  y = select(x < zero, V::splat(__builtin_nanf("")), y);
  y = select(x == infinity, infinity, y);
  return select(x == x, y, x);
}

// Natural logarithm, within 2 ulp (near 1: of x - 1). -inf at 0, NaN below.
PF_INLINE V log(V x) {
  const bool normal = all((V::splat(1.17549435e-38f) <= x) & (x < V::splat(__builtin_huge_valf())));
  return normal ? log_of_normal(x, V::Ints::splat(0)) : log_of_any(x);
}

// Within 3 ulp.
PF_INLINE V tanh(V x) {
  const V size = abs(x), square = x * x, one = V::splat(1.f);
  // Below 0.625 an odd polynomial (Cephes' tanhf), above it 1 - 2 / (e^2|x| + 1), which is 1 from 9.1 on. A NaN takes
  // the first way.
  V p = V::splat(-5.70498872745e-3f);
  p = madd(p, square, V::splat(2.06390887954e-2f));
  p = madd(p, square, V::splat(-5.37397155531e-2f));
  p = madd(p, square, V::splat(1.33314422036e-1f));
  p = madd(p, square, V::splat(-3.33332819422e-1f));
  const V near = madd(p * square, x, x), bounded = min(size, V::splat(10.f));
  const V far = one - V::splat(2.f) / (exp_of_small(bounded + bounded) + one);
  return select(V::splat(0.625f) <= size, copy_sign(far, x), near);
}

// 1 / (1 + e^-x), within 3 ulp; results below 2^-126 become 0 or stay denormal.
PF_INLINE V sigmoid(V x) {
  // e^-|x| never overflows; for x < 0 the result is e^x / (1 + e^x).
  const V small = exp(V::zero() - abs(x)), one = V::splat(1.f);
  return select(x < V::zero(), small, one) / (one + small);
}

// y[i] = f(x[i]) on the calling thread; y may be x.
template <class F>
PF_INLINE void map_lanes(int64_t n, const float* x, float* y, F f) {
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) f(V::load(x + i)).store(y + i);
  if (i == n) return;
  float tail[V::kLanes] = {};
  std::memcpy(tail, x + i, size_t(n - i) * sizeof(float));
  f(V::load(tail)).store(tail);
  std::memcpy(y + i, tail, size_t(n - i) * sizeof(float));
}
