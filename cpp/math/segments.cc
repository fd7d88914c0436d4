// SPDX-License-Identifier: Apache-2.0
#include "math/segments.h"

#include "math/indices.h"
#include "math/sort.h"

namespace pf {

Status want_index_vector(const Infer& in, int i) {
  PF_TRY(want_indices(in, i));
  return in.want_rank(i, 1);
}

Status sum_of_lengths(const Tensor& lengths, int64_t* out) {
  int64_t sum = 0;
  for (int64_t k = 0; k < lengths.size(); ++k) {
    const int64_t n = index_at(lengths, k);
    PF_CHECK(n >= 0, value, "length ", k, " is ", n, "; lengths must not be negative");
    PF_CHECK(!__builtin_add_overflow(sum, n, &sum), value, "the sum of the lengths overflows at length ", k);
  }
  *out = sum;
  return {};
}

Status check_indices(const Tensor& indices, int64_t rows) {
  for (int64_t i = 0; i < indices.size(); ++i) {
    const int64_t index = index_at(indices, i);
    PF_CHECK(index >= 0 && index < rows, value, "index ", i, " is ", index, "; there are ", rows, " rows");
  }
  return {};
}

Status count_of_ids(const Tensor& ids, int64_t* out) {
  *out = 0;
  for (int64_t i = 0; i < ids.size(); ++i) {
    const int64_t id = index_at(ids, i);
    PF_CHECK(id >= 0 && id < INT64_MAX, value, "segment number ", i, " is ", id, ", which no segment can have");
    if (id >= *out) *out = id + 1;
  }
  return {};
}

int64_t sort_unique(int64_t n, int64_t* x) {
  heap_sort(n, x, [](int64_t a, int64_t b) { return a < b; });
  int64_t kept = 0;
  for (int64_t i = 0; i < n; ++i)
    if (kept == 0 || x[i] != x[kept - 1]) x[kept++] = x[i];
  return kept;
}

Status segments_of_lengths(OpRun& op, const Tensor& lengths, int64_t rows, Segments* out) {
  int64_t sum = 0, *begin = nullptr;
  PF_TRY(sum_of_lengths(lengths, &sum));
  PF_CHECK(sum == rows, value, "the lengths make ", sum, " together, but there are ", rows, " rows");
  PF_TRY(op.scratch(lengths.size() + 1, &begin));
  begin[0] = 0;
  for (int64_t k = 0; k < lengths.size(); ++k) begin[k + 1] = begin[k] + index_at(lengths, k);
  *out = {lengths.size(), begin, nullptr};
  return {};
}

Status segments_of_ids(OpRun& op, const Tensor& ids, int64_t count, bool sorted, Segments* out) {
  const int64_t rows = ids.size();
  int64_t last = -1, *begin = nullptr, *order = nullptr;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t id = index_at(ids, i);
    PF_CHECK(id >= 0 && id < count, value, "segment number ", i, " is ", id, "; there are ", count, " segments");
    PF_CHECK(!sorted || id == last || id == last + 1, value,
             "segment numbers must be sorted, start with 0 and leave "
             "none out; number ",
             i, " is ", id, " after ", last);
    last = id;
  }
  PF_TRY(op.scratch(count + 1, &begin));
  for (int64_t k = 0; k <= count; ++k) begin[k] = 0;
  for (int64_t i = 0; i < rows; ++i) ++begin[index_at(ids, i) + 1];
  for (int64_t k = 0; k < count; ++k) begin[k + 1] += begin[k];
  if (!sorted) {
    // Each row takes the next place of its segment; then begin[k] is the end of segment k and is moved back by one.
    PF_TRY(op.scratch(rows, &order));
    for (int64_t i = 0; i < rows; ++i) order[begin[index_at(ids, i)]++] = i;
    for (int64_t k = count; k > 0; --k) begin[k] = begin[k - 1];
    begin[0] = 0;
  }
  *out = {count, begin, order};
  return {};
}

}  // namespace pf
