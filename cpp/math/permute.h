// SPDX-License-Identifier: Apache-2.0
// Any reordering of dimensions, for elements of any type.
#pragma once
#include "core/op.h"

namespace pf {

// A result in row-major order and the steps through x for each of its dimensions. Neighbours that one step serves are
// joined and dimensions of 1 dropped, so that many reorderings become a plain copy or a batch of matrices.
struct Permutation {
  int rank = 0;
  int64_t dims[Shape::kMaxRank], steps[Shape::kMaxRank];
  int64_t size = 1;
  // Dimension i of the result is dimension axes[i] of x.
  Permutation(const Shape& x, const int* axes);
};

// y in the order of the plan, on all threads.
void permute(const Permutation& plan, DType type, const void* x, void* y);

// The plain version: element i by its coordinates.
template <class T>
struct PermuteAt {
  Permutation plan;
  const T* x;
  T* y;
  PF_FN void operator()(int64_t i) const {
    int64_t rest = i, at = 0;
    for (int d = plan.rank - 1; d >= 0; --d) at += rest % plan.dims[d] * plan.steps[d], rest /= plan.dims[d];
    y[i] = x[at];
  }
};

}  // namespace pf
