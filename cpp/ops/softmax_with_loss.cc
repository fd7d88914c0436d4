// SPDX-License-Identifier: Apache-2.0
// SoftmaxWithLoss: softmax and its weighted mean cross entropy against labels in one step; and its gradient.
//   loss = scale * sum_i w_i l_i / sum_i w_i, where l_i = -log softmax(x_i)[label_i]
//   or, with label_prob, l_i = -sum_j label[i][j] log(max(softmax(x_i)[j], 1e-20))
#include <cmath>

#include "core/loops.h"
#include "core/op.h"
#include "math/reduce.h"
#include "math/vector_math.h"

namespace pf {
namespace {

constexpr float kSmallest = 1e-20f;

// Logits as a matrix: the dimensions from the axis on form one row of classes.
struct Batch {
  int64_t rows, classes;
  int64_t grain() const { return 1 + 4096 / (classes + 1); }
};

Batch batch_of(const Shape& x, const Args& args) {
  const int axis = x.axis(args.i("axis"));
  return {x.upto(axis), x.from(axis)};
}

// Checks logits, labels and, where there are some, weights; they are inputs 0, 1 and 2 forwards and backwards.
Status check_inputs(Infer& in, bool weighted) {
  const Args& args = in.args;
  const Shape &x = in.shape(0), &label = in.shape(1);
  PF_CHECK(args.s("order") == "NCHW", argument, "order must be NCHW, found ", args.s("order"));
  PF_CHECK(args.f("scale") >= 0, argument, "scale must not be negative, found ", args.f("scale"));
  PF_CHECK(x.axis(args.i("axis")) >= 0, argument, "there is no axis ", args.i("axis"), " in the shape ", x);
  PF_TRY(in.want_dtype(0, DType::kFloat));
  const bool probabilities = args.b("label_prob");
  PF_TRY(in.want_dtype(1, probabilities ? DType::kFloat : DType::kInt32));
  const int axis = x.axis(args.i("axis"));
  const Batch batch = batch_of(x, args);
  if (probabilities) {
    PF_CHECK(label.rank() >= 2 && axis <= label.rank() && label.upto(axis) == batch.rows &&
                 label.from(axis) == batch.classes,
             shape, "with label_prob the labels must have the shape of the logits, ", x, "; found ", label);
  } else {
    PF_CHECK(label.rank() >= axis && label.upto(axis) == batch.rows && label.from(axis) == 1, shape,
             "there must be one label for each of the ", batch.rows, " rows of the logits ", x, " from axis ", axis,
             " on; found labels of shape ", label);
  }
  if (!weighted) return {};
  PF_TRY(in.want_dtype(2, DType::kFloat));
  PF_CHECK(in.shape(2).size() == batch.rows, shape, "there must be one weight for each of the ", batch.rows,
           " rows of the logits, found weights of shape ", in.shape(2));
  return {};
}

Status check_labels(const Batch& batch, const int32_t* label) {
  for (int64_t i = 0; i < batch.rows; ++i)
    PF_CHECK(label[i] >= 0 && label[i] < batch.classes, value, "label of row ", i, " is ", label[i], ", expected 0 to ",
             batch.classes - 1);
  return {};
}

Status check_labels(const Batch& batch, const float* label) {
  for (int64_t i = 0; i < batch.rows; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < batch.classes; ++j) {
      const float p = label[i * batch.classes + j];
      PF_CHECK(p >= 0, value, "label probability of row ", i, ", class ", j, " must not be negative, found ", p);
      sum += p;
    }
    PF_CHECK(std::fabs(sum - 1) < 1e-5, value, "label probabilities of row ", i, " must sum to 1 (±1e-5), found ", sum);
  }
  return {};
}

// softmax(x) into y; the logarithm of class j's probability is then x[j] - the result.
float softmax_and_shift(int64_t n, const float* x, float* y) {
  const SoftmaxRow row = softmax_row(n, x, y);
  return row.top + log_one(row.sum);
}

float cross_entropy(int64_t n, const float* p, const float* label) {
  double loss = 0;
  for (int64_t j = 0; j < n; ++j)
    if (label[j] != 0) loss -= double(label[j]) * log_one(p[j] < kSmallest ? kSmallest : p[j]);
  return float(loss);
}

struct SoftmaxWithLoss {
  Status run(OpRun& op) {
    const Batch batch = batch_of(op.in(0).shape(), op.args);
    const bool probabilities = op.args.b("label_prob");
    const float* x = op.in(0).data<float>();
    const float* shares = probabilities ? op.in(1).data<float>() : nullptr;
    const int32_t* labels = probabilities ? nullptr : op.in(1).data<int32_t>();
    PF_TRY(probabilities ? check_labels(batch, shares) : check_labels(batch, labels));
    float *y = op.out(0).data<float>(), *losses = nullptr;
    PF_TRY(op.scratch(batch.rows, &losses));
    const int64_t n = batch.classes;
    parallel_for(batch.rows, batch.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float shift = softmax_and_shift(n, x + i * n, y + i * n);
        losses[i] = labels ? shift - x[i * n + labels[i]] : cross_entropy(n, y + i * n, shares + i * n);
      }
    });
    const float* weights = op.inputs() > 2 ? op.in(2).data<float>() : nullptr;
    double loss = 0, total = 0;
    for (int64_t i = 0; i < batch.rows; ++i) {
      const double w = weights ? weights[i] : 1;
      loss += w * losses[i], total += w;
    }
    op.out(1).data<float>()[0] = total != 0 ? float(loss * op.args.f("scale") / total) : 0.f;
    return {};
  }
};

