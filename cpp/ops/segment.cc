// SPDX-License-Identifier: Apache-2.0
// Reductions of rows by segment: LengthsSum, SortedSegmentMean, UnsortedSegmentWeightedSum, SparseLengthsSum, … One
// kernel does them all: it asks the operator's name what to do. The gradients are in segment_gradient.cc.
// build: loops
#include "math/indices.h"
#include "math/reduce.h"
#include "math/rowwise.h"
#include "math/segment_kinds.h"
#include "math/segments.h"
#include "math/vector_math.h"

namespace pf {
namespace {

Status check_table(Infer& in, const SegmentKind& kind) {
  const Shape& data = in.shape(0);
  const DType type = in.dtype(0);
  if (kind.bytes || kind.fused) {
    PF_TRY(in.want_dtype(0, DType::kUint8));
  } else if (!(kind.sparse && kind.lengths && type == DType::kFloat16)) {
    PF_TRY(in.want_dtype(0, DType::kFloat));
  }
  PF_CHECK(data.rank() >= 1, shape, "DATA must have rows, is a scalar");
  if (kind.fused) {
    PF_TRY(in.want_rank(0, 2));
    PF_CHECK(data[1] > kFusedTail, shape, "each row of DATA ends in 8 bytes of scale and bias; the shape is ", data);
  } else if (kind.bytes) {
    const int scales = kind.scales_at();
    PF_TRY(in.want_dtype(scales, DType::kFloat));
    PF_CHECK((in.shape(scales) == Shape{data[0], 2}), shape, "there must be a scale and a bias for each row of DATA ",
             data, ", found the shape ", in.shape(scales));
  }
  return {};
}

// How many segments there are, -1 while that is not known.
Status count_segments(Infer& in, const SegmentKind& kind, int64_t rows, int64_t* count) {
  const int at = kind.segments_at();
  PF_TRY(want_index_vector(in, at));
  *count = in.shape(at)[0];
  if (kind.lengths) return {};
  PF_CHECK(*count == rows, shape, "there must be one segment number for each of the ", rows, " rows, found ", *count);
  if (!kind.sorted && (*count = in.args.i("num_segments")) >= 0) {
    PF_CHECK(*count <= INT32_MAX, argument, "num_segments is ", *count, ", more than there can be");
    return {};
  }
  const Tensor* ids = in.value(at);
  *count = -1;
  if (!ids) return {};
  PF_TRY(count_of_ids(*ids, count));
  PF_CHECK(!kind.sorted || *count <= rows, value, "sorted segment numbers leave none out, but the last of ", rows,
           " is ", *count - 1);
  return {};
}

Status segment_shape(Infer& in) {
  const SegmentKind kind(in.args.schema.name);
  PF_TRY(check_table(in, kind));
  const Shape& data = in.shape(0);
  int64_t rows = data[0];
  if (kind.sparse) {
    PF_TRY(want_index_vector(in, kind.indices_at()));
    rows = in.shape(kind.indices_at())[0];
  }
  if (kind.weighted) {
    PF_TRY(in.want_dtype(1, DType::kFloat));
    PF_TRY(in.want_rank(1, 1));
    PF_CHECK(kind.positional || in.shape(1)[0] == rows, shape, "there must be one weight for each of the ", rows,
             " rows, found ", in.shape(1)[0]);
  }
  int64_t count = 0;
  PF_TRY(count_segments(in, kind, rows, &count));
  if (count < 0) return in.unknown();
  Shape y{count};
  for (int d = 1; d < data.rank(); ++d) y.push_back(kind.fused ? data[d] - kFusedTail : data[d]);
  in.set(0, y, DType::kFloat);
  return {};
}

// The rows of one segment and what is done with them.
struct Rows {
  RowTable table;
  Segments segments;
  const Tensor* indices;  // null: rows by their own number
  const float* weights;
  bool positional;
  int64_t at(int64_t place) const {
    const int64_t row = segments.row(place);
    return indices ? index_at(*indices, row) : row;
  }
  const float* floats(int64_t place) const { return static_cast<const float*>(table.data) + at(place) * table.columns; }

