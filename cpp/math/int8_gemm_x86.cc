// SPDX-License-Identifier: Apache-2.0
// Wider tiles of quantized products for x86, chosen at run time.
#if defined(__x86_64__)
#include <immintrin.h>

#include "core/simd.h"
#include "math/int8_gemm.h"
#include "math/int8_vector.h"

namespace pf {
namespace sse {
#include "math/int8_kernel.h"
const Int8Kernel kInt8 = {4, 8, 2, int8_run<Int8Sums, 4, 2, false>, int8_run<Int8Sums, 4, 2, true>};
}  // namespace sse
}  // namespace pf

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
namespace pf {
namespace avx2 {
struct Sums {
  static constexpr int kLanes = 8;
  static constexpr bool kRowStarts = false;
  __m256i v;
  static PF_INLINE Sums load(const int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
  static PF_INLINE Sums splat(const int32_t* p) { return {_mm256_set1_epi32(*p)}; }
  PF_INLINE void store(int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static PF_INLINE Sums dot(Sums row, Sums column, Sums sum) {
    return {_mm256_add_epi32(sum.v, _mm256_madd_epi16(row.v, column.v))};
  }
  using Finish = FloatRequantize;
  template <bool kSigned>
  static PF_INLINE __m256i whole(Sums sum, const Finish& r) {
    __m256 t = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(sum.v, _mm256_set1_epi32(r.center))),
                             _mm256_set1_ps(r.scale));
    asm("" : "+x"(t));  // not one rounding with the sum
    __m256 offset = _mm256_set1_ps(r.offset);
    if (kSigned) offset = _mm256_or_ps(offset, _mm256_and_ps(t, _mm256_castsi256_ps(_mm256_set1_epi32(r.sign))));
    return _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_add_ps(t, offset)), _mm256_set1_epi32(r.whole));
  }
  template <int kRows, int kVectors, bool kSigned>
  static PF_INLINE void finish(const Sums (&sums)[kRows][kVectors], const Finish& r, uint8_t* y, int64_t stride) {
    static_assert(kVectors == 2);
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const __m256i pairs = _mm256_packs_epi32(whole<kSigned>(sums[i][0], r), whole<kSigned>(sums[i][1], r));
      const __m256i words = _mm256_permute4x64_epi64(pairs, 0xd8);
      const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i * stride), _mm_max_epu8(bytes, _mm_set1_epi8(char(r.low))));
    }
  }
};
PF_INLINE Sums operator+(Sums a, Sums b) { return {_mm256_add_epi32(a.v, b.v)}; }
#include "math/int8_kernel.h"
const Int8Kernel kInt8 = {4, 16, 2, int8_run<Sums, 4, 2, false>, int8_run<Sums, 4, 2, true>};
}  // namespace avx2
}  // namespace pf
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512vnni"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vnni")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // in GCC 12's own header
#endif
namespace pf {
namespace vnni {
struct Sums {
  static constexpr int kLanes = 16;
  static constexpr bool kRowStarts = true;
  __m512i v;
  static PF_INLINE Sums load(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
  static PF_INLINE Sums splat(const int32_t* p) { return {_mm512_set1_epi32(*p)}; }
  PF_INLINE void store(int32_t* p) const { _mm512_storeu_si512(p, v); }
  // Unsigned bytes of the row times signed ones of the columns.
  static PF_INLINE Sums dot(Sums row, Sums column, Sums sum) { return {_mm512_dpbusd_epi32(sum.v, row.v, column.v)}; }
  using Finish = FloatRequantize;
  template <bool kSigned>
  static PF_INLINE __m128i bytes(Sums sum, const Finish& r) {
    __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sum.v, _mm512_set1_epi32(r.center))),
                             _mm512_set1_ps(r.scale));
    asm("" : "+v"(t));  // not one rounding with the sum
    __m512i offset = _mm512_castps_si512(_mm512_set1_ps(r.offset));
    if (kSigned) offset = _mm512_or_si512(offset, _mm512_and_si512(_mm512_castps_si512(t), _mm512_set1_epi32(r.sign)));
    const __m512i whole = _mm512_cvtps_epi32(_mm512_add_ps(t, _mm512_castsi512_ps(offset)));
    const __m512i shifted = _mm512_add_epi32(whole, _mm512_set1_epi32(r.whole));
    return _mm512_cvtusepi32_epi8(_mm512_max_epi32(shifted, _mm512_set1_epi32(r.low)));
  }
  template <int kRows, int kVectors, bool kSigned>
  static PF_INLINE void finish(const Sums (&sums)[kRows][kVectors], const Finish& r, uint8_t* y, int64_t stride) {
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i * stride + j * kLanes), bytes<kSigned>(sums[i][j], r));
    }
  }
};
PF_INLINE Sums operator+(Sums a, Sums b) { return {_mm512_add_epi32(a.v, b.v)}; }
#include "math/int8_kernel.h"
const Int8Kernel kInt8 = {8, 32, 4, int8_run<Sums, 8, 2, false>, int8_run<Sums, 8, 2, true>};
}  // namespace vnni
}  // namespace pf
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace pf {

const Int8Kernel* int8_kernel_at(int i) {
  const Int8Kernel* works[3];
  int count = 0;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni")) works[count++] = &vnni::kInt8;
  if (__builtin_cpu_supports("avx2")) works[count++] = &avx2::kInt8;
  works[count++] = &sse::kInt8;
  return i < count ? works[i] : nullptr;
}

const Int8Kernel& int8_kernel() {
  static const Int8Kernel* const kernel = int8_kernel_at(0);
  return *kernel;
}

}  // namespace pf
#endif
