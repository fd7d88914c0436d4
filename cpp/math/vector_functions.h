// SPDX-License-Identifier: Apache-2.0
// exp, log, tanh and sigmoid in one text for vectors of every width: vector_math.h reads it for f32x4,
// vector_math_x86.cc for the wider ones, each inside a namespace and for the instructions of its own. So this file has
// no guard.
//
// A function is a functor that holds its terms: loops over arrays have them from memory, since some engines of
// WebAssembly build a constant vector anew at each use. Nearly all arguments lie where nothing over- or underflows:
// `near` serves blocks of which all have a `key` below kBound, the call operator any argument. Both make the same of an
// element. Polynomials are minimax, with the terms up to x (exp) and x^2 (log) exact.

constexpr float kExpTerms[] = {
    1.44269504f,     12582912.f,      -0.693359375f, 2.12194440e-4f, 1.381453825e-3f, 8.368745446e-3f, 4.166838899e-2f,
    1.666652113e-1f, 4.999999404e-1f, 1.f,           -0.f,
};

// e^x, within 1.5 ulp; from -87.4 down (results below the smallest normal float) within one denormal step.
struct ExpOf {
  using I = V::Ints;
  V log2_e, rounder, ln2_high, ln2_low, c6, c5, c4, c3, c2, one, sign;
  PF_INLINE explicit ExpOf(const float* k = kExpTerms)
      : log2_e(V::load_splat(k)),
        rounder(V::load_splat(k + 1)),
        ln2_high(V::load_splat(k + 2)),
        ln2_low(V::load_splat(k + 3)),
        c6(V::load_splat(k + 4)),
        c5(V::load_splat(k + 5)),
        c4(V::load_splat(k + 6)),
        c3(V::load_splat(k + 7)),
        c2(V::load_splat(k + 8)),
        one(V::load_splat(k + 9)),
        sign(V::load_splat(k + 10)) {}

  static constexpr int32_t kBound = 0x42ae0001;  // that of 87, and 1
  PF_INLINE I key(V x) const { return bits(x) & (I::splat(-1) - bits(sign)); }

  // e^x = 2^n * (1 + r + r^2 * p), where n sits in the low bits of `shifted`.
  struct Parts {
    V r, p, shifted;
  };
  PF_INLINE Parts parts(V x) const {
    // n = x / ln 2 rounded to nearest by adding and taking away 1.5 * 2^23; r = x - n ln 2 in two steps.
    const V shifted = madd(x, log2_e, rounder), n = shifted - rounder;
    const V r = madd(n, ln2_low, madd(n, ln2_high, x));
    V p = madd(c6, r, c5);
    p = madd(p, r, c4);
    p = madd(p, r, c3);
    return {r, madd(p, r, c2), shifted};
  }

  // e^x = 2^n * p
  struct Power {
    V p, shifted;
  };
  PF_INLINE Power power(V x) const {
    const Parts e = parts(x);
    return {madd(madd(e.p, e.r, one), e.r, one), e.shifted};
  }

  // e^x - 1 and e^x + 1 for -87 <= x <= 0, the first as exact near 0 as elsewhere.
  struct Around {
    V less, more;
  };
  PF_INLINE Around around(V x) const {
    const Parts e = parts(x);
    const V scale = from_bits(bits(one) + (bits(e.shifted) << 23)), rest = madd(e.p, e.r * e.r, e.r);
    return {madd(scale, rest, scale - one), madd(scale, rest, scale + one)};
  }

  // For |x| <= 87: there the exponents of p and the result are those of normal floats, and n is added to that of p.
  PF_INLINE V near(V x) const {
    const Power e = power(x);
    return from_bits(bits(e.p) + (bits(e.shifted) << 23));
  }

  PF_INLINE V operator()(V x) const {
    // Beyond these bounds the result is infinite or 0 anyway. max and min keep a NaN in their first argument.
    const Power e = power(min(max(x, V::splat(-104.f)), V::splat(89.f)));
    // 2^n in two factors, so that neither end of the range leaves the exponent.
    const I exponent = bits(e.shifted) - bits(rounder);
    const I half = exponent >> 1;
    const V first = from_bits((half + I::splat(127)) << 23);
    const V second = from_bits((exponent - half + I::splat(127)) << 23);
    return select(x == x, e.p * first * second, x);
  }
};

