// SPDX-License-Identifier: Apache-2.0
#include "math/transpose.h"

#include "core/parallel.h"
#include "core/simd.h"
#include "math/integers.h"

namespace pf {
namespace {

constexpr int64_t kBlock = 32;  // 32 x 32 floats of each side fit the first-level cache

// The three colours of a picture become pixels. Vectors of four overlap: the fourth element is written again by the
// next.
void interleave_three(const float* x, int64_t x_stride, int64_t columns, float* y) {
  int64_t j = 0;
  for (; j + 4 < columns; j += 4, y += 12) {
    f32x4 a = f32x4::load(x + j), b = f32x4::load(x + x_stride + j), c = f32x4::load(x + 2 * x_stride + j), d = c;
    transpose(a, b, c, d);
    a.store(y), b.store(y + 3), c.store(y + 6), d.store(y + 9);
  }
  for (; j < columns; ++j, y += 3) y[0] = x[j], y[1] = x[x_stride + j], y[2] = x[2 * x_stride + j];
}

void transpose_block(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* y, int64_t y_stride) {
  if (rows == 3 && y_stride == 3) return interleave_three(x, x_stride, columns, y);
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    const float* from = x + i * x_stride;
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      f32x4 a = f32x4::load(from + j), b = f32x4::load(from + x_stride + j);
      f32x4 c = f32x4::load(from + 2 * x_stride + j), d = f32x4::load(from + 3 * x_stride + j);
      transpose(a, b, c, d);
      float* to = y + j * y_stride + i;
      a.store(to), b.store(to + y_stride), c.store(to + 2 * y_stride), d.store(to + 3 * y_stride);
    }
    for (; j < columns; ++j)
      for (int64_t r = 0; r < 4; ++r) y[j * y_stride + i + r] = from[r * x_stride + j];
  }
  for (; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) y[j * y_stride + i] = x[i * x_stride + j];
}

}  // namespace

void transpose_matrices(int64_t count, int64_t rows, int64_t columns, const float* x, float* y) {
  // By columns of x first: those that a thread takes lie side by side in y, which is what it reads next.
  const int64_t down = (rows + kBlock - 1) / kBlock, across = (columns + kBlock - 1) / kBlock;
  parallel_for(count * across * down, 1 + 16384 / (kBlock * smaller(rows, kBlock) + 1),
               [=](int64_t begin, int64_t end) {
                 for (int64_t t = begin; t < end; ++t) {
                   const int64_t at = t / (down * across) * rows * columns, j = t / down % across * kBlock,
                                 i = t % down * kBlock;
                   transpose_block(x + at + i * columns + j, columns, smaller(kBlock, rows - i),
                                   smaller(kBlock, columns - j), y + at + j * rows + i, rows);
                 }
               });
}

}  // namespace pf
