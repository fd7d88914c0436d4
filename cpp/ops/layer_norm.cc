// SPDX-License-Identifier: Apache-2.0
// LayerNorm: rows brought to mean 0 and variance 1; and its gradient.
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/moments.h"
#include "math/reduce.h"

namespace pf {
namespace {

// The dimensions from the axis on form one row.
struct Rows {
  int64_t count, length;
  Rows(const Shape& x, const Args& args) {
    const int axis = x.axis(args.i("axis"));
    count = x.upto(axis), length = x.from(axis);
  }
  int64_t grain() const { return 1 + 4096 / (length + 1); }
};

Status check_axis(const Infer& in, const Shape& x) {
  PF_CHECK(x.rank() >= 2, shape, "needs 2 dimensions or more, the shape is ", x);
  PF_CHECK(x.axis(in.args.i("axis")) >= 0, argument, "there is no axis ", in.args.i("axis"), " in the shape ", x);
  return {};
}

struct LayerNorm {
  Status run(OpRun& op) {
    const Rows rows(op.in(0).shape(), op.args);
    const float epsilon = op.args.f("epsilon");
    const int64_t n = rows.length;
    const float* x = op.in(0).data<float>();
    float *y = op.out(0).data<float>(), *mean = op.out(1).data<float>(), *stdev = op.out(2).data<float>();
    parallel_for(rows.count, rows.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float m = n ? sum_of(n, x + i * n) / float(n) : 0.f;
        const float variance = n ? sum_square_deviation(n, x + i * n, m) / float(n) : 0.f;
        const float s = std::sqrt(variance + epsilon);
        mean[i] = m, stdev[i] = s;
        scale_shift(n, 1.f / s, x + i * n, -m / s, y + i * n);
      }
    });
    return {};
  }
};

struct LayerNormGradient {
  Status run(OpRun& op) {
    const Rows rows(op.in(4).shape(), op.args);
    const int64_t n = rows.length;
    const float *dy = op.in(0).data<float>(), *mean = op.in(2).data<float>(), *stdev = op.in(3).data<float>();
    const float* x = op.in(4).data<float>();
    float* dx = op.out(0).data<float>();
    if (n == 0) return {};
    parallel_for(rows.count, rows.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float m = mean[i], s = stdev[i], *dyi = dy + i * n, *xi = x + i * n;
        const float along = sum_product_deviation(n, dyi, xi, m) / (s * s * s * float(n));
        combine_shift(n, 1.f / s, dyi, -along, xi, m, -sum_of(n, dyi) / (s * float(n)), dx + i * n);
      }
    });
    return {};
  }
};

PF_OP(LayerNorm)
    .doc(
        "Normalises each row: `Y = (X - mean) / sqrt(variance + epsilon)`. All dimensions from `axis` on form one "
        "row. Scale and bias are left to Mul and Add.")
    .arg("axis", 1, "First dimension of a row; negative counts from the end.")
    .arg("epsilon", 1e-5f, "Added to the variance.")
    .input("X", "float, 2 dimensions or more.")
    .output("Y", "Shape of X.")
    .output("mean", "float, the dimensions before axis and a 1.")
    .output("stdev", "Shape of mean: sqrt(variance + epsilon).")
    .shape([](Infer& in) -> Status {
      const Shape& x = in.shape(0);
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(check_axis(in, x));
      Shape row(x.begin(), x.begin() + x.axis(in.args.i("axis")));
      row.push_back(1);
      in.set(0, x, DType::kFloat);
      for (int j = 1; j < 3; ++j) in.set(j, row, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("LayerNormGradient", {g.GO(0), g.O(0), g.O(1), g.O(2), g.I(0)}, {g.GI(0)}); })
    .cpu<LayerNorm>();

PF_OP(LayerNormGradient)
    .doc("Gradient of LayerNorm: `dX = (dY - mean(dY) - Y mean(dY Y)) / stdev` over each row.")
    .arg("axis", 1, "As given to LayerNorm.")
    .arg("epsilon", 1e-5f, "As given to LayerNorm; stdev has it already.")
    .input("dY", "Gradient of Y.")
    .input("Y", "First output of LayerNorm.")
    .input("mean", "Its second output.")
    .input("stdev", "Its third output.")
    .input("X", "Its input.")
    .output("dX", "Gradient of X, its shape.")
    .shape([](Infer& in) -> Status {
      const Shape& x = in.shape(4);
      for (int i = 0; i < 5; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      PF_TRY(check_axis(in, x));
      for (int i = 0; i < 2; ++i) PF_TRY(in.want_same_shape(i, 4));
      const int64_t rows = Rows(x, in.args).count;
      for (int i = 2; i < 4; ++i)
        PF_CHECK(in.shape(i).size() == rows, shape, i == 2 ? "mean" : "stdev", " must have one number for each of the ",
                 rows, " rows, its shape is ", in.shape(i));
      in.set(0, x, DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<LayerNormGradient>();

}  // namespace
}  // namespace pf
