// SPDX-License-Identifier: Apache-2.0
// Vectors of 16 bits for the kernels of quantized tensors, and the float form of their requantization.
#pragma once
#include "core/simd.h"
#include "math/int8.h"

namespace pf {

typedef int16_t RawI16x8 __attribute__((vector_size(16)));
typedef uint8_t RawU8x16 __attribute__((vector_size(16)));
typedef uint8_t RawU8x8 __attribute__((vector_size(8)));

// One int32 from memory into all lanes.
PF_INLINE i32x4 load_splat(const int32_t* p) {
#if defined(__wasm_simd128__)
  return {(RawI32x4)wasm_v128_load32_splat(p)};
#else
  return i32x4::splat(*p);
#endif
}

// Eight int16.
struct i16x8 {
  RawI16x8 v;
  static PF_INLINE i16x8 load(const int16_t* p) {
    i16x8 x;
    std::memcpy(&x.v, p, 16);
    return x;
  }
  static PF_INLINE i16x8 splat(int16_t x) { return {RawI16x8{x, x, x, x, x, x, x, x}}; }
  // Eight bytes, widened.
  static PF_INLINE i16x8 load_u8(const uint8_t* p) {
#if defined(__wasm_simd128__)
    return {(RawI16x8)wasm_u16x8_load8x8(p)};
#elif defined(__SSE4_1__)
    return {(RawI16x8)_mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
#elif defined(__SSE2__)
    const __m128i x = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return {(RawI16x8)_mm_unpacklo_epi8(x, _mm_setzero_si128())};
#else
    return {RawI16x8{p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]}};
#endif
  }
  PF_INLINE void store(int16_t* p) const { std::memcpy(p, &v, 16); }
};

PF_INLINE i16x8 operator+(i16x8 a, i16x8 b) { return {a.v + b.v}; }
PF_INLINE i16x8 operator-(i16x8 a, i16x8 b) { return {a.v - b.v}; }

// Lane i: a[2i] * b[2i] + a[2i + 1] * b[2i + 1].
PF_INLINE i32x4 dot(i16x8 a, i16x8 b) {
#if defined(__wasm_simd128__)
  return {(RawI32x4)wasm_i32x4_dot_i16x8((v128_t)a.v, (v128_t)b.v)};
#elif defined(__SSE2__)
  return {(RawI32x4)_mm_madd_epi16((__m128i)a.v, (__m128i)b.v)};
#else
  i32x4 sum;
  for (int i = 0; i < 4; ++i) sum.v[i] = int32_t(a.v[2 * i]) * b.v[2 * i] + int32_t(a.v[2 * i + 1]) * b.v[2 * i + 1];
  return sum;
#endif
}

// Lanes of a and b in turn: of their first halves, of their second.
PF_INLINE i16x8 first_pairs(i16x8 a, i16x8 b) { return {__builtin_shufflevector(a.v, b.v, 0, 8, 1, 9, 2, 10, 3, 11)}; }
PF_INLINE i16x8 last_pairs(i16x8 a, i16x8 b) { return {__builtin_shufflevector(a.v, b.v, 4, 12, 5, 13, 6, 14, 7, 15)}; }

// Eight bytes at the beginning of a vector.
PF_INLINE RawU8x16 load_eight(const uint8_t* p) {
#if defined(__wasm_simd128__)
  return (RawU8x16)wasm_v128_load64_zero(p);
#elif defined(__SSE2__)
  return (RawU8x16)_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
#else
  RawU8x16 x = {};
  std::memcpy(&x, p, 8);
  return x;
#endif
}

// The first eight bytes of two vectors in turn, widened: of four pairs, and of four; or, where vectors are wide enough,
// of all eight.
struct BytePairs {
#if defined(__AVX2__)
  __m256i all;
  PF_INLINE BytePairs(RawU8x16 a, RawU8x16 b) : all(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8((__m128i)a, (__m128i)b))) {}
#else
  i16x8 first, last;
  PF_INLINE BytePairs(RawU8x16 a, RawU8x16 b) {
#if defined(__SSE2__)
    const __m128i both = _mm_unpacklo_epi8((__m128i)a, (__m128i)b), none = _mm_setzero_si128();
    first.v = (RawI16x8)_mm_unpacklo_epi8(both, none);
    last.v = (RawI16x8)_mm_unpackhi_epi8(both, none);
#else
    const RawU8x16 both = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#if defined(__wasm_simd128__)
    first.v = (RawI16x8)wasm_u16x8_extend_low_u8x16((v128_t)both);
    last.v = (RawI16x8)wasm_u16x8_extend_high_u8x16((v128_t)both);
#else
    for (int i = 0; i < 8; ++i) first.v[i] = both[i], last.v[i] = both[8 + i];
#endif
#endif
  }
#endif
};

