// SPDX-License-Identifier: Apache-2.0
#include "math/reduce.h"

#include "core/parallel.h"
#include "core/simd.h"

namespace pf {

float sum_of(int64_t n, const float* x) {
  f32x4 s[4] = {f32x4::zero(), f32x4::zero(), f32x4::zero(), f32x4::zero()};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    PF_UNROLL
    for (int v = 0; v < 4; ++v) s[v] += f32x4::load(x + i + 4 * v);
  }
  for (; i + 4 <= n; i += 4) s[0] += f32x4::load(x + i);
  float total = sum((s[0] + s[1]) + (s[2] + s[3]));
  for (; i < n; ++i) total += x[i];
  return total;
}

float dot(int64_t n, const float* a, const float* b) {
  f32x4 s[4] = {f32x4::zero(), f32x4::zero(), f32x4::zero(), f32x4::zero()};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    PF_UNROLL
    for (int v = 0; v < 4; ++v) s[v] = madd(f32x4::load(a + i + 4 * v), f32x4::load(b + i + 4 * v), s[v]);
  }
  for (; i + 4 <= n; i += 4) s[0] = madd(f32x4::load(a + i), f32x4::load(b + i), s[0]);
  float total = sum((s[0] + s[1]) + (s[2] + s[3]));
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

float dot_plain(int64_t n, const float* a, const float* b) {
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += double(a[i]) * double(b[i]);
  return float(total);
}

float largest_of(int64_t n, const float* x) {
  float top = x[0];
  int64_t i = 0;
  if (n >= 4) {
    f32x4 m = f32x4::load(x);
    for (i = 4; i + 4 <= n; i += 4) m = max(f32x4::load(x + i), m);
    top = largest(m);
  }
  for (; i < n; ++i) top = x[i] > top ? x[i] : top;
  return top;
}

void add_scaled(int64_t n, float a, const float* x, float* y) {
  const f32x4 factor = f32x4::splat(a);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) madd(factor, f32x4::load(x + i), f32x4::load(y + i)).store(y + i);
  for (; i < n; ++i) y[i] += a * x[i];
}

namespace {

// Columns [begin, end): four vectors of running sums go down all rows.
void sum_some_columns(int64_t rows, int64_t columns, const float* x, bool accumulate, float* y, int64_t begin,
                      int64_t end) {
  int64_t j = begin;
  for (; j + 16 <= end; j += 16) {
    f32x4 s[4];
    PF_UNROLL
    for (int v = 0; v < 4; ++v) s[v] = accumulate ? f32x4::load(y + j + 4 * v) : f32x4::zero();
    for (int64_t i = 0; i < rows; ++i) {
      PF_UNROLL
      for (int v = 0; v < 4; ++v) s[v] += f32x4::load(x + i * columns + j + 4 * v);
    }
    PF_UNROLL
    for (int v = 0; v < 4; ++v) s[v].store(y + j + 4 * v);
  }
  for (; j < end; ++j) {
    float s = accumulate ? y[j] : 0.f;
    for (int64_t i = 0; i < rows; ++i) s += x[i * columns + j];
    y[j] = s;
  }
}

}  // namespace

void sum_rows(int64_t rows, int64_t columns, const float* x, bool accumulate, float* y) {
  parallel_for((columns + 15) / 16, 1 + 2048 / (rows + 1), [=](int64_t begin, int64_t end) {
    const int64_t last = end * 16 < columns ? end * 16 : columns;
    sum_some_columns(rows, columns, x, accumulate, y, begin * 16, last);
  });
}

void sum_columns(int64_t rows, int64_t columns, const float* x, bool accumulate, float* y) {
  parallel_for(rows, 1 + 32768 / (columns + 1), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = (accumulate ? y[i] : 0.f) + sum_of(columns, x + i * columns);
  });
}

}  // namespace pf
