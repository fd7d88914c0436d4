// SPDX-License-Identifier: Apache-2.0
// Wider vectors for x86, chosen at run time, so that one binary serves every machine.
#if defined(__x86_64__)
#include <immintrin.h>

#include "core/simd.h"
#include "math/depthwise.h"
#include "math/gemm.h"
#include "math/winograd_transforms.h"

namespace pf {
namespace sse {
#include "math/depthwise_kernel.h"
#include "math/gemm_kernel.h"
#include "math/winograd_kernel.h"
const DepthwiseKernel kDepthwise = {4, depthwise_row<f32x4>};
const GemmKernel kKernel = {4, 8, 4, 512, gemm_panels<f32x4, 4, 2>, gemm_rows<f32x4, 4, 2>, gemm_rows<f32x4, 1, 2>};
const WinogradTransforms* const kTransforms = winograd_transforms_of<f32x4>;
}  // namespace sse
}  // namespace pf

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace pf {
namespace avx2 {
struct Vector {
  static constexpr int kLanes = 8;
  __m256 v;
  static PF_INLINE Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static PF_INLINE Vector load_splat(const float* p) { return {_mm256_broadcast_ss(p)}; }
  static PF_INLINE Vector splat(float x) { return {_mm256_set1_ps(x)}; }
  static PF_INLINE Vector zero() { return {_mm256_setzero_ps()}; }
  PF_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
};
PF_INLINE Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.v, b.v)}; }
PF_INLINE Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.v, b.v)}; }
PF_INLINE Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
PF_INLINE Vector madd(Vector a, Vector b, Vector c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
PF_INLINE Vector min(Vector a, Vector b) { return {_mm256_min_ps(b.v, a.v)}; }
PF_INLINE Vector max(Vector a, Vector b) { return {_mm256_max_ps(b.v, a.v)}; }
#include "math/depthwise_kernel.h"
#include "math/gemm_kernel.h"
#include "math/winograd_kernel.h"
const DepthwiseKernel kDepthwise = {8, depthwise_row<Vector>};
const GemmKernel kKernel = {6, 16, 6, 256, gemm_panels<Vector, 6, 2>, gemm_rows<Vector, 6, 2>, gemm_rows<Vector, 1, 2>};
const WinogradTransforms* const kTransforms = winograd_transforms_of<Vector>;
}  // namespace avx2
}  // namespace pf
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f")
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // in GCC 12's own header
#endif
namespace pf {
namespace avx512 {
struct Vector {
  static constexpr int kLanes = 16;
  __m512 v;
  static PF_INLINE Vector load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static PF_INLINE Vector load_splat(const float* p) { return {_mm512_set1_ps(*p)}; }
  static PF_INLINE Vector splat(float x) { return {_mm512_set1_ps(x)}; }
  static PF_INLINE Vector zero() { return {_mm512_setzero_ps()}; }
  PF_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
};
PF_INLINE Vector operator+(Vector a, Vector b) { return {_mm512_add_ps(a.v, b.v)}; }
PF_INLINE Vector operator-(Vector a, Vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
PF_INLINE Vector operator*(Vector a, Vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
PF_INLINE Vector madd(Vector a, Vector b, Vector c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
PF_INLINE Vector min(Vector a, Vector b) { return {_mm512_min_ps(b.v, a.v)}; }
PF_INLINE Vector max(Vector a, Vector b) { return {_mm512_max_ps(b.v, a.v)}; }
#include "math/depthwise_kernel.h"
#include "math/gemm_kernel.h"
#include "math/winograd_kernel.h"
const DepthwiseKernel kDepthwise = {16, depthwise_row<Vector>};
const GemmKernel kKernel = {8, 32, 8, 256, gemm_panels<Vector, 8, 2>, gemm_rows<Vector, 8, 2>, gemm_rows<Vector, 1, 2>};
const WinogradTransforms* const kTransforms = winograd_transforms_of<Vector>;
}  // namespace avx512
}  // namespace pf
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace pf {
namespace {

bool has_avx512() { return __builtin_cpu_supports("avx512f"); }
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

}  // namespace

const GemmKernel& gemm_kernel() { return has_avx512() ? avx512::kKernel : has_avx2() ? avx2::kKernel : sse::kKernel; }

const DepthwiseKernel& depthwise_kernel() {
  return has_avx512() ? avx512::kDepthwise : has_avx2() ? avx2::kDepthwise : sse::kDepthwise;
}

const WinogradTransforms& winograd_transforms(int64_t inputs) {
  const int i = inputs == 6;
  return has_avx512() ? avx512::kTransforms[i] : has_avx2() ? avx2::kTransforms[i] : sse::kTransforms[i];
}

}  // namespace pf
#endif
