// SPDX-License-Identifier: Apache-2.0
#include "math/permute.h"

#include "math/copy.h"
#include "math/integers.h"
#include "math/transpose.h"

namespace pf {
namespace {

constexpr int64_t kBlock = 32;

// Where the rows that all dimensions but `skip_a` and `skip_b` enumerate begin, in x and in y.
struct Origin {
  int64_t x = 0, y = 0;
  Origin(const Permutation& plan, const int64_t* y_steps, int64_t index, int skip_a, int skip_b) {
    for (int d = plan.rank - 1; d >= 0; --d) {
      if (d == skip_a || d == skip_b) continue;
      const int64_t coordinate = index % plan.dims[d];
      index /= plan.dims[d];
      x += coordinate * plan.steps[d], y += coordinate * y_steps[d];
    }
  }
};

// The last dimension is contiguous on both sides: whole rows move.
void copy_rows(const Permutation& plan, const int64_t* y_steps, DType type, const void* x, void* y) {
  const Elements elements(type);
  const int last = plan.rank - 1;
  const int64_t length = plan.dims[last];
  parallel_for(plan.size / length, 1 + 8192 / length, [=, &plan](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Origin at(plan, y_steps, row, last, last);
      elements.copy(elements.at(y, at.y), elements.at(x, at.x), length);
    }
  });
}

// Dimension `k` is contiguous in x, the last one in y: blocks of both fit the first-level cache.
template <class T>
void copy_blocks(const Permutation& plan, const int64_t* y_steps, int k, const T* x, T* y) {
  const int last = plan.rank - 1;
  const int64_t rows = plan.dims[k], columns = plan.dims[last], strips = (rows + kBlock - 1) / kBlock;
  const int64_t x_step = plan.steps[last], y_step = y_steps[k];
  parallel_for(plan.size / (rows * columns) * strips, 1 + 16384 / (kBlock * columns),
               [=, &plan](int64_t begin, int64_t end) {
                 for (int64_t task = begin; task < end; ++task) {
                   const Origin at(plan, y_steps, task / strips, k, last);
                   const int64_t i0 = task % strips * kBlock, i1 = smaller(rows, i0 + kBlock);
                   for (int64_t j0 = 0; j0 < columns; j0 += kBlock) {
                     const int64_t j1 = smaller(columns, j0 + kBlock);
                     for (int64_t i = i0; i < i1; ++i) {
                       const T* from = x + at.x + i;
                       T* to = y + at.y + i * y_step;
                       for (int64_t j = j0; j < j1; ++j) to[j] = from[j * x_step];
                     }
                   }
                 }
               });
}

template <class T>
void copy_blocks_of(const Permutation& plan, const int64_t* y_steps, int k, const void* x, void* y) {
  copy_blocks(plan, y_steps, k, static_cast<const T*>(x), static_cast<T*>(y));
}

}  // namespace

Permutation::Permutation(const Shape& x, const int* axes) {
  for (int i = 0; i < x.rank(); ++i) {
    const int64_t dim = x[axes[i]], step = x.from(axes[i] + 1);
    size *= dim;
    if (dim == 1) continue;
    if (rank > 0 && steps[rank - 1] == step * dim) {
      dims[rank - 1] *= dim, steps[rank - 1] = step;
    } else {
      dims[rank] = dim, steps[rank] = step;
      ++rank;
    }
  }
}

void permute(const Permutation& plan, DType type, const void* x, void* y) {
  if (plan.size == 0) return;
  if (plan.rank <= 1) return Elements(type).copy(y, x, plan.size);
  int64_t y_steps[Shape::kMaxRank];
  int64_t step = 1;
  int k = 0;
  for (int d = plan.rank - 1; d >= 0; --d) {
    y_steps[d] = step, step *= plan.dims[d];
    if (plan.steps[d] == 1) k = d;
  }
  const int last = plan.rank - 1;
  if (k == last) return copy_rows(plan, y_steps, type, x, y);
  const bool matrices = k == last - 1 && plan.steps[last] == plan.dims[k] &&
                        (plan.rank == 2 || (plan.rank == 3 && plan.steps[0] == plan.dims[k] * plan.dims[last]));
  if (matrices && dtype_size(type) == 4) {
    const int64_t count = plan.rank == 3 ? plan.dims[0] : 1;
    return transpose_matrices(count, plan.dims[last], plan.dims[k], static_cast<const float*>(x),
                              static_cast<float*>(y));
  }
  switch (dtype_size(type)) {
    case 1:
      return copy_blocks_of<uint8_t>(plan, y_steps, k, x, y);
    case 2:
      return copy_blocks_of<uint16_t>(plan, y_steps, k, x, y);
    case 4:
      return copy_blocks_of<uint32_t>(plan, y_steps, k, x, y);
    case 8:
      return copy_blocks_of<uint64_t>(plan, y_steps, k, x, y);
    default:
      return copy_blocks_of<std::string>(plan, y_steps, k, x, y);
  }
}

}  // namespace pf
