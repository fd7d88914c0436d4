// SPDX-License-Identifier: Apache-2.0
// A factor for each row: RowMul, SquareRootDivide, ReduceFrontWeightedSum with its gradient; ReduceTailSum, which the
// gradient of RowMul needs; and a factor and a bias for each column: ElementwiseLinear and its gradient.
// build: loops
#include <cmath>

#include "math/indices.h"
#include "math/reduce.h"

namespace pf {
namespace {

int64_t row_grain(int64_t length) { return 1 + 16384 / (length + 1); }

// y = factor[i] * x, row by row; x has one row for all where step is 0.
void scale_rows(int64_t rows, int64_t length, const float* factor, const float* x, int64_t step, float* y) {
  parallel_for(rows, row_grain(length), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float f = factor[i];
      for (int64_t j = 0; j < length; ++j) y[i * length + j] = f * x[i * step + j];
    }
  });
}

int64_t row_length(const Tensor& x, int64_t rows) { return rows ? x.size() / rows : 0; }

struct RowMul {
  Status run(OpRun& op) {
    const int64_t rows = op.in(1).size(), length = row_length(op.in(0), rows);
    scale_rows(rows, length, op.in(1).data<float>(), op.in(0).data<float>(), length, op.out(0).data<float>());
    return {};
  }
};

struct ReduceTailSum {
  Status run(OpRun& op) {
    const int64_t rows = op.in(0).dim(0);
    sum_columns(rows, op.in(0).shape().from(1), op.in(0).data<float>(), false, op.out(0).data<float>());
    return {};
  }
};

double number_at(const Tensor& t, int64_t i) {
  if (is_index(t.dtype())) return double(index_at(t, i));
  return t.dtype() == DType::kFloat ? double(t.data<float>()[i]) : t.data<double>()[i];
}

struct SquareRootDivide {
  Status run(OpRun& op) {
    const Tensor& scale = op.in(1);
    const int64_t rows = scale.size(), length = row_length(op.in(0), rows);
    float* factor;
    PF_TRY(op.scratch(rows, &factor));
    for (int64_t i = 0; i < rows; ++i) {
      const double s = number_at(scale, i);
      PF_CHECK(s >= 0, value, "element ", i, " of the scale is ", s, ", which has no square root");
      factor[i] = s == 0 ? 1.f : float(1 / std::sqrt(s));
    }
    scale_rows(rows, length, factor, op.in(0).data<float>(), length, op.out(0).data<float>());
    return {};
  }
};

struct ReduceFrontWeightedSum {
  Status run(OpRun& op) {
    const int64_t rows = op.in(1).size(), length = op.out(0).size();
    const float *x = op.in(0).data<float>(), *w = op.in(1).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(length, row_grain(rows), [=](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) y[j] = 0;
      for (int64_t i = 0; i < rows; ++i) add_scaled(end - begin, w[i], x + i * length + begin, y + begin);
    });
    return {};
  }
};

struct ReduceFrontWeightedSumGradient {
  Status run(OpRun& op) {
    scale_rows(op.in(0).size(), op.in(1).size(), op.in(0).data<float>(), op.in(1).data<float>(), 0,
               op.out(0).data<float>());
    return {};
  }
};

struct ElementwiseLinear {
  Status run(OpRun& op) {
    const float *x = op.in(0).data<float>(), *w = op.in(1).data<float>(), *b = op.in(2).data<float>();
    float* y = op.out(0).data<float>();
    const int64_t length = op.in(1).size(), rows = row_length(op.in(0), length);
    parallel_for(rows, row_grain(length), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t j = 0; j < length; ++j) y[i * length + j] = x[i * length + j] * w[j] + b[j];
    });
    return {};
  }
};

struct ElementwiseLinearGradient {
  Status run(OpRun& op) {
    const float *dy = op.in(0).data<float>(), *x = op.in(1).data<float>(), *w = op.in(2).data<float>();
    float *dx = op.out(0).data<float>(), *dw = op.out(1).data<float>(), *db = op.out(2).data<float>();
    const int64_t length = op.in(2).size(), rows = row_length(op.in(1), length);
    // Columns are shared out: each sum is made by one thread, in order.
    parallel_for(length, row_grain(rows), [=](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) dw[j] = db[j] = 0;
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t row = i * length;
        for (int64_t j = begin; j < end; ++j) {
          dw[j] += dy[row + j] * x[row + j], db[j] += dy[row + j];
          dx[row + j] = dy[row + j] * w[j];
        }
      }
    });
    return {};
  }
};

