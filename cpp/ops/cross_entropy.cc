// SPDX-License-Identifier: Apache-2.0
// CrossEntropy: y_i = -sum_j label[i][j] log(max(x[i][j], 1e-20)); and its gradient.
#include "core/op.h"
#include "math/vector_math.h"

namespace pf {
namespace {

constexpr float kSmallest = 1e-20f;

float at_least(float x) { return x < kSmallest ? kSmallest : x; }  // a NaN stays one

struct Batch {
  int64_t rows, classes;
  int64_t grain() const { return 1 + 2048 / (classes + 1); }
};

Batch batch_of(const Shape& x) { return x.rank() > 1 ? Batch{x[0], x.from(1)} : Batch{1, x[0]}; }

Status check_inputs(Infer& in) {
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_dtype(1, DType::kFloat));
  PF_CHECK(in.shape(0).rank() > 0, shape, "X must have at least one dimension");
  const Batch batch = batch_of(in.shape(0));
  const Shape& label = in.shape(1);
  PF_CHECK((label.rank() == 1 || label.rank() == 2) && label.size() == batch.rows * batch.classes, shape,
           "label must have the shape ", Shape{batch.rows, batch.classes}, ", found ", label);
  return {};
}

struct CrossEntropy {
  Status run(OpRun& op) {
    const Batch batch = batch_of(op.in(0).shape());
    const int64_t n = batch.classes;
    const float *x = op.in(0).data<float>(), *label = op.in(1).data<float>();
    float* y = op.out(0).data<float>();
    for (int64_t i = 0; i < batch.rows * n; ++i)
      PF_CHECK(label[i] >= 0 && label[i] <= 1, value, "label of row ", i / n, ", class ", i % n,
               " must be a probability, found ", label[i], "; for integer labels there is LabelCrossEntropy");
    parallel_for(batch.rows, batch.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        double sum = 0;
        for (int64_t j = i * n; j < (i + 1) * n; ++j) sum -= double(label[j]) * log_one(at_least(x[j]));
        y[i] = float(sum);
      }
    });
    return {};
  }
};

struct CrossEntropyGradient {
  Status run(OpRun& op) {
    const Batch batch = batch_of(op.in(0).shape());
    const int64_t n = batch.classes;
    const float *x = op.in(0).data<float>(), *label = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    float* dx = op.out(0).data<float>();
    parallel_for(batch.rows, batch.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t j = i * n; j < (i + 1) * n; ++j) dx[j] = label[j] / at_least(x[j]) * -dy[i];
    });
    return {};
  }
};

PF_OP(CrossEntropy)
    .doc(
        "Cross entropy of rows of probabilities against rows of label probabilities: `Y_i = -sum_j label_ij "
        "log(max(X_ij, 1e-20))`.")
    .input("X", "float [N, …], N rows of probabilities; a vector is one row.")
    .input("label", "float, N rows as long as those of X, elements from 0 to 1.")
    .output("Y", "float [N], the loss of each row.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in));
      in.set(0, Shape{batch_of(in.shape(0)).rows}, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("CrossEntropyGradient", {g.I(0), g.I(1), g.GO(0)}, {g.GI(0)}); })
    .cpu<CrossEntropy>();

PF_OP(CrossEntropyGradient)
    .doc("Gradient of CrossEntropy: `dX_ij = -dY_i label_ij / max(X_ij, 1e-20)`.")
    .input("X", "The probabilities given to CrossEntropy.")
    .input("label", "The labels given to it.")
    .input("dY", "float [N], gradient of Y.")
    .output("dX", "Gradient of X, shape of X.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in));
      PF_TRY(in.want_dtype(2, DType::kFloat));
      const Shape expected{batch_of(in.shape(0)).rows};
      PF_CHECK(in.shape(2) == expected, shape, "dY must have the shape ", expected, ", found ", in.shape(2));
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<CrossEntropyGradient>();

}  // namespace
}  // namespace pf