  static constexpr int64_t kTogether = 8;
  // The rows of some places, at most kTogether, of the segment that begins at `begin`.
  void add_some(int64_t first, int64_t last, int64_t begin, float* y) const {
    float factors[kTogether];
    const float* rows[kTogether];
    const bool plain = table.kind == RowTable::kFloat;
    for (int64_t p = first; p < last; ++p) {
      const float factor = weights ? weights[positional ? p - begin : segments.row(p)] : 1.f;
      if (plain)
        factors[p - first] = factor, rows[p - first] = floats(p);
      else
        table.add(at(p), factor, y);
    }
    if (plain) add_rows(table.columns, last - first, factors, rows, y);
  }

  void sum(int64_t k, bool mean, float* y) const {
    const int64_t n = table.columns, begin = segments.begin[k], end = segments.begin[k + 1];
    for (int64_t j = 0; j < n; ++j) y[j] = 0.f;
    for (int64_t p = begin; p < end; p += kTogether) add_some(p, p + kTogether < end ? p + kTogether : end, begin, y);
    if (!mean || end - begin < 2) return;
    const float share = 1.f / float(end - begin);
    for (int64_t j = 0; j < n; ++j) y[j] *= share;
  }
  void max(int64_t k, float* y) const {
    const int64_t n = table.columns, begin = segments.begin[k], end = segments.begin[k + 1];
    const size_t bytes = size_t(n) * sizeof(float);
    if (begin == end) {
      std::memset(y, 0, bytes);
      return;
    }
    std::memcpy(y, floats(begin), bytes);
    // Four rows at a time, the last one again where there are fewer: y is read and written a quarter as often.
    for (int64_t p = begin + 1; p < end; p += 4) {
      const float* x[4];
      for (int r = 0; r < 4; ++r) x[r] = floats(p + r < end ? p + r : end - 1);
      int64_t j = 0;
      for (; j + 4 <= n; j += 4) {
        f32x4 top = f32x4::load(y + j);
        PF_UNROLL
        for (int r = 0; r < 4; ++r) top = pf::max(top, f32x4::load(x[r] + j));
        top.store(y + j);
      }
      for (; j < n; ++j)
        for (const float* row : x) y[j] = row[j] > y[j] ? row[j] : y[j];
    }
  }
  // log of the sum or mean of e^x, less its maximum, which would overflow.
  void log_exp(int64_t k, bool mean, float* y) const {
    const int64_t begin = segments.begin[k], end = segments.begin[k + 1];
    max(k, y);
    for (int64_t j = 0; j < table.columns && begin < end; ++j) {
      float total = 0.f;
      for (int64_t p = begin; p < end; ++p) total += exp_one(floats(p)[j] - y[j]);
      y[j] += log_one(mean ? total / float(end - begin) : total);
    }
  }
};

struct SegmentReduce {
  Status run(OpRun& op) {
    const SegmentKind kind(op.args.schema.name);
    const Tensor &data = op.in(0), &told = op.in(kind.segments_at());
    Tensor& out = op.out(0);
    const int64_t count = out.dim(0);
    Rows rows{table_of(op, kind),
              {},
              kind.sparse ? &op.in(kind.indices_at()) : nullptr,
              kind.weighted ? op.in(1).data<float>() : nullptr,
              kind.positional};
    if (rows.indices) PF_TRY(check_indices(*rows.indices, data.dim(0)));
    const int64_t given = rows.indices ? rows.indices->size() : data.dim(0);
    PF_TRY(kind.lengths ? segments_of_lengths(op, told, given, &rows.segments)
                        : segments_of_ids(op, told, count, kind.sorted, &rows.segments));
    for (int64_t k = 0; k < count && kind.positional; ++k)
      PF_CHECK(rows.segments.length(k) <= op.in(1).size(), value, "segment ", k, " has ", rows.segments.length(k),
               " rows, but there are only ", op.in(1).size(), " weights");
    float* y = out.data<float>();
    const int64_t n = out.shape().from(1), work = (n + 1) * (given / (count + 1) + 1);
    parallel_for(count, 1 + 16384 / work, [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        if (kind.max)
          rows.max(k, y + k * n);
        else if (kind.log_exp)
          rows.log_exp(k, kind.mean, y + k * n);
        else
          rows.sum(k, kind.mean, y + k * n);
      }
    });
    return {};
  }

