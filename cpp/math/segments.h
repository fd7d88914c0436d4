// SPDX-License-Identifier: Apache-2.0
// Rows grouped into segments: by lengths ([2, 1] says that rows 0 and 1 form segment 0 and row 2 segment 1) or by one
// segment number for each row. The numbers come from tensors, so everything here checks before it is used.
#pragma once
#include "core/op.h"

namespace pf {

struct Segments {
  int64_t count = 0;
  const int64_t* begin = nullptr;  // segment k has the places begin[k] … begin[k + 1] - 1
  const int64_t* order = nullptr;  // the row at each place; null: rows lie in order
  int64_t row(int64_t place) const { return order ? order[place] : place; }
  int64_t length(int64_t k) const { return begin[k + 1] - begin[k]; }
};

// The lengths must not be negative, and make `rows` together.
Status segments_of_lengths(OpRun& op, const Tensor& lengths, int64_t rows, Segments* out);
// Numbers from 0 to count - 1; sorted ones start with 0 and grow by 0 or 1.
Status segments_of_ids(OpRun& op, const Tensor& ids, int64_t count, bool sorted, Segments* out);

// The sum of lengths, none of them negative.
Status sum_of_lengths(const Tensor& lengths, int64_t* out);
// All elements must be numbers of rows, 0 … rows - 1.
Status check_indices(const Tensor& indices, int64_t rows);
// One more than the largest element; 0 of none. Elements must not be negative.
Status count_of_ids(const Tensor& ids, int64_t* out);

// Sorts x and leaves every number once; returns how many there are.
int64_t sort_unique(int64_t n, int64_t* x);

// Input i must be a vector of int32 or int64.
Status want_index_vector(const Infer& in, int i);

}  // namespace pf
