// SPDX-License-Identifier: Apache-2.0
// Each column through a function of its own: PiecewiseLinearTransform, BatchBoxCox, Percentile.
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

// The first of `n` ascending numbers that is not below x; n when there is none. Unsorted ones give some index in range.
int64_t lower_bound(const float* sorted, int64_t n, float x) {
  int64_t begin = 0;
  while (n > 0) {
    const int64_t half = n / 2;
    if (sorted[begin + half] < x)
      begin += half + 1, n -= half + 1;
    else
      n = half;
  }
  return begin;
}

// The lines of one group: `pieces` slopes and intercepts between pieces + 1 bounds.
struct Lines {
  const float *bounds, *slopes, *intercepts;
  int64_t groups, pieces;

  float at(int64_t group, float x) const {
    const float *bound = bounds + group * (pieces + 1), *slope = slopes + group * pieces;
    int64_t piece = lower_bound(bound, pieces + 1, x) - 1;
    // Beyond the bounds the function stays at its end.
    if (!(x > bound[0])) piece = 0, x = x <= bound[0] ? bound[0] : x;
    if (x >= bound[pieces]) piece = pieces - 1, x = bound[pieces];
    if (piece >= pieces) piece = pieces - 1;
    return slope[piece] * x + intercepts[group * pieces + piece];
  }
};

// bounds - slopes numbers groups, as each has one bound more than it has slopes.
Status check_lines(int64_t bounds, int64_t slopes, int64_t intercepts, Lines* out) {
  PF_CHECK(slopes == intercepts, argument, "there must be as many intercepts as slopes, found ", intercepts, " and ",
           slopes);
  out->groups = bounds - slopes;
  PF_CHECK(out->groups > 0 && slopes >= out->groups && slopes % out->groups == 0, argument,
           "each group must have one bound more than slopes; found ", bounds, " bounds and ", slopes, " slopes");
  out->pieces = slopes / out->groups;
  return {};
}

Status piecewise_shape(Infer& in) {
  const Shape& x = in.shape(0);
  const bool binary = in.args.b("binary");
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  PF_CHECK(x.rank() == 2 || (binary && x.rank() == 1), shape, "X must have 2 dimensions (with binary 1 or 2), is ", x);
  const std::vector<float> bounds = in.args.floats("bounds"), slopes = in.args.floats("slopes"),
                           intercepts = in.args.floats("intercepts");
  Lines lines = {};
  if (!bounds.empty()) {
    PF_CHECK(in.inputs() == 1, argument, "the lines are given both as arguments and as inputs");
    PF_TRY(check_lines(int64_t(bounds.size()), int64_t(slopes.size()), int64_t(intercepts.size()), &lines));
    for (size_t i = 1; i < bounds.size(); ++i)
      PF_CHECK(int64_t(i) % (lines.pieces + 1) == 0 || bounds[i - 1] <= bounds[i], argument,
               "bounds must ascend in each group; number ", i, " is ", double(bounds[i]), " after ",
               double(bounds[i - 1]));
  } else {
    PF_CHECK(slopes.empty() && intercepts.empty() && in.inputs() == 4, argument,
             "bounds, slopes and intercepts must all be arguments or all be inputs");
    PF_TRY(check_lines(in.shape(1).size(), in.shape(2).size(), in.shape(3).size(), &lines));
  }
  const int64_t columns = x.rank() == 2 ? x[1] : 1;
  PF_CHECK(binary ? lines.groups == 1 : lines.groups == columns, shape, "there must be lines for ",
           binary ? 1 : columns, " columns, found them for ", lines.groups);
  PF_CHECK(!binary || columns == 1 || columns == 2, shape, "with binary X must have 1 or 2 columns, is ", x);
  return same_as_first(in);
}

