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
  if (indices_fit(indices, rows)) return {};
  for (int64_t i = 0; i < indices.size(); ++i) {
    const int64_t index = index_at(indices, i);
    PF_CHECK(index >= 0 && index < rows, value, "index ", i, " is ", index, "; there are ", rows, " rows");
  }
  return {};
}

Status count_of_ids(const Tensor& ids, int64_t* out) {
  int64_t least = 0, most = -1;
  with_indices(ids, [&](const auto* at) {
    for (int64_t i = 0, n = ids.size(); i < n; ++i) {
      least = at[i] < least ? at[i] : least;
      most = at[i] > most ? at[i] : most;
    }
  });
  for (int64_t i = 0; i < ids.size() && (least < 0 || most == INT64_MAX); ++i) {
    const int64_t id = index_at(ids, i);
    PF_CHECK(id >= 0 && id < INT64_MAX, value, "segment number ", i, " is ", id, ", which no segment can have");
  }
  *out = most + 1;
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

namespace {

// begin[k] for sorted numbers; where they are not, the first that is wrong, otherwise -1.
template <class T>
int64_t begins_of_sorted(int64_t rows, const T* ids, int64_t count, int64_t* begin) {
  int64_t last = -1;
  for (int64_t i = 0; i < rows; ++i) {
    if (ids[i] == last) continue;
    if (ids[i] != last + 1 || ids[i] >= count) return i;
    begin[last = ids[i]] = i;
  }
  for (int64_t k = last + 1; k <= count; ++k) begin[k] = rows;
  return -1;
}

// Each row takes the next place of its segment.
template <class T>
void sort_rows(int64_t rows, const T* ids, int64_t count, int64_t* begin, int64_t* order) {
  for (int64_t k = 0; k <= count; ++k) begin[k] = 0;
  for (int64_t i = 0; i < rows; ++i) ++begin[int64_t(ids[i]) + 1];
  for (int64_t k = 0; k < count; ++k) begin[k + 1] += begin[k];
  for (int64_t i = 0; i < rows; ++i) order[begin[ids[i]]++] = i;
  // begin[k] is now the end of segment k.
  for (int64_t k = count; k > 0; --k) begin[k] = begin[k - 1];
  begin[0] = 0;
}

Status check_segment(int64_t i, int64_t id, int64_t count) {
  PF_CHECK(id >= 0 && id < count, value, "segment number ", i, " is ", id, "; there are ", count, " segments");
  return {};
}

}  // namespace

Status segments_of_ids(OpRun& op, const Tensor& ids, int64_t count, bool sorted, Segments* out) {
  const int64_t rows = ids.size();
  int64_t *begin = nullptr, *order = nullptr;
  if (!sorted && !indices_fit(ids, count))
    for (int64_t i = 0; i < rows; ++i) PF_TRY(check_segment(i, index_at(ids, i), count));
  PF_TRY(op.scratch(count + 1, &begin));
  if (sorted) {
    const int64_t i = with_indices(ids, [&](auto* at) { return begins_of_sorted(rows, at, count, begin); });
    if (i >= 0) PF_TRY(check_segment(i, index_at(ids, i), count));
    PF_CHECK(i < 0, value, "segment numbers must be sorted, start with 0 and leave none out; number ", i, " is ",
             index_at(ids, i), " after ", i > 0 ? index_at(ids, i - 1) : -1);
  } else {
    PF_TRY(op.scratch(rows, &order));
    with_indices(ids, [&](auto* at) { sort_rows(rows, at, count, begin, order); });
  }
  *out = {count, begin, order};
  return {};
}

}  // namespace pf
