// SPDX-License-Identifier: Apache-2.0
// Maxima over some dimensions: ReduceFrontMax, ReduceBackMax, ColwiseMax, RowwiseMax; and their gradients, which go to
// every element that equals the maximum.
// build: loops
#include "core/op.h"
#include "core/simd.h"
#include "math/integers.h"

namespace pf {
namespace {

enum class Which { kFront, kBack, kColumns, kRows };

// X as [outer][length][inner], of which the middle is reduced. Result k is (k / inner, k % inner).
struct Middle {
  int64_t outer, length, inner;
  int64_t results() const { return outer * inner; }
};

template <Which kWhich>
Middle middle_of(const Shape& x, const Args& args) {
  if (kWhich == Which::kColumns) return {x[0], x[1], x[2]};
  if (kWhich == Which::kRows) return {x.upto(2), x[2], 1};
  const int n = int(args.i("num_reduce_dim"));
  if (kWhich == Which::kFront) return {1, x.upto(n), x.from(n)};
  return {x.upto(x.rank() - n), x.from(x.rank() - n), 1};
}

Status check_lengths(const int32_t* lengths, const Middle& m) {
  for (int64_t k = 0; lengths && k < m.results(); ++k)
    PF_CHECK(lengths[k] >= 0 && lengths[k] <= m.length, value, "length ", k, " is ", lengths[k], ", expected 0 to ",
             m.length);
  return {};
}

// The maximum of a row; a NaN counts only when it comes first.
float row_maximum(int64_t n, const float* x) {
  constexpr int kLanes = 16;
  f32x4 a = f32x4::splat(x[0]), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    a = max(a, f32x4::load(x + i)), b = max(b, f32x4::load(x + i + 4));
    c = max(c, f32x4::load(x + i + 8)), d = max(d, f32x4::load(x + i + 12));
  }
  a = max(max(a, b), max(c, d));
  float best = a.lane(0);
  for (int k = 1; k < 4; ++k) best = a.lane(k) > best ? a.lane(k) : best;
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

// Raises y to the maximum of itself and `count` rows, which follow one another.
void raise(int64_t count, int64_t n, const float* rows, float* y) {
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) {
    const float* x = rows + j;
    f32x4 best = f32x4::load(y + j);
    for (int64_t i = 0; i < count; ++i, x += n) best = max(best, f32x4::load(x));
    best.store(y + j);
  }
  for (; j < n; ++j)
    for (int64_t i = 0; i < count; ++i) y[j] = rows[i * n + j] > y[j] ? rows[i * n + j] : y[j];
}

constexpr int64_t kTogether = 8;  // rows

// As in Caffe2 the first element counts even where the length is 0, and a NaN only when it comes first.
void find_maxima(const Middle& m, const float* x, const int32_t* lengths, float* y) {
  parallel_for(m.outer, 1 + 8192 / (m.length * m.inner + 1), [=](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const float* from = x + o * m.length * m.inner;
      float* to = y + o * m.inner;
      if (m.inner == 1 && !lengths) {
        to[0] = row_maximum(m.length, from);
        continue;
      }
      for (int64_t j = 0; j < m.inner; ++j) to[j] = from[j];
      if (!lengths) {
        // Some at a time, which the prefetchers follow.
        for (int64_t i = 1; i < m.length; i += kTogether)
          raise(smaller(kTogether, m.length - i), m.inner, from + i * m.inner, to);
        continue;
      }
      for (int64_t i = 1; i < m.length; ++i)
        for (int64_t j = 0; j < m.inner; ++j) {
          const float value = from[i * m.inner + j];
          if (value > to[j] && i < lengths[o * m.inner + j]) to[j] = value;
        }
    }
  });
}

void spread_gradient(const Middle& m, const float* dy, const float* x, const float* y, const int32_t* lengths,
                     float* dx) {
  parallel_for(m.outer * m.length, 1 + 8192 / (m.inner + 1), [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t i = row % m.length, first = row / m.length * m.inner;
      for (int64_t j = 0; j < m.inner; ++j) {
        const int64_t at = row * m.inner + j, k = first + j;
        dx[at] = x[at] == y[k] && (!lengths || i < lengths[k]) ? dy[k] : 0.f;
      }
    }
  });
}

