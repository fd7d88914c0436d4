// SPDX-License-Identifier: Apache-2.0
// MergeIdLists: lists of numbers, several for each example, become one sorted list without repeats.
#include "math/indices.h"
#include "math/segments.h"

namespace pf {
namespace {

Status merge_shape(Infer& in) {
  PF_CHECK(in.inputs() % 2 == 0, argument, "takes pairs of lengths and values, found ", in.inputs(), " inputs");
  for (int i = 0; i < in.inputs(); i += 2) {
    PF_TRY(want_index_vector(in, i));
    PF_TRY(want_index_vector(in, i + 1));
    PF_TRY(in.want_same_shape(i, 0));
    PF_TRY(in.want_dtype(i + 1, in.dtype(1)));
  }
  in.set(0, in.shape(0), DType::kInt32);
  return in.unknown();
}

struct MergeIdLists {
  Status run(OpRun& op) {
    const int lists = op.inputs() / 2;
    int64_t total = 0, *next = nullptr, *merged = nullptr;
    PF_TRY(op.scratch(lists, &next));
    for (int l = 0; l < lists; ++l) {
      int64_t sum = 0;
      PF_TRY(sum_of_lengths(op.in(2 * l), &sum));
      PF_CHECK(sum <= op.in(2 * l + 1).size(), value, "the lengths of list ", l, " make ", sum,
               " together, but it has ", op.in(2 * l + 1).size(), " values");
      total += sum;
      next[l] = 0;
    }
    PF_TRY(op.scratch(total + 1, &merged));
    int64_t kept = 0;
    for (int64_t k = 0; k < op.in(0).size(); ++k) {
      int64_t n = 0;
      for (int l = 0; l < lists; ++l)
        for (int64_t i = index_at(op.in(2 * l), k); i > 0; --i)
          merged[kept + n++] = index_at(op.in(2 * l + 1), next[l]++);
      n = sort_unique(n, merged + kept);
      op.out(0).data<int32_t>()[k] = int32_t(n);
      kept += n;
    }
    const DType type = op.in(1).dtype();
    PF_TRY(op.resize(1, Shape{kept}, type));
    for (int64_t i = 0; i < kept; ++i) {
      if (type == DType::kInt64)
        op.out(1).data<int64_t>()[i] = merged[i];
      else
        op.out(1).data<int32_t>()[i] = int32_t(merged[i]);
    }
    return {};
  }
};

PF_OP(MergeIdLists)
    .doc("Joins the lists that several features have for each example: sorted, every number once.")
    .variadic_input("lengths_and_values", "Pairs: int32 lengths, one for each example, and int32 or int64 values.")
    .output("merged_lengths", "int32, one for each example.")
    .output("merged_values", "Type of the values.")
    .shape_unknown("their number depends on the ids that lists share")
    .shape(merge_shape)
    .no_grad()
    .cpu<MergeIdLists>();

}  // namespace
}  // namespace pf
