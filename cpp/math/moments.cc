// SPDX-License-Identifier: Apache-2.0
#include "math/moments.h"

#include "core/simd.h"

namespace pf {
namespace {

// Sum of term(i) over [0, n): four running sums, so that one addition need not wait for the one before.
template <class Term, class One>
PF_INLINE float sum_terms(int64_t n, Term term, One one) {
  f32x4 s[4] = {f32x4::zero(), f32x4::zero(), f32x4::zero(), f32x4::zero()};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    PF_UNROLL
    for (int v = 0; v < 4; ++v) s[v] += term(i + 4 * v);
  }
  for (; i + 4 <= n; i += 4) s[0] += term(i);
  float total = sum((s[0] + s[1]) + (s[2] + s[3]));
  for (; i < n; ++i) total += one(i);
  return total;
}

// sums[j] += term(i * columns + j, j) over all rows i.
template <class Term, class One>
PF_INLINE void add_terms(int64_t rows, int64_t columns, float* sums, Term term, One one) {
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = i * columns;
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) (f32x4::load(sums + j) + term(row + j, j)).store(sums + j);
    for (; j < columns; ++j) sums[j] += one(row + j, j);
  }
}

}  // namespace

float sum_square_deviation(int64_t n, const float* x, float mean) {
  const f32x4 m = f32x4::splat(mean);
  return sum_terms(
      n,
      [=](int64_t i) {
        const f32x4 d = f32x4::load(x + i) - m;
        return d * d;
      },
      [=](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
}

float sum_product_deviation(int64_t n, const float* dy, const float* x, float mean) {
  const f32x4 m = f32x4::splat(mean);
  return sum_terms(
      n, [=](int64_t i) { return f32x4::load(dy + i) * (f32x4::load(x + i) - m); },
      [=](int64_t i) { return dy[i] * (x[i] - mean); });
}

void scale_shift(int64_t n, float a, const float* x, float b, float* y) {
  const f32x4 va = f32x4::splat(a), vb = f32x4::splat(b);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) madd(f32x4::load(x + i), va, vb).store(y + i);
  for (; i < n; ++i) y[i] = x[i] * a + b;
}

void combine_shift(int64_t n, float a, const float* dy, float b, const float* x, float mean, float c, float* dx) {
  const f32x4 va = f32x4::splat(a), vb = f32x4::splat(b), vc = f32x4::splat(c), m = f32x4::splat(mean);
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) madd(f32x4::load(dy + i), va, madd(f32x4::load(x + i) - m, vb, vc)).store(dx + i);
  for (; i < n; ++i) dx[i] = dy[i] * a + ((x[i] - mean) * b + c);
}

void add_rows(int64_t rows, int64_t columns, const float* x, float* sums) {
  add_terms(
      rows, columns, sums, [=](int64_t i, int64_t) { return f32x4::load(x + i); },
      [=](int64_t i, int64_t) { return x[i]; });
}

void add_square_deviation(int64_t rows, int64_t columns, const float* x, const float* mean, float* sums) {
  add_terms(
      rows, columns, sums,
      [=](int64_t i, int64_t j) {
        const f32x4 d = f32x4::load(x + i) - f32x4::load(mean + j);
        return d * d;
      },
      [=](int64_t i, int64_t j) { return (x[i] - mean[j]) * (x[i] - mean[j]); });
}

void add_product_deviation(int64_t rows, int64_t columns, const float* dy, const float* x, const float* mean,
                           float* sums) {
  add_terms(
      rows, columns, sums,
      [=](int64_t i, int64_t j) { return f32x4::load(dy + i) * (f32x4::load(x + i) - f32x4::load(mean + j)); },
      [=](int64_t i, int64_t j) { return dy[i] * (x[i] - mean[j]); });
}

void scale_shift_columns(int64_t rows, int64_t columns, const float* a, const float* x, const float* b, float* y) {
  for (int64_t i = 0; i < rows; ++i, x += columns, y += columns) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) madd(f32x4::load(x + j), f32x4::load(a + j), f32x4::load(b + j)).store(y + j);
    for (; j < columns; ++j) y[j] = x[j] * a[j] + b[j];
  }
}

void combine_shift_columns(int64_t rows, int64_t columns, const float* a, const float* dy, const float* b,
                           const float* x, const float* mean, const float* c, float* dx) {
  for (int64_t i = 0; i < rows; ++i, dy += columns, x += columns, dx += columns) {
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      const f32x4 deviation = f32x4::load(x + j) - f32x4::load(mean + j);
      madd(f32x4::load(dy + j), f32x4::load(a + j), madd(deviation, f32x4::load(b + j), f32x4::load(c + j)))
          .store(dx + j);
    }
    for (; j < columns; ++j) dx[j] = dy[j] * a[j] + ((x[j] - mean[j]) * b[j] + c[j]);
  }
}

}  // namespace pf
