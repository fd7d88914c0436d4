// SPDX-License-Identifier: Apache-2.0
// Lengths, segment numbers and ranges (pairs of start and length) made from one another: LengthsToRanges,
// LengthsToSegmentIds, LengthsToShape, LengthsToWeights, SegmentIdsToLengths, SegmentIdsToRanges, SegmentOneHot.
#include <cmath>

#include "math/indices.h"
#include "math/segments.h"

namespace pf {
namespace {

// The shape function of operators whose output has an entry for each row the lengths count.
Status one_per_row(Infer& in, DType type) {
  PF_TRY(want_index_vector(in, 0));
  const Tensor* lengths = in.value(0);
  if (!lengths) return in.unknown();
  int64_t rows = 0;
  PF_TRY(sum_of_lengths(*lengths, &rows));
  in.set(0, Shape{rows}, type);
  return {};
}

// y[p] = f(k) for each row p of segment k.
template <class T, class F>
void for_rows(const Tensor& lengths, T* y, F f) {
  for (int64_t k = 0; k < lengths.size(); ++k) {
    const int64_t n = index_at(lengths, k);
    const T value = n ? f(k, n) : T(0);
    for (int64_t i = 0; i < n; ++i) *y++ = value;
  }
}

struct LengthsToSegmentIds {
  Status run(OpRun& op) {
    for_rows(op.in(0), op.out(0).data<int32_t>(), [](int64_t k, int64_t) { return int32_t(k); });
    return {};
  }
};

struct LengthsToWeights {
  Status run(OpRun& op) {
    const float power = op.args.f("power");
    for_rows(op.in(0), op.out(0).data<float>(),
             [=](int64_t, int64_t n) { return float(1. / std::pow(double(n), double(power))); });
    return {};
  }
};

struct LengthsToRanges {
  Status run(OpRun& op) {
    int64_t start = 0;
    int32_t* y = op.out(0).data<int32_t>();
    for (int64_t k = 0; k < op.in(0).size(); ++k) {
      const int64_t n = index_at(op.in(0), k);
      y[2 * k] = int32_t(start), y[2 * k + 1] = int32_t(n);
      start = int64_t(uint64_t(start) + uint64_t(n));
    }
    return {};
  }
};

struct LengthsToShape {
  Status run(OpRun& op) {
    const Tensor& lengths = op.in(0);
    for (int64_t k = 1; k < lengths.size(); ++k)
      PF_CHECK(index_at(lengths, k) == index_at(lengths, 0), value, "all lengths must be equal: length ", k, " is ",
               index_at(lengths, k), ", the first ", index_at(lengths, 0));
    op.out(0).data<int32_t>()[0] = int32_t(lengths.size());
    op.out(0).data<int32_t>()[1] = int32_t(index_at(lengths, 0));
    return {};
  }
};

// Sorted numbers; a segment may have no rows.
Status check_sorted(const Tensor& ids, int64_t count) {
  int64_t last = 0;
  for (int64_t i = 0; i < ids.size(); ++i) {
    const int64_t id = index_at(ids, i);
    PF_CHECK(id >= last && id < count, value, "segment number ", i, " is ", id, "; expected sorted numbers below ",
             count, ", and the one before is ", last);
    last = id;
  }
  return {};
}

// The output has an entry for each segment: as many as input 1 has rows, or as the last number tells.
Status segments_shape(Infer& in, bool ranges) {
  PF_TRY(want_index_vector(in, 0));
  int64_t count = 0;
  if (in.inputs() > 1) {
    PF_CHECK(in.shape(1).rank() >= 1, shape, "input 1 must have a first dimension, is a scalar");
    count = in.shape(1)[0];
  } else {
    const Tensor* ids = in.value(0);
    if (!ids) return in.unknown();
    PF_TRY(count_of_ids(*ids, &count));
    // Sorted numbers may leave some out, but not memory's worth of them by accident.
    PF_CHECK(count <= INT32_MAX, value, "segment number ", count - 1, " is more than there can be");
  }
  in.set(0, ranges ? Shape{count, 2} : Shape{count}, DType::kInt32);
  return {};
}

template <bool kRanges>
struct CountSegments {
  Status run(OpRun& op) {
    constexpr int kStep = kRanges ? 2 : 1;
    const Tensor& ids = op.in(0);
    Tensor& out = op.out(0);
    const int64_t count = out.dim(0);
    PF_TRY(check_sorted(ids, count));
    int32_t* y = out.data<int32_t>();
    int64_t at = 0;
    // Segments without rows start where the next ones do; those after the last row start at 0.
    const int64_t used = ids.size() ? index_at(ids, ids.size() - 1) + 1 : 0;
    for (int64_t k = 0; k < count; ++k) {
      const int64_t start = at;
      while (at < ids.size() && index_at(ids, at) == k) ++at;
      if (kRanges) y[2 * k] = k < used ? int32_t(start) : 0;
      y[kStep * k + kStep - 1] = int32_t(at - start);
    }
    return {};
  }
};

Status one_hot_shape(Infer& in) {
  PF_TRY(want_index_vector(in, 0));
  PF_TRY(want_indices(in, 1));
  PF_TRY(want_indices(in, 2));
  PF_CHECK(in.shape(2).size() == 1, shape, "the size must be one number, found the shape ", in.shape(2));
  const Tensor* size = in.value(2);
  if (!size) return in.unknown();
  const int64_t width = index_at(*size, 0);
  PF_CHECK(width > 0, value, "the size must be above 0, found ", width);
  in.set(0, Shape{in.shape(0)[0], width}, DType::kFloat);
  return {};
}

struct SegmentOneHot {
  Status run(OpRun& op) {
    const Tensor &lengths = op.in(0), &hot = op.in(1);
    const int64_t width = op.out(0).dim(1);
    int64_t rows = 0, at = 0;
    PF_TRY(sum_of_lengths(lengths, &rows));
    PF_CHECK(rows <= hot.size(), value, "the lengths make ", rows, " together, but there are ", hot.size(), " indices");
    PF_TRY(check_indices(hot, width));
    float* y = op.out(0).data<float>();
    for (int64_t i = 0; i < op.out(0).size(); ++i) y[i] = 0.f;
    for (int64_t k = 0; k < lengths.size(); ++k)
      for (int64_t i = index_at(lengths, k); i > 0; --i) y[k * width + index_at(hot, at++)] = 1.f;
    return {};
  }
};

constexpr auto kLengths = [](auto& op) { op.input("lengths", "int32: how many rows each segment has."); };
constexpr auto kIds = [](auto& op) {
  op.input("segment_ids", "int32 or int64: the segment of each row, sorted; some may be left out.")
      .optional_input("data", "Its first dimension is the number of segments; without it the last number tells.");
};
constexpr const char* kIntegers = "made of integers, which have no gradient";

PF_OP(LengthsToSegmentIds)
    .doc("The segment of each row: [2, 0, 1] becomes [0, 0, 2].")
    .with(kLengths)
    .output("segment_ids", "int32, one for each row.")
    .shape([](Infer& in) { return one_per_row(in, DType::kInt32); })
    .refuse_grad(kIntegers)
    .cpu<LengthsToSegmentIds>();

PF_OP(LengthsToWeights)
    .doc("A weight for each row: `1 / length^power` of its segment.")
    .arg("power", 0.5f, "The power.")
    .with(kLengths)
    .output("weights", "float, one for each row.")
    .shape([](Infer& in) { return one_per_row(in, DType::kFloat); })
    .refuse_grad(kIntegers)
    .cpu<LengthsToWeights>();

PF_OP(LengthsToRanges)
    .doc("The start and length of each segment: [2, 0, 1] becomes [[0, 2], [2, 0], [2, 1]].")
    .with(kLengths)
    .output("ranges", "int32 [segments, 2].")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_index_vector(in, 0));
      in.set(0, Shape{in.shape(0)[0], 2}, DType::kInt32);
      return {};
    })
    .refuse_grad(kIntegers)
    .cpu<LengthsToRanges>();