template <Which kWhich>
struct Maximum {
  Status run(OpRun& op) {
    const Middle m = middle_of<kWhich>(op.in(0).shape(), op.args);
    const int32_t* lengths = op.inputs() > 1 ? op.in(1).data<int32_t>() : nullptr;
    PF_TRY(check_lengths(lengths, m));
    if (m.results()) find_maxima(m, op.in(0).data<float>(), lengths, op.out(0).data<float>());
    return {};
  }
};

// The operators over matrices have (X, Y, dY), the others (dY, X, Y).
template <Which kWhich>
struct MaximumGradient {
  static constexpr bool kMatrices = kWhich == Which::kColumns || kWhich == Which::kRows;
  static constexpr int kX = kMatrices ? 0 : 1, kY = kX + 1, kDy = kMatrices ? 2 : 0;
  Status run(OpRun& op) {
    const Middle m = middle_of<kWhich>(op.in(kX).shape(), op.args);
    const int32_t* lengths = op.inputs() > 3 ? op.in(3).data<int32_t>() : nullptr;
    PF_TRY(check_lengths(lengths, m));
    spread_gradient(m, op.in(kDy).data<float>(), op.in(kX).data<float>(), op.in(kY).data<float>(), lengths,
                    op.out(0).data<float>());
    return {};
  }
};

// What is left of X's shape.
template <Which kWhich>
Status reduced_shape(Infer& in, int x_input, int lengths_input, Shape* out) {
  const Shape& x = in.shape(x_input);
  PF_TRY(in.want_dtype(x_input, DType::kFloat));
  if (kWhich == Which::kColumns || kWhich == Which::kRows) {
    PF_TRY(in.want_rank(x_input, 3));
    *out = Shape{x[0], x[kWhich == Which::kColumns ? 2 : 1]};
  } else {
    const int64_t n = in.args.i("num_reduce_dim");
    PF_CHECK(n >= 0 && n <= x.rank(), argument, "num_reduce_dim must be from 0 to ", x.rank(), " for the shape ", x,
             ", found ", n);
    *out = kWhich == Which::kFront ? Shape(x.begin() + n, x.end()) : Shape(x.begin(), x.end() - n);
  }
  const Middle m = middle_of<kWhich>(x, in.args);
  PF_CHECK(m.length > 0 || m.results() == 0, shape, "there is no maximum of no elements; X is ", x);
  if (in.inputs() <= lengths_input) return {};
  PF_TRY(in.want_dtype(lengths_input, DType::kInt32));
  PF_CHECK(in.args.i("num_reduce_dim") == 1, argument, "with lengths num_reduce_dim must be 1, found ",
           in.args.i("num_reduce_dim"));
  PF_CHECK(in.shape(lengths_input).size() == m.results(), shape, "there must be one length for each of the ",
           m.results(), " results, found lengths of shape ", in.shape(lengths_input));
  return {};
}

template <Which kWhich>
Status maximum_shape(Infer& in) {
  Shape y;
  PF_TRY(reduced_shape<kWhich>(in, 0, 1, &y));
  in.set(0, y, DType::kFloat);
  return {};
}

template <Which kWhich>
Status gradient_shape(Infer& in) {
  using K = MaximumGradient<kWhich>;
  Shape y;
  PF_TRY(reduced_shape<kWhich>(in, K::kX, 3, &y));
  for (int i : {K::kY, K::kDy}) {
    PF_TRY(in.want_dtype(i, DType::kFloat));
    PF_CHECK(in.shape(i) == y, shape, "\"", in.args.def.input[size_t(i)], "\" must have the shape ", y, ", found ",
             in.shape(i));
  }
  in.set(0, in.shape(K::kX), DType::kFloat);
  return {};
}

