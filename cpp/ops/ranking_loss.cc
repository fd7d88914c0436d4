// SPDX-License-Identifier: Apache-2.0
// Losses that rank: CosineEmbeddingCriterion, MarginRankingCriterion, PairWiseLoss, LambdaRankNdcg; and their
// gradients.
// build: loops
#include <cmath>
#include <limits>

#include "core/op.h"

namespace pf {
namespace {

struct CosineEmbedding {
  float margin;
  explicit CosineEmbedding(const Args& args) : margin(args.f("margin")) {}
  Status run(OpRun& op) {
    const float* s = op.in(0).data<float>();
    const int32_t* label = op.in(1).data<int32_t>();
    float* y = op.out(0).data<float>();
    Cpu::each(op, op.in(0).size(), [=, margin = margin](int64_t i) {
      const float over = s[i] - margin;
      y[i] = label[i] == 1 ? 1.f - s[i] : over < 0.f ? 0.f : over;
    });
    return {};
  }
};

struct CosineEmbeddingGradient {
  float margin;
  explicit CosineEmbeddingGradient(const Args& args) : margin(args.f("margin")) {}
  Status run(OpRun& op) {
    const float *s = op.in(0).data<float>(), *dy = op.in(2).data<float>();
    const int32_t* label = op.in(1).data<int32_t>();
    float* ds = op.out(0).data<float>();
    Cpu::each(op, op.in(0).size(), [=, margin = margin](int64_t i) {
      ds[i] = label[i] == 1 ? -dy[i] : s[i] >= margin ? dy[i] : 0.f;
    });
    return {};
  }
};

struct MarginRanking {
  float margin;
  explicit MarginRanking(const Args& args) : margin(args.f("margin")) {}
  Status run(OpRun& op) {
    const float *a = op.in(0).data<float>(), *b = op.in(1).data<float>();
    const int32_t* label = op.in(2).data<int32_t>();
    float* y = op.out(0).data<float>();
    Cpu::each(op, op.in(0).size(), [=, margin = margin](int64_t i) {
      const float loss = margin - float(label[i]) * (a[i] - b[i]);
      y[i] = loss < 0.f ? 0.f : loss;
    });
    return {};
  }
};

struct MarginRankingGradient {
  float margin;
  explicit MarginRankingGradient(const Args& args) : margin(args.f("margin")) {}
  Status run(OpRun& op) {
    const float *a = op.in(0).data<float>(), *b = op.in(1).data<float>(), *dy = op.in(3).data<float>();
    const int32_t* label = op.in(2).data<int32_t>();
    float *da = op.out(0).data<float>(), *db = op.out(1).data<float>();
    Cpu::each(op, op.in(0).size(), [=, margin = margin](int64_t i) {
      const float sign = float(label[i]), slope = margin - sign * (a[i] - b[i]) < 0.f ? 0.f : sign * dy[i];
      da[i] = -slope, db[i] = slope;
    });
    return {};
  }
};

// Labels are one number per row of inputs: floats in input 0 (and 1), int32 in the last.
Status criterion_shape(Infer& in) {
  const bool backward = in.args.def.type.ends_with("Gradient");
  const int label = in.inputs() - 1 - backward;
  for (int i = 0; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, i == label ? DType::kInt32 : DType::kFloat));
    PF_TRY(in.want_same_shape(0, i));
  }
  return same_as_first(in);
}

// log(1 + e^x) where neither end of the range overflows or vanishes too early.
float log_logit(float x) {
  static const float kLeast = std::log(std::numeric_limits<float>::epsilon());
  return x < kLeast ? 0.f : x > -kLeast ? x : std::log(std::exp(x) + 1.f);
}

// Calls f(session, i, j, sign) for each pair of different labels within a session, j < i.
template <class F>
int64_t each_pair(int64_t begin, int64_t end, const float* label, F f) {
  int64_t pairs = 0;
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t j = begin; j < i; ++j) {
      if (std::fabs(label[i] - label[j]) < std::numeric_limits<float>::epsilon()) continue;
      ++pairs;
      f(i, j, label[i] > label[j] ? 1.f : -1.f);
    }
  }
  return pairs;
}