Status want_floats(Infer& in, int begin, int end) {
  for (int i = begin; i < end; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  return {};
}

Status want_rows(Infer& in, int factors) {
  const Shape& x = in.shape(0);
  PF_CHECK(x.rank() >= 1, shape, "\"", in.args.def.input[0], "\" must have 1 dimension or more, is a scalar");
  PF_CHECK(in.shape(factors).size() == x[0], shape, "there must be one factor for each of the ", x[0],
           " rows, found the shape ", in.shape(factors));
  return {};
}

Status square_root_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  const DType t = in.dtype(1);
  PF_CHECK(is_index(t) || t == DType::kFloat || t == DType::kDouble, type,
           "the scale must be int32, int64, float32 or float64, is ", t);
  PF_TRY(want_rows(in, 1));
  return same_as_first(in);
}

// The shape that is left after num_reduce_dim dimensions, which must have `weights` elements.
Status weighted_shape(Infer& in, const Shape& x, int64_t weights, Shape* y) {
  const int64_t n = in.args.i("num_reduce_dim");
  PF_CHECK(n >= 0 && n <= x.rank(), argument, "num_reduce_dim must be from 0 to ", x.rank(), " for the shape ", x,
           ", found ", n);
  PF_CHECK(x.upto(int(n)) == weights, shape, "there must be one weight for each of the ", x.upto(int(n)),
           " slices of the shape ", x, ", found ", weights);
  *y = Shape(x.begin() + n, x.end());
  return {};
}

Status weighted_gradient_shape(Infer& in) {
  PF_TRY(want_floats(in, 0, 2));
  PF_TRY(in.want_dtype(2, DType::kInt64));
  PF_TRY(in.want_rank(2, 1));
  const Tensor* dims = in.value(2);
  if (!dims) return in.unknown();
  const Shape x(dims->data<int64_t>(), dims->data<int64_t>() + dims->size());
  for (int64_t d : x) PF_CHECK(d >= 0, value, "the shape of X must not have negative dimensions, found ", x);
  Shape y;
  PF_TRY(weighted_shape(in, x, in.shape(0).size(), &y));
  PF_CHECK(in.shape(1) == y, shape, "dY must have the shape ", y, ", found ", in.shape(1));
  in.set(0, x, DType::kFloat);
  return {};
}

// The dimensions of `x` from the axis on are one row, for each element of which there is one in inputs [begin, end).
Status linear_shape(Infer& in, int x, int begin, int end) {
  PF_TRY(want_floats(in, 0, in.inputs()));
  const int axis = in.shape(x).axis(in.args.i("axis"));
  PF_CHECK(axis >= 0, argument, "there is no axis ", in.args.i("axis"), " in the shape ", in.shape(x));
  for (int i = begin; i < end; ++i) {
    PF_TRY(in.want_rank(i, 1));
    PF_CHECK(in.shape(i)[0] == in.shape(x).from(axis), shape, "\"", in.args.def.input[size_t(i)], "\" must have ",
             in.shape(x).from(axis), " elements, one for each in a row, has ", in.shape(i)[0]);
  }
  return {};
}

PF_OP(RowMul)
    .doc("Multiplies each row by a number: `Y[i, ...] = X[i, ...] * w[i]`.")
    .input("X", "float [rows, ...].")
    .input("w", "float [rows].")
    .output("Y", "Shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_floats(in, 0, 2));
      PF_TRY(want_rows(in, 1));
      return same_as_first(in);
    })
    .grad([](Gradient& g) {
      const std::string products = g.GI(1) + "before_aggregate";
      g.op("RowMul", {g.GO(0), g.I(1)}, {g.GI(0)});
      g.op("Mul", {g.GO(0), g.I(0)}, {products});
      g.op("ReduceTailSum", {products}, {g.GI(1)});
    })
    .cpu<RowMul>();

