// SPDX-License-Identifier: Apache-2.0
// Softmax: y_j = e^(x_j - max x) / sum_k e^(x_k - max x) over each row; and its gradient.
#include "core/op.h"
#include "math/reduce.h"
#include "math/vector_math.h"

namespace pf {
namespace {

// A matrix of `count` rows: the dimensions from the axis on form one row.
struct Rows {
  int64_t count, length;
  int64_t grain() const { return 1 + 4096 / (length + 1); }
};

Rows rows_of(const OpRun& op, const Args& args) {
  const Shape& shape = op.in(0).shape();
  const int axis = shape.axis(args.i("axis"));
  return {shape.upto(axis), shape.from(axis)};
}

Status softmax_shape(Infer& in) {
  PF_TRY(same_floats(in));
  PF_CHECK(in.shape(0).axis(in.args.i("axis")) >= 0, argument, "there is no axis ", in.args.i("axis"), " in the shape ",
           in.shape(0));
  return {};
}

struct Softmax {
  Status run(OpRun& op) {
    const Rows rows = rows_of(op, op.args);
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    const int64_t n = rows.length;
    if (n == 0) return {};
    parallel_for(rows.count, rows.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) softmax_row(n, x + i * n, y + i * n);
    });
    return {};
  }
};

struct SoftmaxGradient {
  Status run(OpRun& op) {
    const Rows rows = rows_of(op, op.args);
    const float *y = op.in(0).data<float>(), *dy = op.in(1).data<float>();
    float* dx = op.out(0).data<float>();
    const int64_t n = rows.length;
    parallel_for(rows.count, rows.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float *yi = y + i * n, *dyi = dy + i * n;
        const f32x4 common = f32x4::splat(dot(n, yi, dyi));
        map_vectors(n, yi, dyi, dx + i * n, [=](f32x4 y, f32x4 dy) { return (dy - common) * y; });
      }
    });
    return {};
  }
};

PF_OP(Softmax)
    .doc(
        "Normalised exponentials `Y_j = exp(X_j) / sum_k exp(X_k)` over each row. All dimensions from `axis` "
        "on form one row: with axis 1, a tensor [N, C, H, W] has N rows of C * H * W elements.")
    .arg("axis", 1, "First dimension of a row; negative counts from the end.")
    .input("X", "float, any shape that has the axis.")
    .output("Y", "Shape of X; every row sums to 1.")
    .shape(softmax_shape)
    .grad([](Gradient& g) { g.op("SoftmaxGradient", {g.O(0), g.GO(0)}, {g.GI(0)}); })
    .cpu<Softmax>();

PF_OP(SoftmaxGradient)
    .doc("Gradient of Softmax from its output: `dX_j = (dY_j - sum_k dY_k Y_k) Y_j` over each row.")
    .arg("axis", 1, "First dimension of a row; negative counts from the end.")
    .input("Y", "Output of Softmax.")
    .input("dY", "Gradient of Y, shape of Y.")
    .output("dX", "Gradient of X, shape of Y.")
    .shape(softmax_shape)
    .no_grad()
    .cpu<SoftmaxGradient>();

}  // namespace
}  // namespace pf
