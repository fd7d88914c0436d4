// SPDX-License-Identifier: Apache-2.0
// Optimizers for gradients by rows: the steps of Adagrad, Adam, Ftrl and MomentumSGD for those rows alone that INDICES
// names, in place and in order, so that a row named several times takes several steps. SparseNormalize scales rows.
// build: loops
#include <cmath>

#include "math/indices.h"
#include "math/segments.h"

namespace pf {
namespace {

// Sum of squares of one row.
double square_sum(int64_t n, const float* x) {
  double sum = 0;
  for (int64_t j = 0; j < n; ++j) sum += double(x[j]) * double(x[j]);
  return sum;
}

// f(start of the row in the parameter, its number, start of its gradient) for each index; `row` elements a row.
template <class F>
Status each_row(const Tensor& parameter, const Tensor& indices, F f) {
  PF_TRY(check_indices(indices, parameter.dim(0)));
  const int64_t n = parameter.shape().from(1);
  for (int64_t i = 0; i < indices.size(); ++i) f(index_at(indices, i) * n, index_at(indices, i), i * n);
  return {};
}

// Adagrad: h' = h + g^2;  w' = w + lr g / (sqrt(h') + epsilon), with one h for each element or for each row.
template <bool kRowWise>
struct SparseAdagrad {
  Status run(OpRun& op) {
    float *w = op.out(0).data<float>(), *h = op.out(1).data<float>();
    const float *g = op.in(3).data<float>(), rate = op.in(4).data<float>()[0], epsilon = op.args.f("epsilon");
    const int64_t n = op.in(0).shape().from(1);
    return each_row(op.in(0), op.in(2), [=](int64_t at, int64_t row, int64_t from) {
      if (kRowWise && n) h[row] += float(square_sum(n, g + from) / double(n));
      for (int64_t j = 0; j < n; ++j) {
        float& history = kRowWise ? h[row] : h[at + j];
        if (!kRowWise) history += g[from + j] * g[from + j];
        w[at + j] += rate * g[from + j] / (std::sqrt(history) + epsilon);
      }
    });
  }
};

// Adam, as in adam.cc, with one second moment for each element or for each row.
template <bool kRowWise>
struct SparseAdam {
  Status run(OpRun& op) {
    float *w = op.out(0).data<float>(), *m = op.out(1).data<float>(), *v = op.out(2).data<float>();
    const float* g = op.in(4).data<float>();
    const float beta1 = op.args.f("beta1"), beta2 = op.args.f("beta2"), epsilon = op.args.f("epsilon");
    const double t = double(op.in(6).data<int64_t>()[0]) + 1;
    const float correction = float(std::sqrt(1 - std::pow(double(beta2), t)) / (1 - std::pow(double(beta1), t)));
    const float rate = op.in(5).data<float>()[0] * correction;
    const int64_t n = op.in(0).shape().from(1);
    return each_row(op.in(0), op.in(3), [=](int64_t at, int64_t row, int64_t from) {
      if (kRowWise && n) v[row] = beta2 * v[row] + (1 - beta2) * float(square_sum(n, g + from) / double(n));
      for (int64_t j = 0; j < n; ++j) {
        const float gradient = g[from + j];
        float &first = m[at + j], &second = kRowWise ? v[row] : v[at + j];
        first = beta1 * first + (1 - beta1) * gradient;
        if (!kRowWise) second = beta2 * second + (1 - beta2) * gradient * gradient;
        w[at + j] += rate * first / (std::sqrt(second) + epsilon);
      }
    });
  }
};

// Ftrl, as in ftrl.cc.
struct SparseFtrl {
  Status run(OpRun& op) {
    float *w = op.out(0).data<float>(), *n_z = op.out(1).data<float>();
    const float* g = op.in(3).data<float>();
    const float alpha = op.inputs() > 4 ? op.in(4).data<float>()[0] : op.args.f("alpha"), per_alpha = 1.f / alpha;
    const float beta = op.args.f("beta"), lambda1 = op.args.f("lambda1"), lambda2 = op.args.f("lambda2");
    const int64_t n = op.in(0).shape().from(1);
    return each_row(op.in(0), op.in(2), [=](int64_t at, int64_t, int64_t from) {
      for (int64_t j = 0; j < n; ++j) {
        float *pair = n_z + 2 * (at + j), &weight = w[at + j], gradient = g[from + j];
        const float squares = pair[0] + gradient * gradient, root = std::sqrt(squares);
        const float z = pair[1] + gradient - (root - std::sqrt(pair[0])) * per_alpha * weight;
        pair[0] = squares, pair[1] = z;
        const float bound = z < 0 ? -lambda1 : lambda1;
        weight = std::fabs(z) > lambda1 ? (bound - z) / ((beta + root) * per_alpha + lambda2) : 0.f;
      }
    });
  }
};

// MomentumSGDUpdate, as in momentum_sgd.cc. The first output is the step that was taken.
struct SparseMomentumSGDUpdate {
  Status run(OpRun& op) {
    const float *g = op.in(0).data<float>(), rate = op.in(2).data<float>()[0], mu = op.args.f("momentum");
    float *step = op.out(0).data<float>(), *m = op.out(1).data<float>(), *w = op.out(2).data<float>();
    const bool nesterov = op.args.b("nesterov");
    const int64_t n = op.in(3).shape().from(1);
    return each_row(op.in(3), op.in(4), [=](int64_t at, int64_t, int64_t from) {
      for (int64_t j = 0; j < n; ++j) {
        const float old = m[at + j], momentum = mu * old + rate * g[from + j];
        m[at + j] = momentum;
        step[from + j] = nesterov ? (1 + mu) * momentum - mu * old : momentum;
        w[at + j] -= step[from + j];
      }
    });
  }
};

struct SparseNormalize {
  Status run(OpRun& op) {
    float* w = op.out(0).data<float>();
    const float norm = op.args.f("norm");
    const bool only_larger = op.args.b("use_max_norm");
    const int64_t n = op.in(0).shape().from(1);
    return each_row(op.in(0), op.in(1), [=](int64_t at, int64_t, int64_t) {
      const float found = float(std::sqrt(square_sum(n, w + at))) + 1e-12f;
      if (only_larger && found < norm) return;
      for (int64_t j = 0; j < n; ++j) w[at + j] *= norm / found;
    });
  }
};

// What an input is, a letter each: w the parameter, e a state of its size, d one of twice that, r one for each row,
// i the indices, g their gradients, 1 a number, t the iteration.
Status check_inputs(Infer& in, const char* kinds, int parameter) {
  const Shape& w = in.shape(parameter);
  PF_CHECK(w.rank() >= 1, shape, "the parameter must have rows, is a scalar");
  int64_t indices = 0;
  for (int i = 0; i < in.inputs(); ++i)
    if (kinds[i] == 'i') indices = in.shape(i).size();
  for (int i = 0; i < in.inputs(); ++i) {
    const int64_t size = in.shape(i).size();
    int64_t expected = w.size();
    switch (kinds[i]) {
      case 'i':
        PF_TRY(want_indices(in, i));
        continue;
      case 't':
        PF_TRY(in.want_dtype(i, DType::kInt64));
        expected = 1;
        break;
      case 'd':
        expected = 2 * w.size();
        break;
      case 'r':
        expected = w[0];
        break;
      case 'g':
        expected = saturating_product(indices, w.from(1));
        break;
      case '1':
        expected = 1;
        break;
    }
    if (kinds[i] != 't') PF_TRY(in.want_dtype(i, DType::kFloat));
    PF_CHECK(size == expected, shape, in.args.schema.input_port(i)->name, " must have ", expected,
             " elements, found the shape ", in.shape(i));
  }
  return {};
}

template <int kOutputs>
Status step_shape(Infer& in, const char* kinds) {
  PF_TRY(check_inputs(in, kinds, 0));
  for (int j = 0; j < kOutputs; ++j) in.set(j, in.shape(j), DType::kFloat);
  return {};
}

constexpr auto kRows = [](auto& op) {
  op.input("indices", "int32 or int64: the rows of the gradient.").input("g", "float: a row for each index.");
};
constexpr auto kRate = [](auto& op) { op.input("lr", "float, one number; negative, since the step is added."); };
constexpr auto kAdagrad = [](auto& op) {
  op.arg("epsilon", 1e-5f, "Added to the root, against division by zero.")
      .input("w", "float, the parameter.")
      .input("h", "float, the sum of squared gradients.")
      .with(kRows)
      .with(kRate)
      .output("w", "The same blob.")
      .output("h", "The same blob.")
      .must_inplace(0, 0)
      .must_inplace(1, 1)
      .refuse_grad("an optimizer's step has no gradient");
};
constexpr auto kAdam = [](auto& op) {
  op.arg("beta1", 0.9f, "Decay of the mean of the gradients.")
      .arg("beta2", 0.999f, "Decay of the mean of their squares.")
      .arg("epsilon", 1e-5f, "Added to the root, against division by zero.")
      .input("w", "float, the parameter.")
      .input("m1", "float, the mean of the gradients, 0 at first.")
      .input("m2", "float, the mean of their squares, 0 at first.")
      .with(kRows)
      .with(kRate)
      .input("iter", "int64, the iteration.")
      .output("w", "The same blob.")
      .output("m1", "The same blob.")
      .output("m2", "The same blob.")
      .must_inplace(0, 0)
      .must_inplace(1, 1)
      .must_inplace(2, 2)
      .refuse_grad("an optimizer's step has no gradient");
};

PF_OP(SparseAdagrad)
    .doc("Adagrad for rows: `h' = h + g^2`, `w' = w + lr g / (sqrt(h') + epsilon)`.")
    .with(kAdagrad)
    .shape([](Infer& in) { return step_shape<2>(in, "weig1"); })
    .cpu<SparseAdagrad<false>>();

PF_OP(RowWiseSparseAdagrad)
    .doc("Adagrad with one sum of squares for each row: `h' = h + mean(g^2)`, `w' = w + lr g / (sqrt(h') + epsilon)`.")
    .with(kAdagrad)
    .shape([](Infer& in) { return step_shape<2>(in, "wrig1"); })
    .cpu<SparseAdagrad<true>>();

PF_OP(SparseAdam)
    .doc("Adam for rows; those that are not named keep their means.")
    .with(kAdam)
    .shape([](Infer& in) { return step_shape<3>(in, "weeig1t"); })
    .cpu<SparseAdam<false>>();

PF_OP(RowWiseSparseAdam)
    .doc("Adam for rows with one mean of squares for each row.")
    .with(kAdam)
    .shape([](Infer& in) { return step_shape<3>(in, "werig1t"); })
    .cpu<SparseAdam<true>>();

PF_OP(SparseFtrl)
    .doc("Ftrl for rows.")
    .arg("alpha", 0.005f, "The learning rate, unless input 4 gives it.")
    .arg("beta", 1.f, "Slows the first steps.")
    .arg("lambda1", 0.001f, "Strength of L1 regularisation.")
    .arg("lambda2", 0.001f, "Strength of L2 regularisation.")
    .input("w", "float, the weights.")
    .input("n_z", "float, n and z of each weight in turn: twice the size of w.")
    .with(kRows)
    .optional_input("alpha", "float, one number.")
    .output("w", "The same blob.")
    .output("n_z", "The same blob.")
    .must_inplace(0, 0)
    .must_inplace(1, 1)
    .shape([](Infer& in) { return step_shape<2>(in, "wdig1"); })
    .refuse_grad("an optimizer's step has no gradient")
    .cpu<SparseFtrl>();

PF_OP(SparseMomentumSGDUpdate)
    .doc(
        "MomentumSGDUpdate for rows: `m' = momentum m + lr g`, `g' = m'`, or with nesterov `g' = (1 + momentum) m' -"
        " momentum m`; `w' = w - g'`.")
    .arg("momentum", 0.f, "Share of the last step that is taken again.")
    .arg("nesterov", false, "Nesterov's look ahead.")
    .input("g", "float: a row for each index.")
    .input("m", "float, the momentum; size of the parameter.")
    .input("lr", "float, one number; positive, since the step is subtracted.")
    .input("w", "float, the parameter.")
    .input("indices", "int32 or int64: the rows of the gradient.")
    .output("new_g", "The steps.")
    .output("m", "The same blob.")
    .output("w", "The same blob.")
    .inplace(0, 0)
    .must_inplace(1, 1)
    .must_inplace(3, 2)
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in, "ge1wi", 3));
      in.set(0, in.shape(0), DType::kFloat);
      in.set(1, in.shape(1), DType::kFloat);
      in.set(2, in.shape(3), DType::kFloat);
      return {};
    })
    .refuse_grad("an optimizer's step has no gradient")
    .cpu<SparseMomentumSGDUpdate>();

PF_OP(SparseNormalize)
    .doc(
        "Scales the rows that INDICES names to the Euclidean length `norm`, or with use_max_norm those longer than it.")
    .arg("use_max_norm", true, "Leave rows that are shorter than norm.")
    .arg("norm", 1.f, "The length.")
    .input("w", "float, the parameter.")
    .with(kRows)
    .output("w", "The same blob.")
    .must_inplace(0, 0)
    .shape([](Infer& in) { return step_shape<1>(in, "wig"); })
    .refuse_grad("it works in place")
    .cpu<SparseNormalize>();

}  // namespace
}  // namespace pf