PF_OP(LengthsToShape)
    .doc("Lengths that are all equal, as a shape: [3, 3] becomes [2, 3].")
    .with(kLengths)
    .output("shape", "int32: the number of segments and their length.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_index_vector(in, 0));
      PF_CHECK(in.shape(0)[0] > 0, shape, "there must be a length to make a shape of");
      in.set(0, Shape{2}, DType::kInt32);
      return {};
    })
    .refuse_grad(kIntegers)
    .cpu<LengthsToShape>();

PF_OP(SegmentIdsToLengths)
    .doc("How many rows each segment has: [0, 0, 2] becomes [2, 0, 1].")
    .with(kIds)
    .output("lengths", "int32, one for each segment.")
    .shape([](Infer& in) { return segments_shape(in, false); })
    .refuse_grad(kIntegers)
    .cpu<CountSegments<false>>();

PF_OP(SegmentIdsToRanges)
    .doc("The start and length of each segment: [0, 0, 2] becomes [[0, 2], [2, 0], [2, 1]].")
    .with(kIds)
    .output("ranges", "int32 [segments, 2].")
    .shape([](Infer& in) { return segments_shape(in, true); })
    .refuse_grad(kIntegers)
    .cpu<CountSegments<true>>();

PF_OP(SegmentOneHot)
    .doc("A row for each segment, 1 where one of its indices says so and 0 elsewhere.")
    .with(kLengths)
    .input("indices", "int32 or int64: for each row of a segment, the column to set.")
    .input("size", "int64, one number: the columns.")
    .output("one_hot", "float [segments, size].")
    .shape(one_hot_shape)
    .no_grad()
    .cpu<SegmentOneHot>();

}  // namespace
}  // namespace pf