  static RowTable table_of(OpRun& op, const SegmentKind& kind) {
    const Tensor& data = op.in(0);
    RowTable table{data.dtype() == DType::kFloat16 ? RowTable::kHalf : RowTable::kFloat, data.data<uint8_t>(),
                   data.shape().from(1)};
    if (kind.bytes) table.kind = RowTable::kBytes, table.scale_bias = op.in(kind.scales_at()).data<float>();
    if (kind.fused) table.kind = RowTable::kFused, table.columns -= kFusedTail;
    return table;
  }
};

// The gradient operator's name: Sparse operators of segment numbers share those of the plain ones.
std::string gradient_name(const SegmentKind& kind, bool main_input) {
  std::string name = kind.lengths  ? kind.sparse ? "SparseLengths" : "Lengths"
                     : kind.sorted ? kind.range ? "SortedSegmentRange" : "SortedSegment"
                                   : "UnsortedSegment";
  const bool plain_sum = !kind.mean && !kind.max && !kind.weighted;
  if (kind.lengths && (plain_sum || (kind.weighted && kind.sparse))) name += "IndicesInGradient";
  if (kind.weighted) name += "Weighted";
  name += kind.log_exp ? kind.mean ? "LogMeanExp" : "LogSumExp" : kind.mean ? "Mean" : kind.max ? "Max" : "Sum";
  if (kind.range) return name + "Gradient";
  if (main_input) name += "WithMainInput";
  if (kind.max) name += "AndForwardOutput";
  return name + "Gradient";
}

void segment_gradient(Gradient& g) {
  const SegmentKind kind(g.args.schema.name);
  const bool on_weights = kind.weighted && g.args.b("grad_on_weights");
  if (on_weights && !kind.lengths) {
    (void)g.refuse("there is no gradient of the weights when segments are told by numbers; use lengths");
    return;
  }
  const bool main_input = on_weights || (kind.lengths && kind.max);
  const std::string name = gradient_name(kind, main_input);
  const SegmentKind gradient(name);
  std::vector<std::string> in, out;
  if (kind.range) {
    in = {g.I(0), g.O(0), g.GO(0), g.I(1)};
  } else {
    if (kind.weighted) in.push_back(g.I(1));
    if (gradient.forward_output) in.push_back(g.O(0));
    in.push_back(g.GO(0));
    in.push_back(g.I(kind.segments_at()));
    if (main_input) in.push_back(g.I(0));
    if (kind.sparse ? main_input || gradient.indices_in_gradient : gradient.indices_in_gradient)
      in.push_back(g.I(kind.sparse ? kind.indices_at() : 0));
  }
  out.push_back(kind.sparse ? g.GI_V(0) : g.GI(0));
  if (on_weights) out.push_back(g.GI(1));
  g.op(name.c_str(), std::move(in), std::move(out));
  if (kind.sparse) g.set_sparse(0, g.I(kind.indices_at()), g.GI_V(0));
}

constexpr auto kData = [](auto& op) { op.input("DATA", "float, 1 dimension or more; the first counts the rows."); };
constexpr auto kTable = [](auto& op) {
  op.input("DATA", "float or float16, 1 dimension or more; the first counts the rows.");
};
constexpr auto kBytes = [](auto& op) { op.input("DATA", "uint8, as FloatToRowwiseQuantized8Bits gives it."); };
constexpr auto kFused = [](auto& op) {
  op.input("DATA", "uint8 [rows, columns + 8], as FloatToFused8BitRowwiseQuantized gives it.");
};
constexpr auto kWeights = [](auto& op) { op.input("SCALARS", "float: a weight for each row that is summed."); };
constexpr auto kOnWeights = [](auto& op) {
  op.arg("grad_on_weights", false, "The gradient operator also gives the gradient of the weights.");
};
constexpr auto kIndices = [](auto& op) { op.input("INDICES", "int32 or int64: numbers of the rows to reduce."); };
constexpr auto kLengths = [](auto& op) {
  op.input("LENGTHS", "int32: how many rows each segment has; they follow one another.");
};
constexpr auto kScales = [](auto& op) { op.input("SCALE_BIAS", "float [rows, 2]."); };
constexpr auto kSorted = [](auto& op) {
  op.input("SEGMENT_IDS", "int32, one for each row: its segment. They start with 0, grow and leave none out.");
};
constexpr auto kUnsorted = [](auto& op) {
  op.arg("num_segments", -1, "How many segments there are; -1: one more than the largest number.")
      .input("SEGMENT_IDS", "int32, one for each row: its segment.");
};
constexpr auto kReduce = [](auto& op) {
  op.output("OUTPUT", "float: a row for each segment; 0 for those without rows.")
      .shape(segment_shape)
      .grad(segment_gradient)
      .template cpu<SegmentReduce>();
};
constexpr auto kOfBytes = [](auto& op) {
  op.output("OUTPUT", "float: a row for each segment; 0 for those without rows.")
      .shape(segment_shape)
      .no_grad()
      .template cpu<SegmentReduce>();
};
constexpr auto kLengthsOp = [](auto& op) { op.with(kData).with(kLengths).with(kReduce); };
constexpr auto kSortedOp = [](auto& op) { op.with(kData).with(kSorted).with(kReduce); };
constexpr auto kUnsortedOp = [](auto& op) { op.with(kData).with(kUnsorted).with(kReduce); };
constexpr auto kSparseSortedOp = [](auto& op) { op.with(kData).with(kIndices).with(kSorted).with(kReduce); };
constexpr auto kSparseUnsortedOp = [](auto& op) { op.with(kData).with(kIndices).with(kUnsorted).with(kReduce); };
constexpr auto kSparseLengthsOp = [](auto& op) { op.with(kTable).with(kIndices).with(kLengths).with(kReduce); };
constexpr auto kBytesOp = [](auto& op) { op.with(kBytes).with(kIndices).with(kLengths).with(kScales).with(kOfBytes); };
constexpr auto kWeightedBytesOp = [](auto& op) {
  op.with(kBytes).with(kWeights).with(kIndices).with(kLengths).with(kScales).with(kOfBytes);
};

PF_OP(LengthsSum).doc("The sum of the rows of each segment.").with(kLengthsOp);
PF_OP(LengthsMean).doc("The mean of the rows of each segment.").with(kLengthsOp);
PF_OP(LengthsMax).doc("The largest elements of the rows of each segment.").with(kLengthsOp);
PF_OP(LengthsWeightedSum)
    .doc("The sum of the rows of each segment, each row times its weight.")
    .with(kOnWeights)
    .with(kData)
    .with(kWeights)
    .with(kLengths)
    .with(kReduce);

PF_OP(SortedSegmentSum).doc("The sum of the rows of each segment.").with(kSortedOp);
PF_OP(SortedSegmentMean).doc("The mean of the rows of each segment.").with(kSortedOp);
PF_OP(SortedSegmentWeightedSum)
    .doc("The sum of the rows of each segment, each row times its weight.")
    .with(kOnWeights)
    .with(kData)
    .with(kWeights)
    .with(kSorted)
    .with(kReduce);

PF_OP(SortedSegmentRangeSum).doc("The sum of the rows of each segment.").with(kSortedOp);
PF_OP(SortedSegmentRangeMean).doc("The mean of the rows of each segment.").with(kSortedOp);
PF_OP(SortedSegmentRangeMax).doc("The largest elements of the rows of each segment.").with(kSortedOp);
PF_OP(SortedSegmentRangeLogSumExp).doc("`log(sum exp(x))` over the rows of each segment.").with(kSortedOp);
PF_OP(SortedSegmentRangeLogMeanExp).doc("`log(mean exp(x))` over the rows of each segment.").with(kSortedOp);

PF_OP(UnsortedSegmentSum).doc("The sum of the rows of each segment.").with(kUnsortedOp);
PF_OP(UnsortedSegmentMean).doc("The mean of the rows of each segment.").with(kUnsortedOp);
PF_OP(UnsortedSegmentWeightedSum)
    .doc("The sum of the rows of each segment, each row times its weight.")
    .with(kOnWeights)
    .with(kData)
    .with(kWeights)
    .with(kUnsorted)
    .with(kReduce);

PF_OP(SparseSortedSegmentSum).doc("The sum of the picked rows of each segment.").with(kSparseSortedOp);
PF_OP(SparseSortedSegmentMean).doc("The mean of the picked rows of each segment.").with(kSparseSortedOp);
PF_OP(SparseSortedSegmentWeightedSum)
    .doc("The sum of the picked rows of each segment, each row times its weight.")
    .with(kOnWeights)
    .with(kData)
    .with(kWeights)
    .with(kIndices)
    .with(kSorted)
    .with(kReduce);
PF_OP(SparseUnsortedSegmentSum).doc("The sum of the picked rows of each segment.").with(kSparseUnsortedOp);
PF_OP(SparseUnsortedSegmentMean).doc("The mean of the picked rows of each segment.").with(kSparseUnsortedOp);
PF_OP(SparseUnsortedSegmentWeightedSum)
    .doc("The sum of the picked rows of each segment, each row times its weight.")
    .with(kOnWeights)
    .with(kData)
    .with(kWeights)
    .with(kIndices)
    .with(kUnsorted)
    .with(kReduce);

PF_OP(SparseLengthsSum)
    .doc("The sum of the picked rows of each segment: embeddings of lists of numbers.")
    .with(kSparseLengthsOp);
PF_OP(SparseLengthsMean).doc("The mean of the picked rows of each segment.").with(kSparseLengthsOp);
PF_OP(SparseLengthsWeightedSum)
    .doc("The sum of the picked rows of each segment, each row times its weight.")
    .with(kOnWeights)
    .with(kTable)
    .with(kWeights)
    .with(kIndices)
    .with(kLengths)
    .with(kReduce);
PF_OP(SparseLengthsPositionalWeightedSum)
    .doc("The sum of the picked rows of each segment, each row times the weight of its place within the segment.")
    .with(kTable)
    .input("WEIGHT", "float: a weight for each place, as many as the longest segment has rows.")
    .with(kIndices)
    .with(kLengths)
    .with(kReduce)
    .refuse_grad("Caffe2 has no gradient of sums weighted by place");

PF_OP(SparseLengthsSum8BitsRowwise).doc("SparseLengthsSum over a table of bytes.").with(kBytesOp);
PF_OP(SparseLengthsMean8BitsRowwise).doc("SparseLengthsMean over a table of bytes.").with(kBytesOp);
PF_OP(SparseLengthsWeightedSum8BitsRowwise)
    .doc("SparseLengthsWeightedSum over a table of bytes.")
    .with(kWeightedBytesOp);
PF_OP(SparseLengthsWeightedMean8BitsRowwise)
    .doc("SparseLengthsWeightedSum over a table of bytes, divided by the length of the segment.")
    .with(kWeightedBytesOp);

PF_OP(SparseLengthsSumFused8BitRowwise)
    .doc("SparseLengthsSum over a table of bytes that holds its scales.")
    .with(kFused)
    .with(kIndices)
    .with(kLengths)
    .with(kOfBytes);
PF_OP(SparseLengthsMeanFused8BitRowwise)
    .doc("SparseLengthsMean over a table of bytes that holds its scales.")
    .with(kFused)
    .with(kIndices)
    .with(kLengths)
    .with(kOfBytes);
PF_OP(SparseLengthsWeightedSumFused8BitRowwise)
    .doc("SparseLengthsWeightedSum over a table of bytes that holds its scales.")
    .with(kFused)
    .with(kWeights)
    .with(kIndices)
    .with(kLengths)
    .with(kOfBytes);

}  // namespace
}  // namespace pf