// Both clamped to int16.
PF_INLINE i16x8 narrow(i32x4 a, i32x4 b) {
#if defined(__wasm_simd128__)
  return {(RawI16x8)wasm_i16x8_narrow_i32x4((v128_t)a.v, (v128_t)b.v)};
#elif defined(__SSE2__)
  return {(RawI16x8)_mm_packs_epi32((__m128i)a.v, (__m128i)b.v)};
#else
  i16x8 x;
  for (int i = 0; i < 8; ++i) {
    const int32_t v = i < 4 ? a.v[i] : b.v[i - 4];
    x.v[i] = int16_t(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v);
  }
  return x;
#endif
}

// Both clamped to a byte, then to no less than low.
PF_INLINE void narrow_u8(i16x8 a, i16x8 b, uint8_t low, RawU8x16* out) {
#if defined(__wasm_simd128__)
  *out = (RawU8x16)wasm_u8x16_max(wasm_u8x16_narrow_i16x8((v128_t)a.v, (v128_t)b.v), wasm_u8x16_splat(low));
#elif defined(__SSE2__)
  *out = (RawU8x16)_mm_max_epu8(_mm_packus_epi16((__m128i)a.v, (__m128i)b.v), _mm_set1_epi8(char(low)));
#else
  for (int i = 0; i < 16; ++i) (*out)[i] = clamp_u8(i < 8 ? a.v[i] : b.v[i - 8], low);
#endif
}

// (a * b + 2^30) / 2^31, rounded down, of what an int32 holds of it.
PF_INLINE i32x4 rounded_high(i32x4 a, i32x4 b) {
#if defined(__wasm_simd128__)
  const v128_t half = wasm_i64x2_splat(0x40000000);
  const v128_t low = wasm_i64x2_add(wasm_i64x2_extmul_low_i32x4((v128_t)a.v, (v128_t)b.v), half);
  const v128_t high = wasm_i64x2_add(wasm_i64x2_extmul_high_i32x4((v128_t)a.v, (v128_t)b.v), half);
  return {(RawI32x4)wasm_i32x4_shuffle(wasm_u64x2_shr(low, 31), wasm_u64x2_shr(high, 31), 0, 2, 4, 6)};
#elif defined(__SSE4_1__)
  const __m128i half = _mm_set1_epi64x(0x40000000), x = (__m128i)a.v, y = (__m128i)b.v;
  const __m128i even = _mm_add_epi64(_mm_mul_epi32(x, y), half);
  const __m128i odd = _mm_add_epi64(_mm_mul_epi32(_mm_srli_epi64(x, 32), _mm_srli_epi64(y, 32)), half);
  return {(RawI32x4)_mm_blend_epi16(_mm_srli_epi64(even, 31), _mm_slli_epi64(odd, 1), 0xcc)};
#else
  i32x4 high;
  for (int i = 0; i < 4; ++i) high.v[i] = int32_t(uint32_t(uint64_t(int64_t(a.v[i]) * b.v[i] + 0x40000000) >> 31));
  return high;
#endif
}

// A number below 1 as multiplier / 2^31 / 2^shift, and four numbers times it: both divisions round to the nearest, the
// second halves away from 0. Right for numbers that are 2^30 at most.
struct FixedPointVector {
  i32x4 multiplier, half, sign;
  int shift;
  bool halves;  // an even number is halved
  FixedPointVector(int32_t factor, int bits)
      : multiplier(i32x4::splat(factor)),
        half(i32x4::splat(bits ? 1 << (bits - 1) : 0)),
        sign(i32x4::splat(bits ? -1 : 0)),
        shift(bits),
        halves(factor == 1 << 30 && bits == 0) {}
  PF_INLINE i32x4 operator()(i32x4 x) const {
    const i32x4 high = rounded_high(x, multiplier);
    return (high + half + ((high >> 31) & sign)) >> shift;
  }
};

