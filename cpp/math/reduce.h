// SPDX-License-Identifier: Apache-2.0
// Sums and extremes over rows and columns of float matrices, with several running sums each.
#pragma once

#include <cstdint>

namespace pf {

float sum_of(int64_t n, const float* x);
float dot(int64_t n, const float* a, const float* b);
float dot_plain(int64_t n, const float* a, const float* b);  // the definition, summed in double
float largest_of(int64_t n, const float* x);                 // n > 0; a NaN may win or be dropped
// y[j] (+)= sum over rows of x[i * columns + j]; on all threads.
void sum_rows(int64_t rows, int64_t columns, const float* x, bool accumulate, float* y);
// y[i] (+)= sum of row i of x; on all threads.
void sum_columns(int64_t rows, int64_t columns, const float* x, bool accumulate, float* y);
// y += a * x
void add_scaled(int64_t n, float a, const float* x, float* y);
// y += factors[i] * rows[i] for each i, one after the other.
void add_rows(int64_t n, int64_t count, const float* factors, const float* const* rows, float* y);

}  // namespace pf
