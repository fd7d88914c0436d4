// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace pf {

// y[j * rows + i] = x[i * columns + j] for each of `count` matrices that follow one another; on all threads.
// NCHW to NHWC is (N, C, H * W), back is (N, H * W, C).
void transpose_matrices(int64_t count, int64_t rows, int64_t columns, const float* x, float* y);

}  // namespace pf