struct SoftmaxWithLossGradient {
  Status run(OpRun& op) {
    const Batch batch = batch_of(op.in(0).shape(), op.args);
    const bool probabilities = op.args.b("label_prob");
    const float* shares = probabilities ? op.in(1).data<float>() : nullptr;
    const int32_t* labels = probabilities ? nullptr : op.in(1).data<int32_t>();
    if (labels) PF_TRY(check_labels(batch, labels));
    const float* weights = op.inputs() > 4 ? op.in(2).data<float>() : nullptr;
    const float* p = op.in(op.inputs() - 2).data<float>();
    double total = weights ? 0 : double(batch.rows);
    for (int64_t i = 0; weights && i < batch.rows; ++i) total += weights[i];
    // Caffe2 leaves the gradient unscaled where the weights do not sum to more than 0.
    const float scale = total > 0 ? float(op.args.f("scale") / total * op.in(op.inputs() - 1).data<float>()[0]) : 1.f;
    float* dx = op.out(0).data<float>();
    const int64_t n = batch.classes;
    parallel_for(batch.rows, batch.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float factor = weights ? weights[i] * scale : scale;
        const float* pi = p + i * n;
        float* dxi = dx + i * n;
        PF_INDEPENDENT for (int64_t j = 0; j < n; ++j) dxi[j] = (shares ? pi[j] - shares[i * n + j] : pi[j]) * factor;
        if (labels) dxi[labels[i]] = (pi[labels[i]] - 1.f) * factor;
      }
    });
    return {};
  }
};

PF_OP(SoftmaxWithLoss)
    .doc(
        "Softmax over the rows of the logits and the mean cross entropy against the labels, more exact than "
        "the two apart: `loss = scale * sum_i w_i l_i / sum_i w_i` with `l_i = -log(softmax_i[label_i])`, or "
        "with label_prob `l_i = -sum_j label_ij log(softmax_ij)`. The loss is 0 where the weights sum to 0.")
    .arg("label_prob", 0, "1: the labels are probabilities, one for each logit; each row must sum to 1.")
    .arg("axis", 1, "First dimension of a row; negative counts from the end.")
    .arg("scale", 1.f, "Factor of the loss.")
    .arg("order", "NCHW", "Only NCHW.")
    .input("logits", "float, any shape that has the axis.")
    .input("labels", "int32, one class per row, from 0 on; with label_prob float, shape of the logits.")
    .optional_input("weights", "float, one weight per row.")
    .output("softmax", "Probabilities, shape of the logits.")
    .output("loss", "float scalar.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in, in.inputs() > 2));
      in.set(0, in.shape(0), DType::kFloat);
      in.set(1, Shape{}, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) {
      std::vector<std::string> in = {g.I(0), g.I(1)};
      if (g.inputs() > 2) in.push_back(g.I(2));
      in.push_back(g.O(0));
      in.push_back(g.GO(1));
      g.op("SoftmaxWithLossGradient", in, {g.GI(0)});
    })
    .cpu<SoftmaxWithLoss>();

PF_OP(SoftmaxWithLossGradient)
    .doc(
        "Gradient of SoftmaxWithLoss: `d_logits_i = (softmax_i - labels_i) * w_i * scale / sum w * d_loss`, "
        "where an integer label stands for 1 at its class.")
    .arg("label_prob", 0, "As given to SoftmaxWithLoss.")
    .arg("axis", 1, "As given to SoftmaxWithLoss.")
    .arg("scale", 1.f, "As given to SoftmaxWithLoss.")
    .arg("order", "NCHW", "Only NCHW.")
    .input("logits", "The logits given to SoftmaxWithLoss.")
    .input("labels", "The labels given to it.")
    .variadic_input("rest", "The weights, where there were some; then softmax; then d_loss, the gradient of the loss.")
    .output("d_logits", "Gradient of the logits, their shape.")
    .shape([](Infer& in) -> Status {
      const int last = in.inputs() - 1;
      PF_CHECK(last == 3 || last == 4, argument, "takes 4 inputs, or 5 with weights, found ", last + 1);
      PF_TRY(check_inputs(in, last == 4));
      PF_TRY(in.want_dtype(last - 1, DType::kFloat));
      PF_TRY(in.want_dtype(last, DType::kFloat));
      PF_TRY(in.want_same_shape(0, last - 1));
      PF_CHECK(in.shape(last).size() == 1, shape, "the gradient of the loss must be one number, found the shape ",
               in.shape(last));
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<SoftmaxWithLossGradient>();

}  // namespace
}  // namespace pf