void make_gradient(Gradient& g, const char* type) {
  std::vector<std::string> in = {g.GO(0), g.I(0), g.O(0)};
  if (g.inputs() > 1) in.push_back(g.I(1));
  g.op(type, std::move(in), {g.GI(0)});
}

constexpr auto kDims = [](auto& op) { op.arg("num_reduce_dim", 1, "How many dimensions are reduced."); };
constexpr auto kForward = [](auto& op) {
  op.with(kDims)
      .input("X", "float, any shape.")
      .optional_input("lengths", "int32, one per result: only so many of its elements count (num_reduce_dim 1).")
      .output("Y", "X without the reduced dimensions.");
};
constexpr auto kBackward = [](auto& op) {
  op.with(kDims)
      .input("dY", "Gradient of Y, shape of Y.")
      .input("X", "The tensor that was reduced.")
      .input("Y", "The maxima.")
      .optional_input("lengths", "As given to the operator.")
      .output("dX", "Gradient of X, shape of X.")
      .no_grad();
};
constexpr auto kMatrixForward = [](auto& op) {
  op.input("X", "float [batch, rows, columns].").output("Y", "float [batch, maxima].");
};
constexpr auto kMatrixBackward = [](auto& op) {
  op.input("X", "The tensor that was reduced.")
      .input("Y", "The maxima.")
      .input("dY", "Gradient of Y, shape of Y.")
      .output("dX", "Gradient of X, shape of X.")
      .no_grad();
};

PF_OP(ReduceFrontMax)
    .doc("Maxima over the first num_reduce_dim dimensions.")
    .with(kForward)
    .shape(maximum_shape<Which::kFront>)
    .grad([](Gradient& g) { make_gradient(g, "ReduceFrontMaxGradient"); })
    .cpu<Maximum<Which::kFront>>();
PF_OP(ReduceBackMax)
    .doc("Maxima over the last num_reduce_dim dimensions.")
    .with(kForward)
    .shape(maximum_shape<Which::kBack>)
    .grad([](Gradient& g) { make_gradient(g, "ReduceBackMaxGradient"); })
    .cpu<Maximum<Which::kBack>>();
PF_OP(ColwiseMax)
    .doc("The largest element of each column of each matrix.")
    .with(kMatrixForward)
    .shape(maximum_shape<Which::kColumns>)
    .grad([](Gradient& g) { g.op("ColwiseMaxGradient", {g.I(0), g.O(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<Maximum<Which::kColumns>>();
PF_OP(RowwiseMax)
    .doc("The largest element of each row of each matrix.")
    .with(kMatrixForward)
    .shape(maximum_shape<Which::kRows>)
    .grad([](Gradient& g) { g.op("RowwiseMaxGradient", {g.I(0), g.O(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<Maximum<Which::kRows>>();

PF_OP(ReduceFrontMaxGradient)
    .doc("Gradient of ReduceFrontMax: dY where X is the maximum, 0 elsewhere.")
    .with(kBackward)
    .shape(gradient_shape<Which::kFront>)
    .cpu<MaximumGradient<Which::kFront>>();
PF_OP(ReduceBackMaxGradient)
    .doc("Gradient of ReduceBackMax: dY where X is the maximum, 0 elsewhere.")
    .with(kBackward)
    .shape(gradient_shape<Which::kBack>)
    .cpu<MaximumGradient<Which::kBack>>();
PF_OP(ColwiseMaxGradient)
    .doc("Gradient of ColwiseMax: dY where X is the maximum, 0 elsewhere.")
    .with(kMatrixBackward)
    .shape(gradient_shape<Which::kColumns>)
    .cpu<MaximumGradient<Which::kColumns>>();
PF_OP(RowwiseMaxGradient)
    .doc("Gradient of RowwiseMax: dY where X is the maximum, 0 elsewhere.")
    .with(kMatrixBackward)
    .shape(gradient_shape<Which::kRows>)
    .cpu<MaximumGradient<Which::kRows>>();

}  // namespace
}  // namespace pf
