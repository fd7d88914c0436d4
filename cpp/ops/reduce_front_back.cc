// SPDX-License-Identifier: Apache-2.0
// Sums and means over the first or the last dimensions: ReduceFrontSum, ReduceFrontMean, ReduceBackSum, ReduceBackMean;
// and their gradients. As a matrix [rows, columns], Front reduces the rows of each column, Back the columns of each
// row.
#include "core/op.h"
#include "math/reduce.h"

namespace pf {
namespace {

struct Matrix {
  int64_t rows, columns;
  int64_t size() const { return rows * columns; }
};

// Where the reduced dimensions end (Front) or begin (Back).
int split_of(const Shape& x, bool front, int64_t reduced) { return front ? int(reduced) : x.rank() - int(reduced); }

Matrix matrix_of(const Shape& x, bool front, const Args& args) {
  const int split = split_of(x, front, args.i("num_reduce_dim"));
  return {x.upto(split), x.from(split)};
}

// How many elements of each row (Back) or column (Front) count: all, or what the input `lengths` says.
Status check_lengths(const int32_t* lengths, int64_t count, int64_t most) {
  for (int64_t k = 0; lengths && k < count; ++k)
    PF_CHECK(lengths[k] >= 0 && lengths[k] <= most, value, "length ", k, " is ", lengths[k], ", expected 0 to ", most);
  return {};
}

// What elements are added up in (integers wrap), and what the sum then is.
template <class T>
using Running = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
template <class T>
using Total = std::conditional_t<std::is_integral_v<T>, int64_t, double>;

// y[k] = sum of x[k * step + i * stride] for i below its length; step and stride tell rows from columns.
template <class T>
void reduce(int64_t count, int64_t length, int64_t step, int64_t stride, const T* x, const int32_t* lengths, bool mean,
            T* y) {
  parallel_for(count, 1 + 4096 / (length + 1), [=](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t n = lengths ? lengths[k] : length;
      Running<T> running = 0;
      for (int64_t i = 0; i < n; ++i) running += Running<T>(x[k * step + i * stride]);
      const Total<T> total = Total<T>(running);
      y[k] = T(mean && n ? total / Total<T>(n) : total);
    }
  });
}

template <bool kFront, bool kMean>
struct Reduce {
  Status run(OpRun& op) {
    const Matrix m = matrix_of(op.in(0).shape(), kFront, op.args);
    const int64_t count = kFront ? m.columns : m.rows, length = kFront ? m.rows : m.columns;
    const int32_t* lengths = op.inputs() > 1 ? op.in(1).data<int32_t>() : nullptr;
    PF_TRY(check_lengths(lengths, count, length));
    switch (op.in(0).dtype()) {
      case DType::kInt32:
        return run_as<int32_t>(op, m, lengths);
      case DType::kInt64:
        return run_as<int64_t>(op, m, lengths);
      case DType::kDouble:
        return run_as<double>(op, m, lengths);
      default:
        break;
    }
    if (lengths) return run_as<float>(op, m, lengths);
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    (kFront ? sum_rows : sum_columns)(m.rows, m.columns, x, false, y);
    if (kMean && length)
      for (int64_t k = 0; k < count; ++k) y[k] /= float(length);
    return {};
  }

  template <class T>
  Status run_as(OpRun& op, const Matrix& m, const int32_t* lengths) {
    const T* x = op.in(0).data<T>();
    T* y = op.out(0).data<T>();
    if (kFront)
      reduce(m.columns, m.rows, 1, m.columns, x, lengths, kMean, y);
    else
      reduce(m.rows, m.columns, m.columns, 1, x, lengths, kMean, y);
    return {};
  }
};

template <bool kFront, bool kMean>
struct ReduceGradient {
  Status run(OpRun& op) {
    const Matrix m = matrix_of(op.out(0).shape(), kFront, op.args);
    const int32_t* lengths = op.inputs() > 2 ? op.in(2).data<int32_t>() : nullptr;
    PF_TRY(check_lengths(lengths, kFront ? m.columns : m.rows, kFront ? m.rows : m.columns));
    switch (op.in(0).dtype()) {
      case DType::kInt32:
        return run_as<int32_t>(op, m, lengths);
      case DType::kInt64:
        return run_as<int64_t>(op, m, lengths);
      case DType::kDouble:
        return run_as<double>(op, m, lengths);
      default:
        return run_as<float>(op, m, lengths);
    }
  }

  template <class T>
  Status run_as(OpRun& op, const Matrix& m, const int32_t* lengths) {
    const T* dy = op.in(0).data<T>();
    T* dx = op.out(0).data<T>();
    const int64_t length = kFront ? m.rows : m.columns;
    parallel_for(m.rows, 1 + 8192 / (m.columns + 1), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t j = 0; j < m.columns; ++j) {
          const int64_t k = kFront ? j : i, n = lengths ? lengths[k] : length;
          dx[i * m.columns + j] = (kFront ? i : j) >= n ? T(0) : kMean ? T(dy[k] / T(n)) : dy[k];
        }
      }
    });
    return {};
  }
};

Status check_dtype(DType dtype, const char* what) {
  PF_CHECK(dtype == DType::kFloat || dtype == DType::kDouble || dtype == DType::kInt32 || dtype == DType::kInt64, type,
           what, " must be float32, float64, int32 or int64, found ", dtype);
  return {};
}

