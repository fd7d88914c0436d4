// SPDX-License-Identifier: Apache-2.0
// Products with few rows: a fully connected layer at batch 1 reads each weight once, so packing would double its cost.
#include "core/parallel.h"
#include "core/simd.h"
#include "math/gemm.h"
#include "math/integers.h"

namespace pf {
namespace {

constexpr int64_t kFewRows = 6;

void store_one(const Gemm& g, int64_t i, int64_t j, float sum) {
  float& c = g.c[i * g.c_stride + j];
  float x = (g.column_scale ? sum * g.column_scale[j] : sum) + (g.row_bias ? g.row_bias[i] : 0.f) +
            (g.column_bias ? g.column_bias[j] : 0.f);
  x += g.add ? g.add[i * g.c_stride + j] : 0.f;
  x = x < g.low ? g.low : x;
  c = g.high < x ? g.high : x;
}

// kRows rows of A against four rows of B transposed, all running along k.
template <int kRows>
void dots(const Gemm& g, int64_t i, int64_t j) {
  const int64_t n = smaller(4, g.n - j);
  const float* b[4];
  for (int64_t c = 0; c < 4; ++c) b[c] = g.b.data + (j + (c < n ? c : 0)) * g.b.stride;
  const float* const a = g.a.data + i * g.a.stride;
  f32x4 sums[kRows][4];
  PF_UNROLL
  for (int r = 0; r < kRows; ++r) sums[r][0] = sums[r][1] = sums[r][2] = sums[r][3] = f32x4::zero();
  int64_t p = 0;
  for (; p + 4 <= g.k; p += 4) {
    f32x4 x[kRows];
    PF_UNROLL
    for (int r = 0; r < kRows; ++r) x[r] = f32x4::load(a + r * g.a.stride + p);
    PF_UNROLL
    for (int c = 0; c < 4; ++c) {
      const f32x4 w = f32x4::load(b[c] + p);
      PF_UNROLL
      for (int r = 0; r < kRows; ++r) sums[r][c] = madd(x[r], w, sums[r][c]);
    }
  }
  PF_UNROLL
  for (int r = 0; r < kRows; ++r) {
    transpose(sums[r][0], sums[r][1], sums[r][2], sums[r][3]);
    const f32x4 total = (sums[r][0] + sums[r][2]) + (sums[r][1] + sums[r][3]);
    for (int64_t c = 0; c < n; ++c) {
      float sum = total.lane(int(c));
      for (int64_t q = p; q < g.k; ++q) sum += a[r * g.a.stride + q] * b[c][q];
      store_one(g, i + r, j + c, sum);
    }
  }
}

void rows_by_dots(const Gemm& g, int64_t begin, int64_t end) {
  for (int64_t j = begin; j < end; j += 4) {
    int64_t i = 0;
    for (; i + 2 <= g.m; i += 2) dots<2>(g, i, j);
    if (i < g.m) dots<1>(g, i, j);
  }
}

// One row of A times sixteen columns of B, which lie side by side.
void row_times_columns(const Gemm& g, int64_t i, int64_t j) {
  const float* a = g.a.data + i * g.a.stride;
  const float* b = g.b.data + j;
  f32x4 sums[4] = {f32x4::zero(), f32x4::zero(), f32x4::zero(), f32x4::zero()};
  for (int64_t p = 0; p < g.k; ++p, a += g.a.k_stride, b += g.b.k_stride) {
    const f32x4 x = f32x4::load_splat(a);
    PF_UNROLL
    for (int v = 0; v < 4; ++v) sums[v] = madd(x, f32x4::load(b + 4 * v), sums[v]);
  }
  float out[16];
  PF_UNROLL
  for (int v = 0; v < 4; ++v) sums[v].store(out + 4 * v);
  for (int c = 0; c < 16; ++c) store_one(g, i, j + c, out[c]);
}

void rows_by_columns(const Gemm& g, int64_t begin, int64_t end) {
  int64_t j = begin;
  for (; j + 16 <= end; j += 16)
    for (int64_t i = 0; i < g.m; ++i) row_times_columns(g, i, j);
  for (; j < end; ++j)
    for (int64_t i = 0; i < g.m; ++i) {
      float sum = 0;
      for (int64_t p = 0; p < g.k; ++p)
        sum += g.a.data[i * g.a.stride + p * g.a.k_stride] * g.b.data[j + p * g.b.k_stride];
      store_one(g, i, j, sum);
    }
}

}  // namespace

bool gemm_is_small(const Gemm& g) {
  if (!g.a.data || !g.b.data) return false;
  const bool dots = g.b.k_stride == 1 && g.a.k_stride == 1;
  if (g.m <= kFewRows && g.k >= 8) return dots || g.b.stride == 1;
  return false;
}

void gemm_small(const Gemm& g) {
  const bool by_columns = g.b.stride == 1 && !(g.b.k_stride == 1 && g.a.k_stride == 1);
  const int64_t block = by_columns ? 16 : 4;
  const int64_t blocks = (g.n + block - 1) / block, work = 2 * g.m * g.k * block;
  parallel_for(blocks, 1 + 100000 / (work + 1), [&](int64_t begin, int64_t end) {
    const int64_t last = smaller(end * block, g.n);
    if (by_columns)
      rows_by_columns(g, begin * block, last);
    else
      rows_by_dots(g, begin * block, last);
  });
}

}  // namespace pf