// The sessions that X's rows fall into: what `lengths` says, else one.
Status check_sessions(const int32_t* lengths, int64_t sessions, int64_t rows) {
  int64_t sum = 0;
  for (int64_t k = 0; lengths && k < sessions; ++k) {
    PF_CHECK(lengths[k] >= 0, value, "length ", k, " is ", lengths[k], ", must not be negative");
    sum += lengths[k];
  }
  PF_CHECK(!lengths || sum == rows, value, "the lengths must sum to the ", rows, " rows of X, they make ", sum);
  return {};
}

struct PairWiseLoss {
  Status run(OpRun& op) {
    const float *x = op.in(0).data<float>(), *label = op.in(1).data<float>();
    const int64_t rows = op.in(0).size(), sessions = op.out(0).size();
    const int32_t* lengths = op.inputs() > 2 ? op.in(2).data<int32_t>() : nullptr;
    if (rows == 0) return {};
    PF_TRY(check_sessions(lengths, sessions, rows));
    float* y = op.out(0).data<float>();
    for (int64_t k = 0, begin = 0; k < sessions; ++k) {
      const int64_t end = begin + (lengths ? lengths[k] : rows);
      double sum = 0;
      const int64_t pairs = each_pair(
          begin, end, label, [&](int64_t i, int64_t j, float sign) { sum += log_logit(sign * (x[j] - x[i])); });
      y[k] = pairs ? float(sum / double(pairs)) : 0.f;
      begin = end;
    }
    return {};
  }
};

struct PairWiseLossGradient {
  Status run(OpRun& op) {
    const float *x = op.in(0).data<float>(), *label = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    const int64_t rows = op.in(0).size(), sessions = op.in(2).size();
    const int32_t* lengths = op.inputs() > 3 ? op.in(3).data<int32_t>() : nullptr;
    if (rows == 0) return {};
    PF_TRY(check_sessions(lengths, sessions, rows));
    float* dx = op.out(0).data<float>();
    for (int64_t i = 0; i < rows; ++i) dx[i] = 0;
    for (int64_t k = 0, begin = 0; k < sessions; ++k) {
      const int64_t end = begin + (lengths ? lengths[k] : rows);
      const int64_t pairs = each_pair(begin, end, label, [&](int64_t i, int64_t j, float sign) {
        const float slope = sign * dy[k] / (1.f + std::exp(-sign * (x[j] - x[i])));
        dx[i] -= slope, dx[j] += slope;
      });
      for (int64_t i = begin; pairs && i < end; ++i) dx[i] /= float(pairs);
      begin = end;
    }
    return {};
  }
};

