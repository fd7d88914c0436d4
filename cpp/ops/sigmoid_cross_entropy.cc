// SPDX-License-Identifier: Apache-2.0
// SigmoidCrossEntropyWithLogits: cross entropy of sigmoid(logits) against targets, the mean of each row; and its
// gradient. With s(x) = log(1 + e^x) the loss of one element is
//   plain           s(x) - t x
//   log_D_trick     (1 - 2 t) (x - s(x)): the gradient does not vanish for a generator that fails
//   unjoined        (1 - t) s(x) - t x: a positive was also counted as a negative when it was recorded
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

enum class Loss { kPlain, kLogDTrick, kUnjoined };

struct Rows {
  int64_t count, length;
  int64_t grain() const { return 1 + 1024 / (length + 1); }
};

Rows rows_of(const Shape& x) { return x.rank() ? Rows{x.upto(x.rank() - 1), x[x.rank() - 1]} : Rows{1, 1}; }

// log(1 + e^x), exact for large x of either sign.
float softplus(float x) { return (x > 0 ? x : 0.f) + std::log1p(std::exp(-std::fabs(x))); }
float sigmoid(float x) { return 1.f / (1.f + std::exp(-x)); }

float loss_of(Loss kind, float x, float t) {
  switch (kind) {
    case Loss::kPlain:
      return softplus(x) - t * x;
    case Loss::kLogDTrick:
      return (1 - 2 * t) * (x - softplus(x));
    case Loss::kUnjoined:
      return (1 - t) * softplus(x) - t * x;
  }
  return 0;
}

float slope_of(Loss kind, float x, float t) {
  switch (kind) {
    case Loss::kPlain:
      return sigmoid(x) - t;
    case Loss::kLogDTrick:
      return (1 - 2 * t) * sigmoid(-x);
    case Loss::kUnjoined:
      return (1 - t) * sigmoid(x) - t;
  }
  return 0;
}

Loss kind_of(const Args& args) {
  return args.b("unjoined_lr_loss") ? Loss::kUnjoined : args.b("log_D_trick") ? Loss::kLogDTrick : Loss::kPlain;
}

Status check_args(Infer& in) {
  PF_CHECK(!(in.args.b("unjoined_lr_loss") && in.args.b("log_D_trick")), argument,
           "log_D_trick and unjoined_lr_loss exclude each other");
  return {};
}

struct SigmoidCrossEntropyWithLogits {
  Loss kind;
  explicit SigmoidCrossEntropyWithLogits(const Args& args) : kind(kind_of(args)) {}
  Status run(OpRun& op) {
    const Rows rows = rows_of(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *t = op.in(1).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(rows.count, rows.grain(), [=, kind = kind](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        double sum = 0;
        for (int64_t j = i * rows.length; j < (i + 1) * rows.length; ++j) sum += loss_of(kind, x[j], t[j]);
        y[i] = float(sum / double(rows.length));
      }
    });
    return {};
  }
};

struct SigmoidCrossEntropyWithLogitsGradient {
  Loss kind;
  explicit SigmoidCrossEntropyWithLogitsGradient(const Args& args) : kind(kind_of(args)) {}
  Status run(OpRun& op) {
    const Rows rows = rows_of(op.in(1).shape());
    const float *dy = op.in(0).data<float>(), *x = op.in(1).data<float>(), *t = op.in(2).data<float>();
    float* dx = op.out(0).data<float>();
    parallel_for(rows.count, rows.grain(), [=, kind = kind](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float factor = dy[i] / float(rows.length);
        for (int64_t j = i * rows.length; j < (i + 1) * rows.length; ++j) dx[j] = factor * slope_of(kind, x[j], t[j]);
      }
    });
    return {};
  }
};

PF_OP(SigmoidCrossEntropyWithLogits)
    .doc(
        "Cross entropy of independent probabilities, given as logits: the mean over the last dimension of "
        "`log(1 + exp(x)) - t x`, which is `-t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x))`.")
    .arg("log_D_trick", false, "Use `(1 - 2 t) log(sigmoid(x))` instead, which trains generators better.")
    .arg("unjoined_lr_loss", false,
         "Use `(1 - t) log(1 + exp(x)) - t x` instead, for targets not joined with their events.")
    .input("logits", "float, any shape.")
    .input("targets", "float, shape of the logits; usually from 0 to 1.")
    .output("xentropy", "float, the shape without its last dimension.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_args(in));
      PF_TRY(same_floats(in));
      const Shape& x = in.shape(0);
      in.set(0, x.rank() ? Shape(x.begin(), x.end() - 1) : x, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("SigmoidCrossEntropyWithLogitsGradient", {g.GO(0), g.I(0), g.I(1)}, {g.GI(0)}); })
    .cpu<SigmoidCrossEntropyWithLogits>();

PF_OP(SigmoidCrossEntropyWithLogitsGradient)
    .doc("Gradient of SigmoidCrossEntropyWithLogits: `dX = dY (sigmoid(x) - t) / length` over each row.")
    .arg("log_D_trick", false, "As given to SigmoidCrossEntropyWithLogits.")
    .arg("unjoined_lr_loss", false, "As given to SigmoidCrossEntropyWithLogits.")
    .input("dY", "Gradient of the output, one number per row.")
    .input("logits", "The logits given to SigmoidCrossEntropyWithLogits.")
    .input("targets", "The targets given to it.")
    .output("dX", "Gradient of the logits, their shape.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_args(in));
      for (int i = 0; i < 3; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      PF_TRY(in.want_same_shape(1, 2));
      const int64_t rows = rows_of(in.shape(1)).count;
      PF_CHECK(in.shape(0).size() == rows, shape, "dY must have one number for each of the ", rows,
               " rows, found the shape ", in.shape(0));
      in.set(0, in.shape(1), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<SigmoidCrossEntropyWithLogitsGradient>();

}  // namespace
}  // namespace pf