// Requantize by one float product and one sum, where that gives the very same elements: it is tried, when it is made,
// on both sides of every sum at which the output takes a step, and both ways never fall as sums grow.
struct FloatRequantize {
  int32_t center = 0;  // taken off the sums, so that products are small, and their last bits as well
  float scale = 0, offset = 0;
  int32_t sign = 0;   // the bits of the product that the offset takes: with its sign it goes away from 0
  int32_t whole = 0;  // added to what is rounded
  int32_t base = 0;   // see FloatFinish
  uint8_t low = 0;
  bool exact = false;

  FloatRequantize() = default;
  // For sums from -limit to limit.
  FloatRequantize(const Requantize& wanted, int64_t limit);
};

// Sums to elements by floats. kSigned: the requantization has a sign.
template <bool kSigned>
struct FloatFinish {
  // Behind this number floats are whole: what is added to it is rounded, halves to even, into its last bits.
  static constexpr float kMagic = 0x1.8p23f;
  i32x4 center;
  f32x4 scale, offset, magic;
  i32x4 sign, base;
  uint8_t low;

  PF_INLINE explicit FloatFinish(const FloatRequantize& r)
      : center(load_splat(&r.center)),
        scale(f32x4::load_splat(&r.scale)),
        offset(f32x4::load_splat(&r.offset)),
        magic(f32x4::load_splat(&kMagic)),
        sign(load_splat(&r.sign)),
        base(load_splat(&r.base)),
        low(r.low) {}
  // What is then clamped. Product and sum are rounded one by one on every machine.
  PF_INLINE i32x4 operator()(i32x4 sum) const {
    f32x4 t = to_float(sum - center) * scale;
#if defined(__SSE2__)
    asm("" : "+x"(t.v));
#endif
    t = t + (kSigned ? from_bits(bits(offset) | (bits(t) & sign)) : offset);
    return bits(t + magic) + base;
  }
  // Two times eight sums.
  PF_INLINE void store(i32x4 a, i32x4 b, i32x4 c, i32x4 d, uint8_t* y, uint8_t* z) const {
    RawU8x16 bytes;
    narrow_u8(narrow((*this)(a), (*this)(b)), narrow((*this)(c), (*this)(d)), low, &bytes);
    std::memcpy(y, &bytes, 8);
    std::memcpy(z, reinterpret_cast<const char*>(&bytes) + 8, 8);
  }
  PF_INLINE void store(i32x4 a, i32x4 b, uint8_t* y) const {
    RawU8x16 bytes;
    const i16x8 x = narrow((*this)(a), (*this)(b));
    narrow_u8(x, x, low, &bytes);
    std::memcpy(y, &bytes, 8);
  }
};

// Four sums of products, as the micro kernel of math/int8_gemm.h wants its vectors.
struct Int8Sums {
  static constexpr int kLanes = 4;
  static constexpr bool kRowStarts = false;
  i32x4 v;
  static PF_INLINE Int8Sums load(const int32_t* p) { return {i32x4::load(p)}; }
  static PF_INLINE Int8Sums splat(const int32_t* p) { return {load_splat(p)}; }
  PF_INLINE void store(int32_t* p) const { v.store(p); }
  static PF_INLINE Int8Sums dot(Int8Sums row, Int8Sums column, Int8Sums sum) {
    return {sum.v + pf::dot(i16x8{(RawI16x8)row.v.v}, i16x8{(RawI16x8)column.v.v})};
  }
  using Finish = FloatRequantize;
  template <int kRows, int kVectors, bool kSigned>
  static PF_INLINE void finish(const Int8Sums (&sums)[kRows][kVectors], const Finish& r, uint8_t* y, int64_t stride) {
    static_assert(kVectors == 2);
    const FloatFinish<kSigned> f(r);
    PF_UNROLL
    for (int i = 0; i + 1 < kRows; i += 2)
      f.store(sums[i][0].v, sums[i][1].v, sums[i + 1][0].v, sums[i + 1][1].v, y + i * stride, y + (i + 1) * stride);
    if (kRows % 2) f.store(sums[kRows - 1][0].v, sums[kRows - 1][1].v, y + (kRows - 1) * stride);
  }
};
PF_INLINE Int8Sums operator+(Int8Sums a, Int8Sums b) { return {a.v + b.v}; }

}  // namespace pf