// Inputs X, label, [dY], [lengths].
Status pair_wise_shape(Infer& in) {
  const bool backward = in.args.def.type.ends_with("Gradient");
  const int lengths = backward ? 3 : 2;
  const bool sessions = in.inputs() > lengths;
  for (int i = 0; i < lengths; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  const Shape &x = in.shape(0), &label = in.shape(1);
  PF_CHECK(x.rank() > 0 && x.from(1) == 1, shape, "X must have one score per row, its shape is ", x);
  PF_CHECK((label.rank() == 1 || (label.rank() == 2 && label[1] == 1)) && label[0] == x[0], shape,
           "there must be one label for each of the ", x[0], " rows of X, found the shape ", label);
  if (sessions) {
    PF_TRY(in.want_dtype(lengths, DType::kInt32));
    PF_TRY(in.want_rank(lengths, 1));
  }
  const Shape y{x[0] == 0 ? 0 : sessions ? in.shape(lengths)[0] : 1};
  PF_CHECK(!backward || x[0] == 0 || in.shape(2) == y, shape, "dY must have the shape ", y, ", found ", in.shape(2));
  in.set(0, backward ? x : y, DType::kFloat);
  return {};
}

// place[i]: how many scores come before score i, sorted from the largest; equal ones keep their order.
void places_of(int64_t n, const float* score, int64_t* place) {
  for (int64_t i = 0; i < n; ++i) {
    place[i] = 0;
    for (int64_t j = 0; j < n; ++j) place[i] += score[j] > score[i] || (score[j] == score[i] && j < i);
  }
}

double discount_of(int64_t place) { return std::log(2.0) / std::log(double(place) + 2); }

// log(sigmoid(x))
double log_sigmoid(double x) { return x > 100 ? 0 : x < -100 ? x : -std::log1p(std::exp(-x)); }

struct LambdaRankNdcg {
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    const float *y = op.in(0).data<float>(), *r = op.in(1).data<float>();
    float *loss = op.out(0).data<float>(), *dy = op.out(1).data<float>();
    int64_t* place;
    double *gain, *discount;
    PF_TRY(op.scratch(n, &place));
    PF_TRY(op.scratch(n, &gain));
    PF_TRY(op.scratch(n, &discount));
    double best = 0, sum = 0;
    places_of(n, r, place);
    for (int64_t i = 0; i < n; ++i) gain[i] = std::exp2(double(r[i])), best += gain[i] * discount_of(place[i]);
    places_of(n, y, place);
    for (int64_t i = 0; i < n; ++i) discount[i] = discount_of(place[i]);
    for (int64_t i = 0; i < n; ++i) {
      double slope = 0;
      for (int64_t j = 0; j < n; ++j) {
        const double weight = std::fabs((discount[i] - discount[j]) * (gain[i] - gain[j]));
        const double sign = r[i] > r[j] ? 1 : -1, ahead = sign * (double(y[i]) - y[j]);
        slope -= weight * sign / (1 + std::exp(ahead));
        sum += weight * log_sigmoid(ahead);
      }
      dy[i] = float(slope / best);
    }
    loss[0] = n ? float(-sum / best) : 0.f;
    return {};
  }
};

struct LambdaRankNdcgGradient {
  Status run(OpRun& op) {
    const float *dy = op.in(1).data<float>(), d = op.in(2).data<float>()[0];
    float* out = op.out(0).data<float>();
    Cpu::each(op, op.in(1).size(), [=](int64_t i) { out[i] = d * dy[i]; });
    return {};
  }
};

PF_OP(CosineEmbeddingCriterion)
    .doc("Loss of a cosine similarity: `1 - S` where Y is 1, else `max(0, S - margin)`.")
    .arg("margin", 0.f, "Similarities up to here cost nothing where Y is not 1.")
    .input("S", "float, any shape: similarities.")
    .input("Y", "int32, shape of S: 1 for alike, -1 for unlike.")
    .output("loss", "Shape of S.")
    .shape(criterion_shape)
    .grad([](Gradient& g) { g.op("CosineEmbeddingCriterionGradient", {g.I(0), g.I(1), g.GO(0)}, {g.GI(0)}); })
    .cpu<CosineEmbedding>();

PF_OP(CosineEmbeddingCriterionGradient)
    .doc("Gradient of CosineEmbeddingCriterion: `-d_loss` where Y is 1, else `d_loss` where `S >= margin`.")
    .arg("margin", 0.f, "As given to CosineEmbeddingCriterion.")
    .input("S", "Similarities.")
    .input("Y", "Labels.")
    .input("d_loss", "Gradient of the loss.")
    .output("dS", "Gradient of S, its shape.")
    .shape(criterion_shape)
    .no_grad()
    .cpu<CosineEmbeddingGradient>();

PF_OP(MarginRankingCriterion)
    .doc("Loss of a pair of scores that should be in order: `max(0, margin - Y (X1 - X2))`.")
    .arg("margin", 1.f, "By how much the one should be ahead.")
    .input("X1", "float, any shape.")
    .input("X2", "float, shape of X1.")
    .input("Y", "int32, shape of X1: 1 where X1 should be the larger, -1 where X2 should.")
    .output("loss", "Shape of X1.")
    .shape(criterion_shape)
    .grad([](Gradient& g) {
      g.op("MarginRankingCriterionGradient", {g.I(0), g.I(1), g.I(2), g.GO(0)}, {g.GI(0), g.GI(1)});
    })
    .cpu<MarginRanking>();

