// SPDX-License-Identifier: Apache-2.0
#include "math/reduce.h"

#include <cstring>

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
  if (n >= 16) {
    f32x4 m[4];
    PF_UNROLL
    for (int v = 0; v < 4; ++v) m[v] = f32x4::load(x + 4 * v);
    for (i = 16; i + 16 <= n; i += 16) {
      PF_UNROLL
      for (int v = 0; v < 4; ++v) m[v] = max(f32x4::load(x + i + 4 * v), m[v]);
    }
    top = largest(max(max(m[0], m[1]), max(m[2], m[3])));
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

// Four rows at a time: y is read and written a quarter as often.
void add_rows(int64_t n, int64_t count, const float* factors, const float* const* rows, float* y) {
  for (; count >= 4; count -= 4, factors += 4, rows += 4) {
    f32x4 factor[4];
    PF_UNROLL
    for (int r = 0; r < 4; ++r) factor[r] = f32x4::splat(factors[r]);
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
      f32x4 s = madd(factor[0], f32x4::load(a + j), f32x4::load(y + j));
      s = madd(factor[1], f32x4::load(b + j), s);
      s = madd(factor[2], f32x4::load(c + j), s);
      madd(factor[3], f32x4::load(d + j), s).store(y + j);
    }
    for (; j < n; ++j) y[j] = ((y[j] + factors[0] * a[j]) + factors[1] * b[j]) + factors[2] * c[j] + factors[3] * d[j];
  }
  for (; count > 0; --count, ++factors, ++rows) add_scaled(n, *factors, *rows, y);
}

void sum_rows(int64_t rows, int64_t columns, const float* x, bool accumulate, float* y) {
  // Each thread has columns of its own. It goes through memory in its order, so that the next line is there in time.
  parallel_for((columns + 63) / 64, 1 + 512 / (rows + 1), [=](int64_t begin, int64_t end) {
    const int64_t first = begin * 64, n = (end * 64 < columns ? end * 64 : columns) - first;
    const float ones[] = {1.f, 1.f, 1.f, 1.f};
    if (!accumulate) std::memset(y + first, 0, size_t(n) * sizeof(float));
    for (int64_t i = 0; i < rows; i += 4) {
      const float* from[4];
      for (int r = 0; r < 4; ++r) from[r] = x + (i + r) * columns + first;
      add_rows(n, rows - i < 4 ? rows - i : 4, ones, from, y + first);
    }
  });
}

void sum_columns(int64_t rows, int64_t columns, const float* x, bool accumulate, float* y) {
  parallel_for(rows, 1 + 32768 / (columns + 1), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = (accumulate ? y[i] : 0.f) + sum_of(columns, x + i * columns);
  });
}

}  // namespace pf