// x: the shape before reducing. Gives the shape after it.
template <bool kFront>
Status reduced_shape(Infer& in, const Shape& x, int lengths_input, Shape* out) {
  const int64_t reduced = in.args.i("num_reduce_dim");
  PF_CHECK(reduced >= 0 && reduced <= x.rank(), argument, "num_reduce_dim must be from 0 to ", x.rank(),
           " for the shape ", x, ", found ", reduced);
  const int split = split_of(x, kFront, reduced);
  *out = kFront ? Shape(x.begin() + split, x.end()) : Shape(x.begin(), x.begin() + split);
  if (in.inputs() <= lengths_input) return {};
  PF_TRY(in.want_dtype(lengths_input, DType::kInt32));
  PF_CHECK(reduced == 1, argument, "with lengths num_reduce_dim must be 1, found ", reduced);
  PF_CHECK(in.shape(lengths_input).size() == out->size(), shape, "there must be one length for each of the ",
           out->size(), " results, found lengths of shape ", in.shape(lengths_input));
  return {};
}

template <bool kFront>
Status forward_shape(Infer& in) {
  PF_TRY(check_dtype(in.dtype(0), "X"));
  Shape out;
  PF_TRY(reduced_shape<kFront>(in, in.shape(0), 1, &out));
  in.set(0, out, in.dtype(0));
  return {};
}

// Input 1 is X, or in older nets the shape of X.
template <bool kFront>
Status backward_shape(Infer& in) {
  PF_TRY(check_dtype(in.dtype(0), "dY"));
  Shape x = in.shape(1), dy;
  if (in.dtype(1) == DType::kInt64 && x.rank() == 1) {
    const Tensor* dims = in.value(1);
    if (!dims) return in.unknown();
    x = Shape(dims->data<int64_t>(), dims->data<int64_t>() + dims->size());
    for (int64_t d : x) PF_CHECK(d >= 0, value, "the shape of X must not have negative dimensions, found ", x);
  }
  PF_TRY(reduced_shape<kFront>(in, x, 2, &dy));
  PF_CHECK(in.shape(0) == dy, shape, "dY must have the shape ", dy, ", found ", in.shape(0));
  in.set(0, x, in.dtype(0));
  return {};
}

void make_gradient(Gradient& g, const char* type) {
  if (g.inputs() > 1)
    g.op(type, {g.GO(0), g.I(0), g.I(1)}, {g.GI(0)});
  else
    g.op(type, {g.GO(0), g.I(0)}, {g.GI(0)});
}

constexpr auto kForward = [](auto& op) {
  op.arg("num_reduce_dim", 1, "How many dimensions to reduce.")
      .input("X", "float32, float64, int32 or int64, any shape.")
      .optional_input("lengths", "int32, one per result: only so many of its elements count (num_reduce_dim 1).")
      .output("Y", "X without the reduced dimensions.");
};

constexpr auto kBackward = [](auto& op) {
  op.arg("num_reduce_dim", 1, "How many dimensions were reduced.")
      .input("dY", "Gradient of Y.")
      .input("X", "The tensor that was reduced, or its shape as int64 [rank].")
      .optional_input("lengths", "The lengths given to the reduction.")
      .output("dX", "Gradient of X, shape of X.");
};

PF_OP(ReduceFrontSum)
    .doc(
        "Sums over the first num_reduce_dim dimensions. With `lengths`, column k sums its first lengths[k] "
        "elements.")
    .with(kForward)
    .shape(forward_shape<true>)
    .grad([](Gradient& g) { make_gradient(g, "ReduceFrontSumGradient"); })
    .cpu<Reduce<true, false>>();

PF_OP(ReduceFrontMean)
    .doc(
        "Means over the first num_reduce_dim dimensions. With `lengths`, column k averages its first "
        "lengths[k] elements.")
    .with(kForward)
    .shape(forward_shape<true>)
    .grad([](Gradient& g) { make_gradient(g, "ReduceFrontMeanGradient"); })
    .cpu<Reduce<true, true>>();

PF_OP(ReduceBackSum)
    .doc(
        "Sums over the last num_reduce_dim dimensions. With `lengths`, row k sums its first lengths[k] "
        "elements.")
    .with(kForward)
    .shape(forward_shape<false>)
    .grad([](Gradient& g) { make_gradient(g, "ReduceBackSumGradient"); })
    .cpu<Reduce<false, false>>();

PF_OP(ReduceBackMean)
    .doc(
        "Means over the last num_reduce_dim dimensions. With `lengths`, row k averages its first lengths[k] "
        "elements.")
    .with(kForward)
    .shape(forward_shape<false>)
    .grad([](Gradient& g) { make_gradient(g, "ReduceBackMeanGradient"); })
    .cpu<Reduce<false, true>>();

PF_OP(ReduceFrontSumGradient)
    .doc("Gradient of ReduceFrontSum: dY repeated along the reduced dimensions, 0 beyond the lengths.")
    .with(kBackward)
    .shape(backward_shape<true>)
    .no_grad()
    .cpu<ReduceGradient<true, false>>();

PF_OP(ReduceFrontMeanGradient)
    .doc("Gradient of ReduceFrontMean: dY over the number of elements, repeated along the reduced dimensions.")
    .with(kBackward)
    .shape(backward_shape<true>)
    .no_grad()
    .cpu<ReduceGradient<true, true>>();

PF_OP(ReduceBackSumGradient)
    .doc("Gradient of ReduceBackSum: dY repeated along the reduced dimensions, 0 beyond the lengths.")
    .with(kBackward)
    .shape(backward_shape<false>)
    .no_grad()
    .cpu<ReduceGradient<false, false>>();

PF_OP(ReduceBackMeanGradient)
    .doc("Gradient of ReduceBackMean: dY over the number of elements, repeated along the reduced dimensions.")
    .with(kBackward)
    .shape(backward_shape<false>)
    .no_grad()
    .cpu<ReduceGradient<false, true>>();

}  // namespace
}  // namespace pf