struct PiecewiseLinearTransform {
  std::vector<float> bounds, slopes, intercepts;  // from arguments
  bool binary;
  explicit PiecewiseLinearTransform(const Args& args)
      : bounds(args.floats("bounds")),
        slopes(args.floats("slopes")),
        intercepts(args.floats("intercepts")),
        binary(args.b("binary")) {}
  Status run(OpRun& op) {
    Lines lines;
    if (bounds.empty()) {
      lines = {op.in(1).data<float>(), op.in(2).data<float>(), op.in(3).data<float>(), 0, 0};
      PF_TRY(check_lines(op.in(1).size(), op.in(2).size(), op.in(3).size(), &lines));
    } else {
      lines = {bounds.data(), slopes.data(), intercepts.data(), 0, 0};
      PF_TRY(check_lines(int64_t(bounds.size()), int64_t(slopes.size()), int64_t(intercepts.size()), &lines));
    }
    const Tensor& x = op.in(0);
    const int64_t rows = x.dim(0), columns = x.rank() == 2 ? x.dim(1) : 1;
    const float* from = x.data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(rows, 1 + 1024 / (columns + 1), [=, binary = binary](int64_t begin, int64_t end) {
      for (int64_t i = begin * columns; i < end * columns; ++i)
        if (!binary || columns == 1 || i % 2) y[i] = lines.at(binary ? 0 : i % columns, from[i]);
      // Of two columns the first is what the second leaves of 1.
      if (binary && columns == 2)
        for (int64_t i = begin; i < end; ++i) y[2 * i] = 1.f - y[2 * i + 1];
    });
    return {};
  }
};

// ((x + lambda2)^lambda1 - 1) / lambda1, which tends to log(x + lambda2) as lambda1 tends to 0.
template <class T>
void box_cox(const Tensor& x, const Tensor& power, const Tensor& shift, Tensor& out) {
  const T *from = x.data<T>(), *lambda1 = power.data<T>(), *lambda2 = shift.data<T>();
  T* y = out.data<T>();
  const int64_t columns = power.size(), rows = columns ? x.size() / columns : 0;
  parallel_for(rows, 1 + 512 / (columns + 1), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        const T sum = from[i * columns + j] + lambda2[j], base = sum < T(1e-6) ? T(1e-6) : sum;
        y[i * columns + j] = lambda1[j] == 0 ? std::log(base) : (std::pow(base, lambda1[j]) - T(1)) / lambda1[j];
      }
  });
}

struct BatchBoxCox {
  Status run(OpRun& op) {
    if (op.in(0).dtype() == DType::kFloat)
      box_cox<float>(op.in(0), op.in(1), op.in(2), op.out(0));
    else
      box_cox<double>(op.in(0), op.in(1), op.in(2), op.out(0));
    return {};
  }
};

Status box_cox_shape(Infer& in) {
  const Shape& x = in.shape(0);
  PF_CHECK(in.dtype(0) == DType::kFloat || in.dtype(0) == DType::kDouble, type, "X must be float32 or float64, is ",
           in.dtype(0));
  PF_CHECK(x.rank() >= 1, shape, "X must have 1 dimension or more, is a scalar");
  for (int i = 1; i < 3; ++i) {
    PF_TRY(in.want_dtype(i, in.dtype(0)));
    PF_CHECK(x.size() == 0 || in.shape(i).size() == x.from(1), shape, "there must be one lambda for each of the ",
             x.from(1), " columns, found the shape ", in.shape(i));
  }
  return same_as_first(in);
}

// Where x lies among samples (value, percentile), sorted by value.
float percentile_of(float x, const float* values, const float* percentiles, int64_t n) {
  const int64_t at = lower_bound(values, n, x);
  if (at == n) return 1.f;
  if (values[at] == x) return percentiles[at];
  if (at == 0) return 0.f;
  const float way = (x - values[at - 1]) / (values[at] - values[at - 1]);
  return percentiles[at - 1] + way * (percentiles[at] - percentiles[at - 1]);
}

