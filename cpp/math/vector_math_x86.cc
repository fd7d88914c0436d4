// SPDX-License-Identifier: Apache-2.0
// exp, log, tanh and sigmoid over arrays with the widest vectors that the machine has, chosen at run time.
#if defined(__x86_64__)
#include <immintrin.h>

#include "math/vector_math.h"

namespace pf {
namespace four {
#include "math/vector_over_arrays.h"
}  // namespace four
}  // namespace pf

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace pf {
namespace avx2 {
struct Ints {
  __m256i v;
  static PF_INLINE Ints splat(int32_t x) { return {_mm256_set1_epi32(x)}; }
};
struct Vector {
  static constexpr int kLanes = 8;
  using Ints = avx2::Ints;
  __m256 v;
  static PF_INLINE Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static PF_INLINE Vector splat(float x) { return {_mm256_set1_ps(x)}; }
  static PF_INLINE Vector load_splat(const float* p) { return splat(*p); }
  static PF_INLINE Vector zero() { return {_mm256_setzero_ps()}; }
  PF_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
};
PF_INLINE Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.v, b.v)}; }
PF_INLINE Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.v, b.v)}; }
PF_INLINE Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
PF_INLINE Vector operator/(Vector a, Vector b) { return {_mm256_div_ps(a.v, b.v)}; }
PF_INLINE Vector madd(Vector a, Vector b, Vector c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
PF_INLINE Vector min(Vector a, Vector b) { return {_mm256_min_ps(b.v, a.v)}; }
PF_INLINE Vector max(Vector a, Vector b) { return {_mm256_max_ps(b.v, a.v)}; }
PF_INLINE Vector abs(Vector a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.f), a.v)}; }
PF_INLINE Vector copy_sign(Vector size, Vector sign) {
  const __m256 top = _mm256_set1_ps(-0.f);
  return {_mm256_or_ps(_mm256_andnot_ps(top, size.v), _mm256_and_ps(top, sign.v))};
}
PF_INLINE Ints bits(Vector a) { return {_mm256_castps_si256(a.v)}; }
PF_INLINE Vector from_bits(Ints a) { return {_mm256_castsi256_ps(a.v)}; }
PF_INLINE Vector to_float(Ints a) { return {_mm256_cvtepi32_ps(a.v)}; }
PF_INLINE Ints operator+(Ints a, Ints b) { return {_mm256_add_epi32(a.v, b.v)}; }
PF_INLINE Ints operator-(Ints a, Ints b) { return {_mm256_sub_epi32(a.v, b.v)}; }
PF_INLINE Ints operator&(Ints a, Ints b) { return {_mm256_and_si256(a.v, b.v)}; }
PF_INLINE Ints operator<<(Ints a, int n) { return {_mm256_slli_epi32(a.v, n)}; }
PF_INLINE Ints operator>>(Ints a, int n) { return {_mm256_srai_epi32(a.v, n)}; }
PF_INLINE Ints max(Ints a, Ints b) { return {_mm256_max_epi32(a.v, b.v)}; }
PF_INLINE Ints operator<(Ints a, Ints b) { return {_mm256_cmpgt_epi32(b.v, a.v)}; }
PF_INLINE Ints operator<(Vector a, Vector b) { return bits({_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}); }
PF_INLINE Ints operator<=(Vector a, Vector b) { return bits({_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}); }
PF_INLINE Ints operator==(Vector a, Vector b) { return bits({_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}); }
PF_INLINE Vector select(Ints mask, Vector a, Vector b) { return {_mm256_blendv_ps(b.v, a.v, from_bits(mask).v)}; }
PF_INLINE Ints select(Ints mask, Ints a, Ints b) { return bits(select(mask, from_bits(a), from_bits(b))); }
PF_INLINE bool all(Ints mask) { return _mm256_movemask_ps(from_bits(mask).v) == 0xff; }
using V = Vector;
#include "math/vector_functions.h"
#include "math/vector_over_arrays.h"
}  // namespace avx2
}  // namespace pf
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f")
#pragma GCC diagnostic ignored "-Wuninitialized"  // in GCC 12's own header, as the next
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
namespace pf {
namespace avx512 {
struct Mask {
  __mmask16 v;
};
struct Ints {
  __m512i v;
  static PF_INLINE Ints splat(int32_t x) { return {_mm512_set1_epi32(x)}; }
};
struct Vector {
  static constexpr int kLanes = 16;
  using Ints = avx512::Ints;
  __m512 v;
  static PF_INLINE Vector load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static PF_INLINE Vector splat(float x) { return {_mm512_set1_ps(x)}; }
  static PF_INLINE Vector load_splat(const float* p) { return splat(*p); }
  static PF_INLINE Vector zero() { return {_mm512_setzero_ps()}; }
  PF_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
};
PF_INLINE Vector operator+(Vector a, Vector b) { return {_mm512_add_ps(a.v, b.v)}; }
PF_INLINE Vector operator-(Vector a, Vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
PF_INLINE Vector operator*(Vector a, Vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
PF_INLINE Vector operator/(Vector a, Vector b) { return {_mm512_div_ps(a.v, b.v)}; }
PF_INLINE Vector madd(Vector a, Vector b, Vector c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
PF_INLINE Vector min(Vector a, Vector b) { return {_mm512_min_ps(b.v, a.v)}; }
PF_INLINE Vector max(Vector a, Vector b) { return {_mm512_max_ps(b.v, a.v)}; }
PF_INLINE Ints bits(Vector a) { return {_mm512_castps_si512(a.v)}; }
PF_INLINE Vector from_bits(Ints a) { return {_mm512_castsi512_ps(a.v)}; }
PF_INLINE Vector to_float(Ints a) { return {_mm512_cvtepi32_ps(a.v)}; }
PF_INLINE Ints operator+(Ints a, Ints b) { return {_mm512_add_epi32(a.v, b.v)}; }
PF_INLINE Ints operator-(Ints a, Ints b) { return {_mm512_sub_epi32(a.v, b.v)}; }
PF_INLINE Ints operator&(Ints a, Ints b) { return {_mm512_and_epi32(a.v, b.v)}; }
PF_INLINE Ints operator<<(Ints a, int n) { return {_mm512_slli_epi32(a.v, unsigned(n))}; }
PF_INLINE Ints operator>>(Ints a, int n) { return {_mm512_srai_epi32(a.v, unsigned(n))}; }
PF_INLINE Vector abs(Vector a) { return from_bits(bits(a) & Ints::splat(0x7fffffff)); }
PF_INLINE Vector copy_sign(Vector size, Vector sign) {
  const __m512i top = _mm512_set1_epi32(INT32_MIN);  // chooses the bit of `sign`
  return from_bits({_mm512_ternarylogic_epi32(top, bits(sign).v, bits(size).v, 0xca)});
}
PF_INLINE Ints max(Ints a, Ints b) { return {_mm512_max_epi32(a.v, b.v)}; }
PF_INLINE Mask operator<(Ints a, Ints b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
PF_INLINE Mask operator<(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
PF_INLINE Mask operator<=(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
PF_INLINE Mask operator==(Vector a, Vector b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
PF_INLINE Mask operator&(Mask a, Mask b) { return {__mmask16(a.v & b.v)}; }
PF_INLINE Vector select(Mask mask, Vector a, Vector b) { return {_mm512_mask_blend_ps(mask.v, b.v, a.v)}; }
PF_INLINE Ints select(Mask mask, Ints a, Ints b) { return {_mm512_mask_blend_epi32(mask.v, b.v, a.v)}; }
PF_INLINE bool all(Mask mask) { return mask.v == 0xffff; }
using V = Vector;
#include "math/vector_functions.h"
#include "math/vector_over_arrays.h"
}  // namespace avx512
}  // namespace pf
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace pf {
namespace {

const VectorMath& widest() {
  if (__builtin_cpu_supports("avx512f")) return avx512::kVectorMath;
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? avx2::kVectorMath : four::kVectorMath;
}

}  // namespace

void exp_array(int64_t n, const float* x, float* y) { widest().exp(n, x, y); }
void log_array(int64_t n, const float* x, float* y) { widest().log(n, x, y); }
void tanh_array(int64_t n, const float* x, float* y) { widest().tanh(n, x, y); }
void sigmoid_array(int64_t n, const float* x, float* y) { widest().sigmoid(n, x, y); }
SoftmaxRow softmax_row(int64_t n, const float* x, float* y) { return widest().softmax(n, x, y); }

}  // namespace pf
#endif
