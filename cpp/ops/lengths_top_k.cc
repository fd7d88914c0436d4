// SPDX-License-Identifier: Apache-2.0
// LengthsTopK: the k largest elements of each segment, of equals the one that comes first; and its gradient.
#include "math/indices.h"
#include "math/segments.h"

namespace pf {
namespace {

Status read_k(const Args& args, int64_t* k) {
  *k = args.i("k");
  PF_CHECK(*k >= 1 && *k <= INT32_MAX, argument, "k must be 1 or more, found ", *k);
  return {};
}

// Keeps the k largest of x, sorted, with their places; what is missing is 0 at place -1.
void select(int64_t n, const float* x, int64_t k, float* values, int32_t* places) {
  int64_t kept = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (kept == k && !(x[i] > values[k - 1])) continue;
    int64_t at = kept < k ? kept++ : k - 1;
    for (; at > 0 && x[i] > values[at - 1]; --at) values[at] = values[at - 1], places[at] = places[at - 1];
    values[at] = x[i], places[at] = int32_t(i);
  }
  for (; kept < k; ++kept) values[kept] = 0.f, places[kept] = -1;
}

struct LengthsTopK {
  Status run(OpRun& op) {
    const int64_t k = op.args.i("k");
    Segments segments;
    PF_TRY(segments_of_lengths(op, op.in(1), op.in(0).size(), &segments));
    const float* x = op.in(0).data<float>();
    float* values = op.out(0).data<float>();
    int32_t* places = op.out(1).data<int32_t>();
    parallel_for(segments.count, 16, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        select(segments.length(i), x + segments.begin[i], k, values + i * k, places + i * k);
    });
    return {};
  }
};

struct LengthsTopKGradient {
  Status run(OpRun& op) {
    const Tensor &lengths = op.in(0), &places = op.in(1);
    const int64_t k = op.args.i("k");
    const float* dy = op.in(2).data<float>();
    float* dx = op.out(0).data<float>();
    for (int64_t i = 0; i < op.out(0).size(); ++i) dx[i] = 0.f;
    for (int64_t i = 0; i < lengths.size(); ++i) {
      const int64_t n = index_at(lengths, i);
      for (int64_t j = 0; j < k && j < n; ++j) {
        const int64_t place = index_at(places, i * k + j);
        PF_CHECK(place >= 0 && place < n, value, "index ", j, " of segment ", i, " is ", place, "; the segment has ", n,
                 " elements");
        dx[place] = dy[i * k + j];
      }
      dx += n;
    }
    return {};
  }
};

PF_OP(LengthsTopK)
    .doc("The k largest elements of each segment, largest first, and their places within it.")
    .required_arg("k", ArgType::kInt, "How many.")
    .input("DATA", "float, 1-D.")
    .input("LENGTHS", "int32: how many elements each segment has.")
    .output("values", "float [segments, k]; 0 where a segment has fewer elements.")
    .output("indices", "int32 [segments, k]; -1 where a segment has fewer elements.")
    .shape([](Infer& in) -> Status {
      int64_t k = 0;
      PF_TRY(read_k(in.args, &k));
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(want_index_vector(in, 1));
      const Shape y{in.shape(1)[0], k};
      in.set(0, y, DType::kFloat);
      in.set(1, y, DType::kInt32);
      return {};
    })
    .grad([](Gradient& g) { g.op("LengthsTopKGradient", {g.I(1), g.O(1), g.GO(0)}, {g.GI(0)}); })
    .cpu<LengthsTopK>();

PF_OP(LengthsTopKGradient)
    .doc("Gradient of LengthsTopK: elements that were picked get theirs, the others 0.")
    .required_arg("k", ArgType::kInt, "How many were picked.")
    .input("LENGTHS", "int32: how many elements each segment has.")
    .input("indices", "int32 [segments, k], from LengthsTopK.")
    .input("dvalues", "float [segments, k], gradient of the values.")
    .output("dDATA", "float, 1-D.")
    .shape([](Infer& in) -> Status {
      int64_t k = 0, size = 0;
      PF_TRY(read_k(in.args, &k));
      PF_TRY(want_index_vector(in, 0));
      PF_TRY(want_indices(in, 1));
      PF_TRY(in.want_dtype(2, DType::kFloat));
      for (int i = 1; i < 3; ++i)
        PF_CHECK((in.shape(i) == Shape{in.shape(0)[0], k}), shape, in.args.schema.input_port(i)->name,
                 " must have the shape ", Shape{in.shape(0)[0], k}, ", found ", in.shape(i));
      const Tensor* lengths = in.value(0);
      if (!lengths) return in.unknown();
      PF_TRY(sum_of_lengths(*lengths, &size));
      in.set(0, Shape{size}, DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<LengthsTopKGradient>();

}  // namespace
}  // namespace pf
