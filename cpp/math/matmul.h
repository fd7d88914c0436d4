// SPDX-License-Identifier: Apache-2.0
// Matrix products on CUDA: by cuBLASLt, or plainly where it is missing. Matrices lie row by row.
#pragma once
#include "device/forms.h"

namespace pf {

// c[m][n] = alpha sum over k of a[m][k] b[k][n] (+ bias[n]); a_turned: a lies as [k][m], b_turned: b lies as [n][k].
// `batch` products whose matrices lie apart by the strides.
struct Matmul {
  int64_t m = 0, n = 0, k = 0, batch = 1, a_stride = 0, b_stride = 0, c_stride = 0;
  const void *a = nullptr, *b = nullptr;
  void* c = nullptr;
  bool a_turned = false, b_turned = false;
  bool half = false, half_out = false;  // elements of a and b, and of c
  const float* bias = nullptr;
  bool relu = false;  // c is no less than 0
  float alpha = 1;
};

Status matmul(OpRun& op, const Matmul& p);

}  // namespace pf