PF_OP(MarginRankingCriterionGradient)
    .doc("Gradient of MarginRankingCriterion: `dX1 = -Y d_loss`, `dX2 = Y d_loss` where the loss is not cut off.")
    .arg("margin", 1.f, "As given to MarginRankingCriterion.")
    .input("X1", "First scores.")
    .input("X2", "Second scores.")
    .input("Y", "Labels.")
    .input("d_loss", "Gradient of the loss.")
    .output("dX1", "Gradient of X1, its shape.")
    .output("dX2", "Gradient of X2, its shape.")
    .shape(criterion_shape)
    .no_grad()
    .cpu<MarginRankingGradient>();

PF_OP(PairWiseLoss)
    .doc(
        "Logistic loss of all pairs of different labels within a session: the mean of `log(1 + exp(x_low - x_high))`, "
        "where x_high is the score of the higher label.")
    .input("X", "float [N] or [N, 1]: scores.")
    .input("label", "float [N] or [N, 1].")
    .optional_input("lengths", "int32: the rows of each session; without it all rows are one.")
    .output("Y", "float, one loss per session.")
    .shape(pair_wise_shape)
    .grad([](Gradient& g) {
      std::vector<std::string> in = {g.I(0), g.I(1), g.GO(0)};
      if (g.inputs() > 2) in.push_back(g.I(2));
      g.op("PairWiseLossGradient", in, {g.GI(0)});
    })
    .cpu<PairWiseLoss>();

PF_OP(PairWiseLossGradient)
    .doc("Gradient of PairWiseLoss.")
    .input("X", "Scores.")
    .input("label", "Labels.")
    .input("dY", "Gradient of Y.")
    .optional_input("lengths", "The rows of each session.")
    .output("dX", "Gradient of X, its shape.")
    .shape(pair_wise_shape)
    .no_grad()
    .cpu<PairWiseLossGradient>();

PF_OP(LambdaRankNdcg)
    .doc(
        "LambdaRank for the normalised discounted cumulative gain of one session: `-sum_ij w_ij log(sigmoid(s_ij (y_i "
        "- "
        "y_j))) / NDCG_ideal`, where w_ij is by how much swapping i and j would change the gain and s_ij is 1 where "
        "r_i "
        "> r_j, else -1. (Wu et al., \"Adapting boosting for information retrieval measures\", 2010.)")
    .input("y", "float [N]: scores.")
    .input("r", "float [N]: relevances.")
    .output("loss", "float [1].")
    .output("dy", "float [N]: the gradient, computed on the way.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_rank(0, 1));
      for (int i = 0; i < 2; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      PF_CHECK(in.shape(0).size() == in.shape(1).size(), shape, "y and r must have equally many elements; y is ",
               in.shape(0), ", r is ", in.shape(1));
      in.set(0, Shape{1}, DType::kFloat);
      in.set(1, in.shape(0), DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("LambdaRankNdcgGradient", {g.I(0), g.O(1), g.GO(0)}, {g.GI(0)}); })
    .cpu<LambdaRankNdcg>();

PF_OP(LambdaRankNdcgGradient)
    .doc("Gradient of LambdaRankNdcg: dy of the forward run times the gradient of the loss.")
    .input("y", "Scores.")
    .input("dy", "Second output of LambdaRankNdcg.")
    .input("d_loss", "One number: gradient of the loss.")
    .output("d_y", "Gradient of y, its shape.")
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 3; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      PF_TRY(in.want_rank(0, 1));
      PF_TRY(in.want_same_shape(0, 1));
      PF_CHECK(in.shape(2).size() == 1, shape, "d_loss must be one number, found the shape ", in.shape(2));
      return same_as_first(in);
    })
    .no_grad()
    .cpu<LambdaRankNdcgGradient>();

}  // namespace
}  // namespace pf
