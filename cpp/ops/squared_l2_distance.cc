// SPDX-License-Identifier: Apache-2.0
// SquaredL2Distance: half the squared distance of each row pair, d_i = 1/2 sum_j (x_ij - y_ij)^2; and its gradient.
#include "core/op.h"

namespace pf {
namespace {

struct Rows {
  int64_t count, length;
  int64_t grain() const { return 1 + 8192 / (length + 1); }
};

Rows rows_of(const Shape& x) { return x.rank() ? Rows{x[0], x.from(1)} : Rows{1, 1}; }

Status check_inputs(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  return in.want_same_shape(0, 1);
}

struct SquaredL2Distance {
  Status run(OpRun& op) {
    const Rows rows = rows_of(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>();
    float* d = op.out(0).data<float>();
    parallel_for(rows.count, rows.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float *xi = x + i * rows.length, *yi = y + i * rows.length;
        double sum = 0;
        for (int64_t j = 0; j < rows.length; ++j) {
          const double difference = double(xi[j]) - double(yi[j]);
          sum += difference * difference;
        }
        d[i] = float(sum * 0.5);
      }
    });
    return {};
  }
};

struct SquaredL2DistanceGradient {
  Status run(OpRun& op) {
    const Rows rows = rows_of(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>(), *dd = op.in(2).data<float>();
    float *dx = op.out(0).data<float>(), *dy = op.out(1).data<float>();
    parallel_for(rows.count, rows.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t j = i * rows.length; j < (i + 1) * rows.length; ++j) {
          const float slope = (x[j] - y[j]) * dd[i];
          dx[j] = slope, dy[j] = -slope;
        }
      }
    });
    return {};
  }
};

PF_OP(SquaredL2Distance)
    .doc("Half the squared Euclidean distance of each pair of rows: `D_i = 1/2 sum_j (X_ij - Y_ij)^2`.")
    .input("X", "float [N, …]; a vector has N rows of one element.")
    .input("Y", "Shape of X.")
    .output("D", "float [N].")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in));
      in.set(0, Shape{rows_of(in.shape(0)).count}, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("SquaredL2DistanceGradient", {g.I(0), g.I(1), g.GO(0)}, {g.GI(0), g.GI(1)}); })
    .cpu<SquaredL2Distance>();

PF_OP(SquaredL2DistanceGradient)
    .doc("Gradient of SquaredL2Distance: `dX_ij = dD_i (X_ij - Y_ij)` and `dY = -dX`.")
    .input("X", "The first tensor given to SquaredL2Distance.")
    .input("Y", "The second one.")
    .input("dD", "float [N], gradient of D.")
    .output("dX", "Gradient of X, shape of X.")
    .output("dY", "Gradient of Y, shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in));
      PF_TRY(in.want_dtype(2, DType::kFloat));
      const Shape expected{rows_of(in.shape(0)).count};
      PF_CHECK(in.shape(2) == expected, shape, "dD must have the shape ", expected, ", found ", in.shape(2));
      in.set(0, in.shape(0), DType::kFloat);
      in.set(1, in.shape(0), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<SquaredL2DistanceGradient>();

}  // namespace
}  // namespace pf