struct Percentile {
  Status run(OpRun& op) {
    const int64_t rows = op.in(0).dim(0), columns = op.in(0).dim(1), count = op.in(1).dim(0);
    const float *x = op.in(0).data<float>(), *pairs = op.in(1).data<float>();
    const int32_t* lengths = op.in(2).data<int32_t>();
    float *y = op.out(0).data<float>(), *values;
    PF_TRY(op.scratch(2 * count, &values));
    for (int64_t i = 0; i < count; ++i) values[i] = pairs[2 * i], values[count + i] = pairs[2 * i + 1];
    int64_t sum = 0;
    for (int64_t j = 0; j < columns; ++j) {
      PF_CHECK(lengths[j] >= 0, value, "length ", j, " is ", lengths[j]);
      sum += lengths[j];
    }
    PF_CHECK(sum == count, value, "the lengths make ", sum, " together, but there are ", count, " samples");
    for (int64_t j = 0, first = 0; j < columns; first += lengths[j++])
      for (int64_t i = 0; i < rows; ++i)
        y[i * columns + j] = percentile_of(x[i * columns + j], values + first, values + count + first, lengths[j]);
    return {};
  }
};

Status percentile_shape(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  PF_TRY(in.want_dtype(2, DType::kInt32));
  PF_TRY(in.want_rank(0, 2));
  PF_TRY(in.want_rank(1, 2));
  PF_CHECK(in.shape(1)[1] == 2, shape, "the samples must be pairs of value and percentile, have the shape ",
           in.shape(1));
  PF_CHECK(in.shape(2).size() == in.shape(0)[1], shape, "there must be one length for each of the ", in.shape(0)[1],
           " columns, found the shape ", in.shape(2));
  return same_as_first(in);
}

PF_OP(PiecewiseLinearTransform)
    .doc(
        "A piecewise linear function for each column of X: between bounds[k] and bounds[k + 1] it is "
        "`slopes[k] x + intercepts[k]`, beyond the bounds it stays at its end. With binary one function maps the "
        "second (or only) column, and the first becomes what that leaves of 1.")
    .arg("binary", false, "X is the prediction of two classes.")
    .optional_arg("bounds", ArgType::kFloats, "All columns' bounds, one after the other; or the second input.")
    .optional_arg("slopes", ArgType::kFloats, "All columns' slopes; or the third input.")
    .optional_arg("intercepts", ArgType::kFloats, "All columns' intercepts; or the fourth input.")
    .input("X", "float [rows, columns]; with binary also [rows].")
    .optional_input("bounds", "float, columns * (pieces + 1) numbers.")
    .optional_input("slopes", "float, columns * pieces numbers.")
    .optional_input("intercepts", "float, columns * pieces numbers.")
    .output("Y", "Shape of X.")
    .shape(piecewise_shape)
    .refuse_grad("it calibrates predictions and is not trained through")
    .cpu<PiecewiseLinearTransform>();

PF_OP(BatchBoxCox)
    .doc(
        "Box and Cox's transform of each column: `((x + lambda2)^lambda1 - 1) / lambda1`, or `log(x + lambda2)` "
        "where lambda1 is 0. x + lambda2 is at least 1e-6.")
    .arg("min_block_size", 256, "Of no effect.")
    .input("X", "float32 or float64 [rows, ...].")
    .input("lambda1", "Type of X, one number for each column.")
    .input("lambda2", "Type of X, one number for each column.")
    .output("Y", "Type and shape of X.")
    .inplace(0, 0)
    .shape(box_cox_shape)
    .refuse_grad("Caffe2 has none for BatchBoxCox")
    .cpu<BatchBoxCox>();

PF_OP(Percentile)
    .doc(
        "Percentiles of values by samples: column j of X is looked up in its own samples, between two of which the "
        "percentile is interpolated; below all it is 0, above all 1.")
    .input("X", "float [rows, columns].")
    .input("samples", "float [count, 2]: values, ascending for each column, and their percentiles.")
    .input("lengths", "int32 [columns]: how many samples each column has.")
    .output("Y", "Shape of X.")
    .shape(percentile_shape)
    .no_grad()
    .cpu<Percentile>();

}  // namespace
}  // namespace pf
