// SPDX-License-Identifier: Apache-2.0
// Vectors of four lanes, written once for WebAssembly (plain and relaxed), SSE, NEON and machines without any.
//
// The compilers' vector extension gives the arithmetic of every target; only what it cannot say in one instruction
// (fused multiply-add, min, max, square root) has a line for each. Wider vectors live in math/, beside the one loop
// that needs them.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#elif defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define PF_INLINE inline __attribute__((always_inline))
// Before a loop of constant length over registers: without it the registers may become memory.
#if defined(__clang__)
#define PF_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PF_UNROLL _Pragma("GCC unroll 32")
#endif

namespace pf {

typedef float RawF32x4 __attribute__((vector_size(16)));
typedef int32_t RawI32x4 __attribute__((vector_size(16)));
typedef uint32_t RawU32x4 __attribute__((vector_size(16)));

// Four int32. A comparison gives one whose lanes are all ones (true) or 0.
struct i32x4 {
  RawI32x4 v;
  static PF_INLINE i32x4 load(const int32_t* p) {
    i32x4 x;
    std::memcpy(&x.v, p, 16);
    return x;
  }
  static PF_INLINE i32x4 splat(int32_t x) { return {RawI32x4{x, x, x, x}}; }
  PF_INLINE void store(int32_t* p) const { std::memcpy(p, &v, 16); }
  PF_INLINE int32_t lane(int i) const { return v[i]; }
};

// Four floats.
struct f32x4 {
  static constexpr int kLanes = 4;
  using Ints = i32x4;
  RawF32x4 v;
  static PF_INLINE f32x4 load(const float* p) {
    f32x4 x;
    std::memcpy(&x.v, p, 16);
    return x;
  }
  static PF_INLINE f32x4 splat(float x) { return {RawF32x4{x, x, x, x}}; }
  static PF_INLINE f32x4 zero() { return splat(0.f); }
  // One float from memory into all lanes.
  static PF_INLINE f32x4 load_splat(const float* p) {
#if defined(__wasm_simd128__)
    return {(RawF32x4)wasm_v128_load32_splat(p)};
#else
    return splat(*p);
#endif
  }
  PF_INLINE void store(float* p) const { std::memcpy(p, &v, 16); }
  PF_INLINE float lane(int i) const { return v[i]; }
};

// One lane into all.
template <int kLane>
PF_INLINE f32x4 spread(f32x4 a) {
#if defined(__wasm_simd128__)
  return {(RawF32x4)wasm_i32x4_shuffle((v128_t)a.v, (v128_t)a.v, kLane, kLane, kLane, kLane)};
#else
  return f32x4::splat(a.v[kLane]);
#endif
}

PF_INLINE f32x4 operator+(f32x4 a, f32x4 b) { return {a.v + b.v}; }
PF_INLINE f32x4 operator-(f32x4 a, f32x4 b) { return {a.v - b.v}; }
PF_INLINE f32x4 operator*(f32x4 a, f32x4 b) { return {a.v * b.v}; }
PF_INLINE f32x4 operator/(f32x4 a, f32x4 b) { return {a.v / b.v}; }
PF_INLINE f32x4 operator-(f32x4 a) { return {-a.v}; }
PF_INLINE f32x4& operator+=(f32x4& a, f32x4 b) { return a = a + b; }
PF_INLINE f32x4& operator-=(f32x4& a, f32x4 b) { return a = a - b; }
PF_INLINE f32x4& operator*=(f32x4& a, f32x4 b) { return a = a * b; }

PF_INLINE i32x4 operator<(f32x4 a, f32x4 b) { return {(RawI32x4)(a.v < b.v)}; }
PF_INLINE i32x4 operator<=(f32x4 a, f32x4 b) { return {(RawI32x4)(a.v <= b.v)}; }
PF_INLINE i32x4 operator>(f32x4 a, f32x4 b) { return {(RawI32x4)(a.v > b.v)}; }
PF_INLINE i32x4 operator>=(f32x4 a, f32x4 b) { return {(RawI32x4)(a.v >= b.v)}; }
PF_INLINE i32x4 operator==(f32x4 a, f32x4 b) { return {(RawI32x4)(a.v == b.v)}; }

// Integer arithmetic wraps.
PF_INLINE i32x4 operator+(i32x4 a, i32x4 b) { return {(RawI32x4)((RawU32x4)a.v + (RawU32x4)b.v)}; }
PF_INLINE i32x4 operator-(i32x4 a, i32x4 b) { return {(RawI32x4)((RawU32x4)a.v - (RawU32x4)b.v)}; }
PF_INLINE i32x4 operator*(i32x4 a, i32x4 b) { return {(RawI32x4)((RawU32x4)a.v * (RawU32x4)b.v)}; }
PF_INLINE i32x4 operator&(i32x4 a, i32x4 b) { return {a.v & b.v}; }
PF_INLINE i32x4 operator|(i32x4 a, i32x4 b) { return {a.v | b.v}; }
PF_INLINE i32x4 operator^(i32x4 a, i32x4 b) { return {a.v ^ b.v}; }
PF_INLINE i32x4 operator~(i32x4 a) { return {~a.v}; }
PF_INLINE i32x4 operator<<(i32x4 a, int n) { return {(RawI32x4)((RawU32x4)a.v << n)}; }
PF_INLINE i32x4 operator>>(i32x4 a, int n) { return {a.v >> n}; }  // keeps the sign
PF_INLINE i32x4 operator<(i32x4 a, i32x4 b) { return {(RawI32x4)(a.v < b.v)}; }
PF_INLINE i32x4 operator>(i32x4 a, i32x4 b) { return {(RawI32x4)(a.v > b.v)}; }
PF_INLINE i32x4 operator==(i32x4 a, i32x4 b) { return {(RawI32x4)(a.v == b.v)}; }

// The same bits under the other type.
PF_INLINE i32x4 bits(f32x4 a) { return {(RawI32x4)a.v}; }
PF_INLINE f32x4 from_bits(i32x4 a) { return {(RawF32x4)a.v}; }

// Lane by lane `mask ? a : b`; the lanes of mask are all ones or 0.
PF_INLINE i32x4 select(i32x4 mask, i32x4 a, i32x4 b) { return (mask & a) | (~mask & b); }
PF_INLINE f32x4 select(i32x4 mask, f32x4 a, f32x4 b) {
#if defined(__wasm_simd128__)
  return {(RawF32x4)wasm_v128_bitselect((v128_t)a.v, (v128_t)b.v, (v128_t)mask.v)};
#else
  return from_bits(select(mask, bits(a), bits(b)));
#endif
}

PF_INLINE i32x4 max(i32x4 a, i32x4 b) {
#if defined(__wasm_simd128__)
  return {(RawI32x4)wasm_i32x4_max((v128_t)a.v, (v128_t)b.v)};
#else
  return select(a > b, a, b);
#endif
}

// Whether the mask is all ones in each lane.
PF_INLINE bool all(i32x4 mask) {
#if defined(__wasm_simd128__)
  return wasm_i32x4_all_true((v128_t)mask.v);
#elif defined(__SSE2__)
  return _mm_movemask_ps((__m128)mask.v) == 15;
#else
  return (mask.v[0] & mask.v[1] & mask.v[2] & mask.v[3]) != 0;
#endif
}

PF_INLINE f32x4 to_float(i32x4 a) { return {__builtin_convertvector(a.v, RawF32x4)}; }
// Towards zero; the lanes must lie in the range of int32.
PF_INLINE i32x4 to_int(f32x4 a) { return {__builtin_convertvector(a.v, RawI32x4)}; }

// a * b + c, rounded once where the target can and twice elsewhere.
PF_INLINE f32x4 madd(f32x4 a, f32x4 b, f32x4 c) {
#if defined(__wasm_relaxed_simd__)
  return {(RawF32x4)wasm_f32x4_relaxed_madd((v128_t)a.v, (v128_t)b.v, (v128_t)c.v)};
#elif defined(__FMA__)
  return {(RawF32x4)_mm_fmadd_ps((__m128)a.v, (__m128)b.v, (__m128)c.v)};
#elif defined(__ARM_NEON) && defined(__aarch64__)
  return {(RawF32x4)vfmaq_f32((float32x4_t)c.v, (float32x4_t)a.v, (float32x4_t)b.v)};
#else
  return a * b + c;
#endif
}

// b < a ? b : a and a < b ? b : a: a NaN in `a` stays, one in `b` is dropped, so write max(x, bound).
PF_INLINE f32x4 min(f32x4 a, f32x4 b) {
#if defined(__wasm_simd128__)
  return {(RawF32x4)wasm_f32x4_pmin((v128_t)a.v, (v128_t)b.v)};
#elif defined(__SSE2__)
  return {(RawF32x4)_mm_min_ps((__m128)b.v, (__m128)a.v)};
#else
  return select(b < a, b, a);
#endif
}
PF_INLINE f32x4 max(f32x4 a, f32x4 b) {
#if defined(__wasm_simd128__)
  return {(RawF32x4)wasm_f32x4_pmax((v128_t)a.v, (v128_t)b.v)};
#elif defined(__SSE2__)
  return {(RawF32x4)_mm_max_ps((__m128)b.v, (__m128)a.v)};
#else
  return select(a < b, b, a);
#endif
}

PF_INLINE f32x4 abs(f32x4 a) { return from_bits(bits(a) & i32x4::splat(0x7fffffff)); }
PF_INLINE f32x4 copy_sign(f32x4 size, f32x4 sign) {
  const i32x4 top = i32x4::splat(INT32_MIN);
  return from_bits((bits(size) & ~top) | (bits(sign) & top));
}

PF_INLINE f32x4 sqrt(f32x4 a) {
#if defined(__wasm_simd128__)
  return {(RawF32x4)wasm_f32x4_sqrt((v128_t)a.v)};
#elif defined(__SSE2__)
  return {(RawF32x4)_mm_sqrt_ps((__m128)a.v)};
#else
  return {RawF32x4{__builtin_sqrtf(a.v[0]), __builtin_sqrtf(a.v[1]), __builtin_sqrtf(a.v[2]), __builtin_sqrtf(a.v[3])}};
#endif
}

// Sum, largest and smallest of the lanes. The sum pairs lanes (0 2)(1 3), on every target alike.
PF_INLINE float sum(f32x4 a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
PF_INLINE float largest(f32x4 a) {
  const f32x4 pair = max(a, {__builtin_shufflevector(a.v, a.v, 2, 3, 0, 1)});
  return pair.v[0] < pair.v[1] ? pair.v[1] : pair.v[0];
}
PF_INLINE float smallest(f32x4 a) {
  const f32x4 pair = min(a, {__builtin_shufflevector(a.v, a.v, 2, 3, 0, 1)});
  return pair.v[1] < pair.v[0] ? pair.v[1] : pair.v[0];
}

// Lanes 0 2 of a, then 0 2 of b; lanes 1 3 of a, then 1 3 of b.
PF_INLINE f32x4 even_lanes(f32x4 a, f32x4 b) { return {__builtin_shufflevector(a.v, b.v, 0, 2, 4, 6)}; }
PF_INLINE f32x4 odd_lanes(f32x4 a, f32x4 b) { return {__builtin_shufflevector(a.v, b.v, 1, 3, 5, 7)}; }

// Lanes 0 0 1 1, and 2 2 3 3.
PF_INLINE f32x4 low_twice(f32x4 a) { return {__builtin_shufflevector(a.v, a.v, 0, 0, 1, 1)}; }
PF_INLINE f32x4 high_twice(f32x4 a) { return {__builtin_shufflevector(a.v, a.v, 2, 2, 3, 3)}; }

// Rows become columns.
PF_INLINE void transpose(f32x4& a, f32x4& b, f32x4& c, f32x4& d) {
  const RawF32x4 ab_low = __builtin_shufflevector(a.v, b.v, 0, 4, 1, 5);
  const RawF32x4 ab_high = __builtin_shufflevector(a.v, b.v, 2, 6, 3, 7);
  const RawF32x4 cd_low = __builtin_shufflevector(c.v, d.v, 0, 4, 1, 5);
  const RawF32x4 cd_high = __builtin_shufflevector(c.v, d.v, 2, 6, 3, 7);
  a.v = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  b.v = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  c.v = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  d.v = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

// Four bytes widened to int32 lanes, and lanes already in 0..255 narrowed to four bytes.
PF_INLINE i32x4 load_u8(const uint8_t* p) { return {RawI32x4{p[0], p[1], p[2], p[3]}}; }
PF_INLINE void store_u8(i32x4 a, uint8_t* p) {
  PF_UNROLL
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(a.v[i]);
}

}  // namespace pf
