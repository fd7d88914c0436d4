// SPDX-License-Identifier: Apache-2.0
// Losses of two classes: WeightedSigmoidCrossEntropyWithLogits, BernoulliJSD, and MakeTwoClass, which gives
// probabilities of one class the form that losses of many want; and their gradients.
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

struct Rows {
  int64_t count, length;
  int64_t grain() const { return 1 + 1024 / (length + 1); }
};

Rows rows_of(const Shape& x) { return x.rank() ? Rows{x.upto(x.rank() - 1), x[x.rank() - 1]} : Rows{1, 1}; }

// log(1 + e^x), exact for large x of either sign.
float softplus(float x) { return (x > 0 ? x : 0.f) + std::log1p(std::exp(-std::fabs(x))); }

struct WeightedCrossEntropy {
  Status run(OpRun& op) {
    const Rows rows = rows_of(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *t = op.in(1).data<float>(), *w = op.in(2).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(rows.count, rows.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        double sum = 0;
        for (int64_t j = i * rows.length; j < (i + 1) * rows.length; ++j) sum += w[j] * (softplus(x[j]) - t[j] * x[j]);
        y[i] = rows.length ? float(sum / double(rows.length)) : 0.f;
      }
    });
    return {};
  }
};

struct WeightedCrossEntropyGradient {
  Status run(OpRun& op) {
    const Rows rows = rows_of(op.in(1).shape());
    const float* dy = op.in(0).data<float>();
    const float *x = op.in(1).data<float>(), *t = op.in(2).data<float>(), *w = op.in(3).data<float>();
    float* dx = op.out(0).data<float>();
    parallel_for(rows.count, rows.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float factor = dy[i] / float(rows.length);
        for (int64_t j = i * rows.length; j < (i + 1) * rows.length; ++j)
          dx[j] = factor * w[j] * (1.f / (1.f + std::exp(-x[j])) - t[j]);
      }
    });
    return {};
  }
};

constexpr double kSmallest = 1e-20;

double logit(double p) { return -std::log(1 / (p < kSmallest ? kSmallest : p > 1 ? 1 : p) - 1); }
double entropy(double p) {
  return p < kSmallest || 1 - p < kSmallest ? 0 : -p * std::log(p) - (1 - p) * std::log(1 - p);
}

// The Jensen-Shannon divergence: the entropy of the mean less the mean of the entropies.
struct Divergence {
  PF_FN float operator()(float p, float q) const {
    return float(entropy((double(p) + q) / 2) - (entropy(p) + entropy(q)) / 2);
  }
};
struct DivergenceSlope {
  PF_FN float operator()(float d, float p, float q) const {
    return float((logit(p) - logit((double(p) + q) / 2)) / 2) * d;
  }
};

struct BernoulliJSD {
  Status run(OpRun& op) {
    Cpu::map(op, op.in(0).size(), op.out(0).data<float>(), Divergence(), op.in(0).data<float>(),
             op.in(1).data<float>());
    return {};
  }
};
struct BernoulliJSDGradient {
  Status run(OpRun& op) {
    Cpu::map(op, op.in(1).size(), op.out(0).data<float>(), DivergenceSlope(), op.in(0).data<float>(),
             op.in(1).data<float>(), op.in(2).data<float>());
    return {};
  }
};

struct MakeTwoClass {
  Status run(OpRun& op) {
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    Cpu::each(op, op.in(0).size(), [=](int64_t i) { y[2 * i] = 1.f - x[i], y[2 * i + 1] = x[i]; });
    return {};
  }
};
struct MakeTwoClassGradient {
  Status run(OpRun& op) {
    const float* dy = op.in(0).data<float>();
    float* dx = op.out(0).data<float>();
    Cpu::each(op, op.out(0).size(), [=](int64_t i) { dx[i] = dy[2 * i + 1] - dy[2 * i]; });
    return {};
  }
};