PF_OP(ReduceTailSum)
    .doc("The sum of each row: `Y[i] = sum X[i, ...]`.")
    .input("X", "float [rows, ...].")
    .output("Y", "float [rows].")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_CHECK(in.shape(0).rank() >= 1, shape, "X must have 1 dimension or more, is a scalar");
      in.set(0, Shape{in.shape(0)[0]}, DType::kFloat);
      return {};
    })
    .refuse_grad("ReduceTailSum has none in Caffe2; ReduceBackSum has one")
    .cpu<ReduceTailSum>();

PF_OP(SquareRootDivide)
    .doc("Divides each row by a square root: `Y[i, ...] = X[i, ...] / sqrt(scale[i])`; a scale of 0 leaves the row.")
    .input("X", "float [rows, ...].")
    .input("scale", "int32, int64, float32 or float64 [rows], not negative.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape(square_root_shape)
    .grad([](Gradient& g) { g.op("SquareRootDivide", {g.GO(0), g.I(1)}, {g.GI(0)}); })
    .cpu<SquareRootDivide>();

PF_OP(ReduceFrontWeightedSum)
    .doc("Weighted sum over the first num_reduce_dim dimensions: `Y = sum_i w[i] X[i]`.")
    .arg("num_reduce_dim", 1, "How many dimensions are reduced.")
    .input("X", "float, any shape.")
    .input("w", "float, one number for each slice.")
    .output("Y", "X without the reduced dimensions.")
    .shape([](Infer& in) -> Status {
      PF_TRY(want_floats(in, 0, 2));
      Shape y;
      PF_TRY(weighted_shape(in, in.shape(0), in.shape(1).size(), &y));
      in.set(0, y, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) {
      const std::string dims = "_" + g.O(0) + "_dims";
      g.op("Shape", {g.I(0)}, {dims});
      g.op("ReduceFrontWeightedSumGradient", {g.I(1), g.GO(0), dims}, {g.GI(0)});
    })
    .cpu<ReduceFrontWeightedSum>();

PF_OP(ReduceFrontWeightedSumGradient)
    .doc("Gradient of ReduceFrontWeightedSum for X: `dX[i] = w[i] dY`.")
    .arg("num_reduce_dim", 1, "How many dimensions were reduced.")
    .input("w", "The weights.")
    .input("dY", "Gradient of Y.")
    .input("dims", "int64: the shape of X.")
    .output("dX", "Gradient of X.")
    .shape(weighted_gradient_shape)
    .no_grad()
    .cpu<ReduceFrontWeightedSumGradient>();

PF_OP(ElementwiseLinear)
    .doc("A factor and a bias for each column: `Y[n, d] = X[n, d] w[d] + b[d]`.")
    .arg("axis", 1, "The dimensions of X from here on are one row.")
    .input("X", "float, any shape that has the axis.")
    .input("w", "float [elements of a row].")
    .input("b", "float [elements of a row].")
    .output("Y", "Shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(linear_shape(in, 0, 1, 3));
      return same_as_first(in);
    })
    .grad([](Gradient& g) {
      g.op("ElementwiseLinearGradient", {g.GO(0), g.I(0), g.I(1)}, {g.GI(0), g.GI(1), g.GI(2)});
    })
    .cpu<ElementwiseLinear>();

PF_OP(ElementwiseLinearGradient)
    .doc("Gradient of ElementwiseLinear: `dX = dY w`, `dw = sum_n dY X`, `db = sum_n dY`.")
    .arg("axis", 1, "As given to ElementwiseLinear.")
    .input("dY", "Gradient of Y.")
    .input("X", "Input of ElementwiseLinear.")
    .input("w", "The factors.")
    .output("dX", "Gradient of X.")
    .output("dw", "Gradient of w.")
    .output("db", "Gradient of b.")
    .shape([](Infer& in) -> Status {
      PF_TRY(linear_shape(in, 1, 2, 3));
      PF_TRY(in.want_same_shape(0, 1));
      in.set(0, in.shape(1), DType::kFloat);
      in.set(1, in.shape(2), DType::kFloat);
      in.set(2, in.shape(2), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<ElementwiseLinearGradient>();

}  // namespace
}  // namespace pf
