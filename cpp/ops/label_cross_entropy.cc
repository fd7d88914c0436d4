// SPDX-License-Identifier: Apache-2.0
// LabelCrossEntropy: y_i = -log(max(x[i][label_i], 1e-20)); and its gradient.
#include <cmath>
#include <cstring>

#include "core/op.h"

namespace pf {
namespace {

// Caffe2's bound: probabilities below it count as it.
constexpr float kSmallest = 1e-20f;

float at_least(float x) { return x < kSmallest ? kSmallest : x; }  // a NaN stays one

struct Batch {
  int64_t rows, classes;
};

Batch batch_of(const Shape& x) { return x.rank() > 1 ? Batch{x[0], x.from(1)} : Batch{1, x[0]}; }

Status check_labels(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kInt32));
  const Shape &x = in.shape(0), &label = in.shape(1);
  PF_CHECK(x.rank() > 0, shape, "X must have at least one dimension");
  PF_CHECK(label.rank() == 1 || (label.rank() == 2 && label[1] == 1), shape,
           "label must have the shape [N] or [N, 1], found ", label);
  PF_CHECK(label[0] == batch_of(x).rows, shape, "label must have one class for each of the ", batch_of(x).rows,
           " rows of X, found ", label);
  return {};
}

Status check_classes(const Batch& batch, const int32_t* label) {
  for (int64_t i = 0; i < batch.rows; ++i)
    PF_CHECK(label[i] >= 0 && label[i] < batch.classes, value, "label of row ", i, " is ", label[i], ", expected 0 to ",
             batch.classes - 1);
  return {};
}

struct LabelCrossEntropy {
  Status run(OpRun& op) {
    const Batch batch = batch_of(op.in(0).shape());
    const float* x = op.in(0).data<float>();
    const int32_t* label = op.in(1).data<int32_t>();
    float* y = op.out(0).data<float>();
    PF_TRY(check_classes(batch, label));
    for (int64_t i = 0; i < batch.rows; ++i) y[i] = -std::log(at_least(x[i * batch.classes + label[i]]));
    return {};
  }
};

struct LabelCrossEntropyGradient {
  Status run(OpRun& op) {
    const Batch batch = batch_of(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *dy = op.in(2).data<float>();
    const int32_t* label = op.in(1).data<int32_t>();
    float* dx = op.out(0).data<float>();
    PF_TRY(check_classes(batch, label));
    if (op.out(0).size()) std::memset(dx, 0, op.out(0).byte_size());
    for (int64_t i = 0; i < batch.rows; ++i) {
      const int64_t k = i * batch.classes + label[i];
      dx[k] = -dy[i] / at_least(x[k]);
    }
    return {};
  }
};

PF_OP(LabelCrossEntropy)
    .doc(
        "Cross entropy of rows of probabilities against integer labels: `Y_i = -log(max(X[i][label_i], "
        "1e-20))`. Usually follows Softmax; SoftmaxWithLoss does both more exactly.")
    .input("X", "float [N, …], N rows of probabilities; a vector is one row.")
    .input("label", "int32 [N] or [N, 1], the class of each row, from 0 on.")
    .output("Y", "float [N], the loss of each row.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_labels(in));
      in.set(0, Shape{batch_of(in.shape(0)).rows}, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("LabelCrossEntropyGradient", {g.I(0), g.I(1), g.GO(0)}, {g.GI(0)}); })
    .cpu<LabelCrossEntropy>();

PF_OP(LabelCrossEntropyGradient)
    .doc("Gradient of LabelCrossEntropy: `dX[i][label_i] = -dY_i / max(X[i][label_i], 1e-20)`, 0 elsewhere.")
    .input("X", "The probabilities given to LabelCrossEntropy.")
    .input("label", "The labels given to it.")
    .input("dY", "float [N], gradient of Y.")
    .output("dX", "Gradient of X, shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_labels(in));
      PF_TRY(in.want_dtype(2, DType::kFloat));
      const Shape expected{batch_of(in.shape(0)).rows};
      PF_CHECK(in.shape(2) == expected, shape, "dY must have the shape ", expected, ", found ", in.shape(2));
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<LabelCrossEntropyGradient>();

}  // namespace
}  // namespace pf