PF_OP(WeightedSigmoidCrossEntropyWithLogits)
    .doc(
        "Cross entropy of independent probabilities given as logits, each weighted: the mean over the last dimension "
        "of `w (log(1 + exp(x)) - t x)`.")
    .input("logits", "float, any shape.")
    .input("targets", "float, shape of the logits; usually from 0 to 1.")
    .input("weights", "float, shape of the logits.")
    .output("xentropy", "float, the shape without its last dimension.")
    .shape([](Infer& in) -> Status {
      PF_TRY(same_floats(in));
      const Shape& x = in.shape(0);
      in.set(0, x.rank() ? Shape(x.begin(), x.end() - 1) : x, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) {
      g.op("WeightedSigmoidCrossEntropyWithLogitsGradient", {g.GO(0), g.I(0), g.I(1), g.I(2)}, {g.GI(0)});
    })
    .cpu<WeightedCrossEntropy>();

PF_OP(WeightedSigmoidCrossEntropyWithLogitsGradient)
    .doc("Gradient of WeightedSigmoidCrossEntropyWithLogits: `dX = dY w (sigmoid(x) - t) / length` over each row.")
    .input("dY", "Gradient of the output, one number per row.")
    .input("logits", "The logits given to WeightedSigmoidCrossEntropyWithLogits.")
    .input("targets", "The targets given to it.")
    .input("weights", "The weights given to it.")
    .output("dX", "Gradient of the logits, their shape.")
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 4; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      for (int i = 2; i < 4; ++i) PF_TRY(in.want_same_shape(1, i));
      const int64_t rows = rows_of(in.shape(1)).count;
      PF_CHECK(in.shape(0).size() == rows, shape, "dY must have one number for each of the ", rows,
               " rows, found the shape ", in.shape(0));
      in.set(0, in.shape(1), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<WeightedCrossEntropyGradient>();

PF_OP(BernoulliJSD)
    .doc(
        "Jensen-Shannon divergence of Bernoulli distributions, elementwise: `L = H((T + q) / 2) - (H(T) + H(q)) / 2` "
        "with the entropy `H(p) = -p log p - (1 - p) log(1 - p)`.")
    .input("T", "float: predicted probabilities.")
    .input("q", "float, shape of T: true probabilities.")
    .output("L", "Shape of T.")
    .shape(same_floats)
    .grad([](Gradient& g) { g.op("BernoulliJSDGradient", {g.GO(0), g.I(0), g.I(1)}, {g.GI(0)}); })
    .cpu<BernoulliJSD>();

PF_OP(BernoulliJSDGradient)
    .doc("Gradient of BernoulliJSD: `dT = dL (logit(T) - logit((T + q) / 2)) / 2`.")
    .input("dL", "Gradient of L.")
    .input("T", "Predicted probabilities.")
    .input("q", "True probabilities.")
    .output("dT", "Gradient of T, its shape.")
    .shape(same_floats)
    .no_grad()
    .cpu<BernoulliJSDGradient>();

PF_OP(MakeTwoClass)
    .doc("Turns the probability p of one class into those of two, [1 - p, p].")
    .input("X", "float, any shape.")
    .output("Y", "The shape of X with a last dimension of 2.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      Shape y = in.shape(0);
      y.push_back(2);
      in.set(0, y, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("MakeTwoClassGradient", {g.GO(0)}, {g.GI(0)}); })
    .cpu<MakeTwoClass>();

PF_OP(MakeTwoClassGradient)
    .doc("Gradient of MakeTwoClass: `dX_i = dY_i1 - dY_i0`.")
    .input("dY", "float [..., 2], gradient of Y.")
    .output("dX", "Gradient of X, the shape without the last dimension.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      const Shape& dy = in.shape(0);
      PF_CHECK(dy.rank() > 0 && dy[dy.rank() - 1] == 2, shape, "the last dimension of dY must be 2, its shape is ", dy);
      in.set(0, Shape(dy.begin(), dy.end() - 1), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<MakeTwoClassGradient>();

}  // namespace
}  // namespace pf
