// SPDX-License-Identifier: Apache-2.0
// What batch and instance normalisation share: sums over a run of elements or over the rows of a matrix, and y = a x +
// b.
#pragma once

#include <cstdint>

namespace pf {

// Over one run of elements: sum of (x - mean)^2, and of dy * (x - mean).
float sum_square_deviation(int64_t n, const float* x, float mean);
float sum_product_deviation(int64_t n, const float* dy, const float* x, float mean);
// y = a x + b, and dx = a dy + b (x - mean) + c; y may be x, dx may be dy or x.
void scale_shift(int64_t n, float a, const float* x, float b, float* y);
void combine_shift(int64_t n, float a, const float* dy, float b, const float* x, float mean, float c, float* dx);

// The same over matrices [rows, columns] with a, b, c and mean for each column.
void add_square_deviation(int64_t rows, int64_t columns, const float* x, const float* mean, float* sums);
void add_product_deviation(int64_t rows, int64_t columns, const float* dy, const float* x, const float* mean,
                           float* sums);
void add_rows(int64_t rows, int64_t columns, const float* x, float* sums);
void scale_shift_columns(int64_t rows, int64_t columns, const float* a, const float* x, const float* b, float* y);
void combine_shift_columns(int64_t rows, int64_t columns, const float* a, const float* dy, const float* b,
                           const float* x, const float* mean, const float* c, float* dx);

}  // namespace pf