constexpr float kLogTerms[] = {
    0.707106769f,
    1.17549421e-38f,
    -2.12194440e-4f,
    0.693359375f,
    8.700474952e-2f,
    -1.426751049e-1f,
    1.491476587e-1f,
    -1.657758197e-1f,
    1.996306371e-1f,
    -2.500133711e-1f,
    3.333391074e-1f,
    -0.5f,
    1.f,
};

// Natural logarithm, within 1.5 ulp (near 1: of x - 1). -inf at 0, NaN below.
struct LogOf {
  using I = V::Ints;
  V root_half, mantissa, ln2_low, ln2_high, c9, c8, c7, c6, c5, c4, c3, c2, one;
  PF_INLINE explicit LogOf(const float* k = kLogTerms)
      : root_half(V::load_splat(k)),
        mantissa(V::load_splat(k + 1)),
        ln2_low(V::load_splat(k + 2)),
        ln2_high(V::load_splat(k + 3)),
        c9(V::load_splat(k + 4)),
        c8(V::load_splat(k + 5)),
        c7(V::load_splat(k + 6)),
        c6(V::load_splat(k + 7)),
        c5(V::load_splat(k + 8)),
        c4(V::load_splat(k + 9)),
        c3(V::load_splat(k + 10)),
        c2(V::load_splat(k + 11)),
        one(V::load_splat(k + 12)) {}

  // The bits of the smallest normal float become the smallest number, those of infinity the bound.
  static constexpr int32_t kBound = -0x1000000;
  PF_INLINE I key(V x) const { return bits(x) + I::splat(0x7f800000); }

  // log(x) + extra * ln 2 for normal x.
  PF_INLINE V near(V x, I extra) const {
    // x = m * 2^e with m in [sqrt(1/2), sqrt(2)), 1 + r = m
    const I offset = bits(x) - bits(root_half);
    const V n = to_float((offset >> 23) + extra);
    const V r = from_bits((offset & bits(mantissa)) + bits(root_half)) - one;
    V p = madd(c9, r, c8);
    p = madd(p, r, c7);
    p = madd(p, r, c6);
    p = madd(p, r, c5);
    p = madd(p, r, c4);
    p = madd(p, r, c3);
    p = madd(p, r, c2);
    return madd(n, ln2_high, madd(p, r * r, madd(n, ln2_low, r)));
  }
  PF_INLINE V near(V x) const { return near(x, I::splat(0)); }

  PF_INLINE V operator()(V x) const {
    const V infinity = V::splat(__builtin_huge_valf()), zero = V::zero();
    const auto tiny = x < V::splat(1.17549435e-38f);  // denormals are scaled by 2^23
    V y = near(select(tiny, x * V::splat(8388608.f), x), select(tiny, I::splat(-23), I::splat(0)));
    y = select(x == zero, V::zero() - infinity, y);
    y = select(x < zero, V::splat(__builtin_nanf("")), y);
    y = select(x == infinity, infinity, y);
    return select(x == x, y, x);
  }
};

// Within 2 ulp, and odd to the bit.
struct TanhOf {
  ExpOf exp;
  PF_INLINE explicit TanhOf(const float* k = kExpTerms) : exp(k) {}

  // (1 - e^-2|x|) / (1 + e^-2|x|), which is 1 from 9.1 on.
  PF_INLINE V operator()(V x) const {
    const ExpOf::Around e = exp.around(min(abs(x), V::splat(10.f)) * V::splat(-2.f));
    return copy_sign(e.less / e.more, x);
  }
};

// 1 / (1 + e^-x), within 3 ulp.
struct SigmoidOf {
  ExpOf exp;
  PF_INLINE explicit SigmoidOf(const float* k = kExpTerms) : exp(k) {}

  static constexpr int32_t kBound = ExpOf::kBound;
  PF_INLINE V::Ints key(V x) const { return exp.key(x); }
  PF_INLINE V near(V x) const { return exp.one / (exp.one + exp.near(V::zero() - x)); }

  // Below -87 the result is e^x, and e^-x may be infinite.
  PF_INLINE V operator()(V x) const {
    const auto low = x < V::splat(-87.f);
    const V e = exp(select(low, x, V::zero() - x));
    return select(low, e, exp.one / (exp.one + e));
  }
};

PF_INLINE V exp(V x) { return ExpOf()(x); }
PF_INLINE V log(V x) { return LogOf()(x); }
PF_INLINE V tanh(V x) { return TanhOf()(x); }
PF_INLINE V sigmoid(V x) { return SigmoidOf()(x); }

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
