// SPDX-License-Identifier: Apache-2.0
// Rows copied by lengths and ranges: LengthsTile, LengthsGather, GatherRanges, GatherRangesToDense.
#include "math/copy.h"
#include "math/indices.h"
#include "math/segments.h"
#include "math/sort.h"

namespace pf {
namespace {

// The lengths at input `i`, whose values the shape function needs; null while planning.
Status lengths_value(Infer& in, int i, const Tensor** out) {
  PF_TRY(want_index_vector(in, i));
  *out = in.value(i);
  return {};
}

Status want_rows(const Infer& in) {
  PF_CHECK(in.shape(0).rank() >= 1, shape, "DATA must have rows, is a scalar");
  return {};
}

Status set_rows(Infer& in, int64_t rows) {
  Shape y = in.shape(0);
  y[0] = rows;
  in.set(0, y, in.dtype(0));
  return {};
}

Status tile_shape(Infer& in) {
  PF_TRY(want_rows(in));
  const Tensor* lengths;
  PF_TRY(lengths_value(in, 1, &lengths));
  PF_CHECK(in.shape(1)[0] == in.shape(0)[0], shape, "there must be a length for each row of DATA ", in.shape(0),
           ", found ", in.shape(1)[0]);
  if (!lengths) return in.unknown();
  int64_t rows = 0;
  PF_TRY(sum_of_lengths(*lengths, &rows));
  return set_rows(in, rows);
}

struct LengthsTile {
  Status run(OpRun& op) {
    const Tensor &data = op.in(0), &lengths = op.in(1);
    const Elements elements(data.dtype());
    const int64_t n = data.shape().from(1);
    int64_t at = 0;
    for (int64_t k = 0; k < lengths.size(); ++k)
      for (int64_t i = index_at(lengths, k); i > 0; --i, ++at)
        elements.copy(elements.at(op.out(0).data<uint8_t>(), at * n), elements.at(data.data<uint8_t>(), k * n), n);
    return {};
  }
};

Status gather_shape(Infer& in) {
  PF_TRY(want_rows(in));
  const Tensor* lengths;
  PF_TRY(lengths_value(in, 1, &lengths));
  PF_TRY(want_index_vector(in, 2));
  const Tensor* indices = in.value(2);
  if (!lengths || !indices) return in.unknown();
  int64_t rows = 0, picked = 0;
  PF_TRY(sum_of_lengths(*lengths, &rows));
  PF_CHECK(rows <= in.shape(0)[0], value, "the lengths make ", rows, " together, but ITEMS ", in.shape(0),
           " has fewer rows");
  PF_TRY(check_indices(*indices, lengths->size()));
  for (int64_t i = 0; i < indices->size(); ++i)
    PF_CHECK(!__builtin_add_overflow(picked, index_at(*lengths, index_at(*indices, i)), &picked), value,
             "the result would have too many rows");
  return set_rows(in, picked);
}

struct LengthsGather {
  Status run(OpRun& op) {
    const Tensor &data = op.in(0), &lengths = op.in(1), &indices = op.in(2);
    const Elements elements(data.dtype());
    const int64_t n = data.shape().from(1);
    int64_t* begin = nullptr;
    PF_TRY(op.scratch(lengths.size() + 1, &begin));
    begin[0] = 0;
    for (int64_t k = 0; k < lengths.size(); ++k) begin[k + 1] = begin[k] + index_at(lengths, k);
    int64_t at = 0;
    for (int64_t i = 0; i < indices.size(); ++i) {
      const int64_t k = index_at(indices, i), count = begin[k + 1] - begin[k];
      elements.copy(elements.at(op.out(0).data<uint8_t>(), at * n), elements.at(data.data<uint8_t>(), begin[k] * n),
                    count * n);
      at += count;
    }
    return {};
  }
};

struct Range {
  int64_t start, length;
  Range(const Tensor& ranges, int64_t i) : start(index_at(ranges, 2 * i)), length(index_at(ranges, 2 * i + 1)) {}
  Status check(int64_t i, int64_t size) const {
    PF_CHECK(start >= 0 && length >= 0 && start <= size && length <= size - start, value, "range ", i, " starts at ",
             start, " and has ", length, " elements, but DATA has ", size);
    return {};
  }
};

Status want_ranges(const Infer& in) {
  PF_TRY(in.want_rank(0, 1));
  PF_TRY(want_indices(in, 1));
  PF_TRY(in.want_rank(1, 3));
  PF_CHECK(in.shape(1)[2] == 2, shape, "RANGES must be pairs of start and length, found the shape ", in.shape(1));
  return {};
}

Status ranges_shape(Infer& in) {
  PF_TRY(want_ranges(in));
  in.set(1, Shape{in.shape(1)[0]}, DType::kInt32);
  const Tensor* ranges = in.value(1);
  if (!ranges) return in.unknown();
  int64_t total = 0;
  for (int64_t i = 0; i < ranges->size() / 2; ++i) {
    const Range range(*ranges, i);
    PF_TRY(range.check(i, in.shape(0)[0]));
    PF_CHECK(!__builtin_add_overflow(total, range.length, &total), value, "the result would have too many elements");
  }
  return set_rows(in, total);
}

struct GatherRanges {
  Status run(OpRun& op) {
    const Tensor &data = op.in(0), &ranges = op.in(1);
    const Elements elements(data.dtype());
    const int64_t each = ranges.dim(1);
    int32_t* lengths = op.out(1).data<int32_t>();
    int64_t at = 0;
    for (int64_t i = 0; i < ranges.dim(0); ++i) {
      const int64_t start = at;
      for (int64_t j = 0; j < each; ++j) {
        const Range range(ranges, i * each + j);
        elements.copy(elements.at(op.out(0).data<uint8_t>(), at), elements.at(data.data<uint8_t>(), range.start),
                      range.length);
        at += range.length;
      }
      lengths[i] = int32_t(at - start);
    }
    return {};
  }
};

Status dense_shape(Infer& in) {
  PF_TRY(want_ranges(in));
  const std::vector<int64_t>& lengths = in.args.ints("lengths");
  PF_CHECK(!lengths.empty() && int64_t(lengths.size()) == in.shape(1)[1] && int64_t(lengths.size()) == in.outputs(),
           argument, "there must be one of the lengths for each range and output; found ", lengths.size(), " lengths, ",
           in.shape(1)[1], " ranges and ", in.outputs(), " outputs");
  PF_CHECK(in.dtype(0) != DType::kString, type, "strings cannot be filled up with zeros");
  if (in.inputs() > 2) {
    PF_TRY(in.want_dtype(2, DType::kInt64));
    PF_TRY(in.want_same_shape(0, 2));
  }
  for (int j = 0; j < in.outputs(); ++j) {
    const int64_t n = lengths[size_t(j)];
    PF_CHECK(n > 0 && n <= INT32_MAX, argument, "lengths must be above 0, found ", n);
    in.set(j, Shape{in.shape(1)[0], n}, in.dtype(0));
  }
  return {};
}

// The elements of a range in the order of their keys.
void copy_sorted(const Elements& elements, const Range& range, const uint8_t* data, const int64_t* keys, int64_t* order,
                 uint8_t* to) {
  for (int64_t i = 0; i < range.length; ++i) order[i] = range.start + i;
  heap_sort(range.length, order,
            [=](int64_t a, int64_t b) { return keys[a] < keys[b] || (keys[a] == keys[b] && a < b); });
  for (int64_t i = 0; i < range.length; ++i) elements.copy(elements.at(to, i), elements.at(data, order[i]), 1);
}

struct GatherRangesToDense {
  Status run(OpRun& op) {
    const Tensor &data = op.in(0), &ranges = op.in(1);
    const Elements elements(data.dtype());
    const int64_t* keys = op.inputs() > 2 ? op.in(2).data<int64_t>() : nullptr;
    int64_t* order = nullptr;
    if (keys) PF_TRY(op.scratch(data.size(), &order));
    for (int64_t i = 0; i < ranges.size() / 2; ++i) {
      const Range range(ranges, i);
      Tensor& out = op.out(int(i % ranges.dim(1)));
      const int64_t n = out.dim(1);
      uint8_t* to = elements.at(out.data<uint8_t>(), i / ranges.dim(1) * n);
      if (range.length != n) {  // empty ranges, and others too, leave zeros
        std::memset(to, 0, size_t(n) * elements.size);
        continue;
      }
      PF_TRY(range.check(i, data.size()));
      if (keys)
        copy_sorted(elements, range, data.data<uint8_t>(), keys, order, to);
      else
        elements.copy(to, elements.at(data.data<uint8_t>(), range.start), n);
    }
    return {};
  }
};

PF_OP(LengthsTile)
    .doc("Row i of DATA, LENGTHS[i] times.")
    .input("DATA", "Any type; 1 dimension or more.")
    .input("LENGTHS", "int32: how often each row is repeated.")
    .output("OUTPUT", "Type of DATA.")
    .shape(tile_shape)
    .grad([](Gradient& g) { g.op("LengthsSum", {g.GO(0), g.I(1)}, {g.GI(0)}); })
    .cpu<LengthsTile>();

PF_OP(LengthsGather)
    .doc("The rows of the segments that INDICES names, one segment after the other.")
    .input("ITEMS", "Any type; 1 dimension or more.")
    .input("LENGTHS", "int32: how many rows each segment has.")
    .input("INDICES", "int32 or int64: numbers of segments.")
    .output("OUTPUT", "Type of ITEMS.")
    .shape(gather_shape)
    .refuse_grad("Caffe2 has no gradient of LengthsGather")
    .cpu<LengthsGather>();

PF_OP(GatherRanges)
    .doc("The elements of ranges, one after the other, and how many each example has.")
    .input("DATA", "Any type, 1-D.")
    .input("RANGES", "int32 or int64 [examples, ranges, 2]: starts and lengths.")
    .output("OUTPUT", "Type of DATA, 1-D.")
    .output("LENGTHS", "int32: elements of each example.")
    .shape(ranges_shape)
    .refuse_grad("Caffe2 has no gradient of GatherRanges")
    .cpu<GatherRanges>();

PF_OP(GatherRangesToDense)
    .doc("Range j of each example as a row of output j; ranges that have not the length given become zeros.")
    .required_arg("lengths", ArgType::kInts, "The length of the ranges of each output.")
    .input("DATA", "A number type, 1-D.")
    .input("RANGES", "int32 or int64 [examples, outputs, 2]: starts and lengths.")
    .optional_input("KEY", "int64, one for each element of DATA: sorts the elements within a range.")
    .variadic_output("OUTPUT", "[examples, length] each, type of DATA.")
    .shape(dense_shape)
    .no_grad()
    .cpu<GatherRangesToDense>();

}  // namespace
}  // namespace pf
