// SPDX-License-Identifier: Apache-2.0
// Gradients of the reductions in segment.cc: row i of segment k gets the gradient of the segment, times a weight, over
// the length, or only where the row made the maximum. One kernel does them all by the operator's name.
#include "math/indices.h"
#include "math/reduce.h"
#include "math/segment_kinds.h"
#include "math/segments.h"
#include "math/vector_math.h"

namespace pf {
namespace {

// Where the inputs are, -1 for those there are not.
struct Inputs {
  int weights = -1, y = -1, dy, segments, data = -1, indices = -1;
  explicit Inputs(const SegmentKind& kind) {
    if (kind.range) {
      data = 0, y = 1, dy = 2, segments = 3;
      return;
    }
    int at = 0;
    if (kind.weighted) weights = at++;
    if (kind.forward_output) y = at++;
    dy = at++;
    segments = at++;
    if (kind.main_input) data = at++;
    if (kind.sparse ? kind.main_input || kind.indices_in_gradient : kind.indices_in_gradient) indices = at++;
  }
};

// How many rows were reduced; -1 while that is not known.
Status count_rows(Infer& in, const SegmentKind& kind, const Inputs& at, int64_t* rows) {
  *rows = -1;
  const int teller = !kind.lengths     ? at.segments
                     : at.indices >= 0 ? at.indices
                     : at.weights >= 0 ? at.weights
                     : at.data >= 0    ? at.data
                                       : -1;
  if (teller >= 0) {
    PF_CHECK(in.shape(teller).rank() >= 1, shape, "\"", in.args.def.input[size_t(teller)],
             "\" must have rows, is a scalar");
    *rows = in.shape(teller)[0];
  } else if (const Tensor* lengths = in.value(at.segments)) {
    PF_TRY(sum_of_lengths(*lengths, rows));
  }
  return {};
}

Status gradient_shape(Infer& in) {
  const SegmentKind kind(in.args.schema.name);
  const Inputs at(kind);
  for (int i : {at.weights, at.y, at.dy, at.data})
    if (i >= 0) PF_TRY(in.want_dtype(i, DType::kFloat));
  PF_TRY(want_index_vector(in, at.segments));
  const Shape& dy = in.shape(at.dy);
  PF_CHECK(dy.rank() >= 1, shape, "the gradient must have rows, is a scalar");
  PF_CHECK(!kind.lengths || in.shape(at.segments)[0] == dy[0], shape, "there must be a length for each of the ", dy[0],
           " rows of the gradient, found ", in.shape(at.segments)[0]);
  if (at.y >= 0)
    PF_CHECK(in.shape(at.y).size() == dy.size(), shape, "the output ", in.shape(at.y), " and its gradient ", dy,
             " must have one size");
  int64_t rows = 0;
  PF_TRY(count_rows(in, kind, at, &rows));
  if (rows < 0) return in.unknown();
  if (at.weights >= 0)
    PF_CHECK((in.shape(at.weights) == Shape{rows}), shape, "there must be one weight for each of the ", rows,
             " rows, found the shape ", in.shape(at.weights));
  if (kind.sparse && at.indices >= 0) PF_TRY(want_index_vector(in, at.indices));
  if (at.data >= 0) {
    const Shape& data = in.shape(at.data);
    PF_CHECK(data.rank() >= 1 && data.from(1) == dy.from(1), shape, "rows of DATA ", data, " and of the gradient ", dy,
             " must have one size");
    PF_CHECK(kind.sparse || data[0] == rows, shape, "DATA ", data, " must have ", rows, " rows");
  }
  Shape dx = dy;
  dx[0] = rows;
  in.set(0, dx, DType::kFloat);
  if (at.weights >= 0 && at.data >= 0) in.set(1, in.shape(at.weights), DType::kFloat);
  return {};
}

// What one row gets from its segment.
struct Row {
  int64_t n;
  float factor;
  const float *dy, *y, *x;
  void scaled(float* dx) const {
    for (int64_t j = 0; j < n; ++j) dx[j] = factor * dy[j];
  }
  void where_largest(float* dx) const {
    for (int64_t j = 0; j < n; ++j) dx[j] = x[j] == y[j] ? dy[j] : 0.f;
  }
  void of_log_exp(float* dx) const {
    for (int64_t j = 0; j < n; ++j) dx[j] = factor * dy[j] * exp_one(x[j] - y[j]);
  }
};

struct SegmentGradient {
  Status run(OpRun& op) {
    const SegmentKind kind(op.args.schema.name);
    const Inputs at(kind);
    const Tensor &told = op.in(at.segments), &given = op.in(at.dy);
    const int64_t count = given.dim(0), n = given.shape().from(1), rows = op.out(0).dim(0);
    Segments segments;
    PF_TRY(kind.lengths ? segments_of_lengths(op, told, rows, &segments)
                        : segments_of_ids(op, told, count, kind.sorted, &segments));
    const Tensor* indices = kind.sparse && at.data >= 0 ? &op.in(at.indices) : nullptr;
    if (indices) PF_TRY(check_indices(*indices, op.in(at.data).dim(0)));
    auto floats = [&](int i) { return i < 0 ? nullptr : op.in(i).data<float>(); };
    const float *weights = floats(at.weights), *y = floats(at.y), *data = floats(at.data), *dy = floats(at.dy);
    float* dx = op.out(0).data<float>();
    float* dw = op.outputs() > 1 ? op.out(1).data<float>() : nullptr;
    parallel_for(count, 1 + 16384 / ((n + 1) * (rows / (count + 1) + 1)), [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        for (int64_t p = segments.begin[k]; p < segments.begin[k + 1]; ++p) {
          const int64_t i = segments.row(p);
          const float* x = data ? data + (indices ? index_at(*indices, i) : i) * n : nullptr;
          const Row row{n,
                        weights     ? weights[i]
                        : kind.mean ? 1.f / float(segments.length(k))
                                    : 1.f,
                        dy + k * n, y ? y + k * n : nullptr, x};
          if (kind.max)
            row.where_largest(dx + i * n);
          else if (kind.log_exp)
            row.of_log_exp(dx + i * n);
          else
            row.scaled(dx + i * n);
          if (dw) dw[i] = dot(n, row.dy, x);
        }
      }
    });
    return {};
  }
};

constexpr auto kWeights = [](auto& op) { op.input("SCALARS", "float: the weight of each row."); };
constexpr auto kForwardOutput = [](auto& op) { op.input("OUTPUT", "What the reduction gave."); };
constexpr auto kGradient = [](auto& op) { op.input("dOUTPUT", "float: gradient of the reduction's output."); };
constexpr auto kLengths = [](auto& op) { op.input("LENGTHS", "int32: how many rows each segment has."); };
constexpr auto kIds = [](auto& op) { op.input("SEGMENT_IDS", "int32: the segment of each row."); };
constexpr auto kData = [](auto& op) { op.input("DATA", "float: what was reduced."); };
constexpr auto kIndices = [](auto& op) { op.input("INDICES", "int32 or int64: numbers of the reduced rows."); };
constexpr auto kResult = [](auto& op) {
  op.output("dDATA", "float: gradient of each reduced row.")
      .shape(gradient_shape)
      .no_grad()
      .template cpu<SegmentGradient>();
};
constexpr auto kResults = [](auto& op) {
  op.output("dDATA", "float: gradient of each reduced row.")
      .output("dSCALARS", "float: gradient of each weight, the product of row and gradient.")
      .shape(gradient_shape)
      .no_grad()
      .template cpu<SegmentGradient>();
};
constexpr auto kOfLengths = [](auto& op) { op.with(kGradient).with(kLengths).with(kResult); };
constexpr auto kOfIds = [](auto& op) { op.with(kGradient).with(kIds).with(kResult); };
constexpr auto kWeightedOfLengths = [](auto& op) { op.with(kWeights).with(kGradient).with(kLengths).with(kResult); };
constexpr auto kWeightedOfIds = [](auto& op) { op.with(kWeights).with(kGradient).with(kIds).with(kResult); };
constexpr auto kOfRange = [](auto& op) {
  op.with(kData).with(kForwardOutput).with(kGradient).with(kIds).with(kResult);
};
constexpr auto kWeightsToo = [](auto& op) {
  op.with(kWeights).with(kGradient).with(kLengths).with(kData).with(kResults);
};
constexpr auto kSparseWeightsToo = [](auto& op) {
  op.with(kWeights).with(kGradient).with(kLengths).with(kData).with(kIndices).with(kResults);
};
constexpr auto kWeightedWithIndices = [](auto& op) {
  op.with(kWeights).with(kGradient).with(kLengths).with(kIndices).with(kResult);
};
constexpr auto kWithData = [](auto& op) { op.with(kGradient).with(kLengths).with(kData).with(kResult); };

constexpr auto kWithIndices = [](auto& op) { op.with(kGradient).with(kLengths).with(kIndices).with(kResult); };

PF_OP(LengthsSumGradient).doc("Each row gets the gradient of its segment.").with(kOfLengths);
PF_OP(LengthsMeanGradient)
    .doc("Each row gets the gradient of its segment over the number of its rows.")
    .with(kOfLengths);
PF_OP(LengthsWeightedSumGradient)
    .doc("Each row gets the gradient of its segment times its weight.")
    .with(kWeightedOfLengths);
PF_OP(LengthsIndicesInGradientSumGradient).doc("Each row gets the gradient of its segment.").with(kWithData);
PF_OP(SparseLengthsSumGradient).doc("Each row gets the gradient of its segment.").with(kOfLengths);
PF_OP(SparseLengthsMeanGradient)
    .doc("Each row gets the gradient of its segment over the number of its rows.")
    .with(kOfLengths);
PF_OP(SparseLengthsWeightedSumGradient)
    .doc("Each row gets the gradient of its segment times its weight.")
    .with(kWeightedOfLengths);
PF_OP(SparseLengthsIndicesInGradientSumGradient).doc("Each row gets the gradient of its segment.").with(kWithIndices);

PF_OP(SparseLengthsIndicesInGradientWeightedSumGradient)
    .doc("Each row gets the gradient of its segment times its weight.")
    .with(kWeightedWithIndices);
PF_OP(LengthsWeightedSumWithMainInputGradient)
    .doc("Each row gets the gradient of its segment times its weight, each weight its row times that gradient.")
    .with(kWeightsToo);
PF_OP(SparseLengthsWeightedSumWithMainInputGradient)
    .doc("Each row gets the gradient of its segment times its weight, each weight its row times that gradient.")
    .with(kSparseWeightsToo);
PF_OP(SparseLengthsIndicesInGradientWeightedSumWithMainInputGradient)
    .doc("Each row gets the gradient of its segment times its weight, each weight its row times that gradient.")
    .with(kSparseWeightsToo);
PF_OP(LengthsMaxWithMainInputAndForwardOutputGradient)
    .doc("Elements that are the largest of their segment get its gradient, the others 0.")
    .with(kForwardOutput)
    .with(kGradient)
    .with(kLengths)
    .with(kData)
    .with(kResult);

PF_OP(SortedSegmentSumGradient).doc("Each row gets the gradient of its segment.").with(kOfIds);
PF_OP(SortedSegmentMeanGradient)
    .doc("Each row gets the gradient of its segment over the number of its rows.")
    .with(kOfIds);
PF_OP(SortedSegmentWeightedSumGradient)
    .doc("Each row gets the gradient of its segment times its weight.")
    .with(kWeightedOfIds);
PF_OP(UnsortedSegmentSumGradient).doc("Each row gets the gradient of its segment.").with(kOfIds);
PF_OP(UnsortedSegmentMeanGradient)
    .doc("Each row gets the gradient of its segment over the number of its rows.")
    .with(kOfIds);
PF_OP(UnsortedSegmentWeightedSumGradient)
    .doc("Each row gets the gradient of its segment times its weight.")
    .with(kWeightedOfIds);
PF_OP(SparseSortedSegmentSumGradient).doc("Each row gets the gradient of its segment.").with(kOfIds);
PF_OP(SparseSortedSegmentMeanGradient)
    .doc("Each row gets the gradient of its segment over the number of its rows.")
    .with(kOfIds);
PF_OP(SparseSortedSegmentWeightedSumGradient)
    .doc("Each row gets the gradient of its segment times its weight.")
    .with(kWeightedOfIds);
PF_OP(SparseUnsortedSegmentSumGradient).doc("Each row gets the gradient of its segment.").with(kOfIds);
PF_OP(SparseUnsortedSegmentMeanGradient)
    .doc("Each row gets the gradient of its segment over the number of its rows.")
    .with(kOfIds);
PF_OP(SparseUnsortedSegmentWeightedSumGradient)
    .doc("Each row gets the gradient of its segment times its weight.")
    .with(kWeightedOfIds);

PF_OP(SortedSegmentRangeSumGradient).doc("Each row gets the gradient of its segment.").with(kOfRange);
PF_OP(SortedSegmentRangeMeanGradient)
    .doc("Each row gets the gradient of its segment over the number of its rows.")
    .with(kOfRange);
PF_OP(SortedSegmentRangeMaxGradient)
    .doc("Elements that are the largest of their segment get its gradient, the others 0.")
    .with(kOfRange);
PF_OP(SortedSegmentRangeLogSumExpGradient).doc("`dx = dy * exp(x - y)`.").with(kOfRange);
PF_OP(SortedSegmentRangeLogMeanExpGradient)
    .doc("`dx = dy * exp(x - y) / n`, where n counts the rows of the segment.")
    .with(kOfRange);

}  // namespace
}  // namespace pf
