// SPDX-License-Identifier: Apache-2.0
// WeightedSum: y = w_0 x_0 + w_1 x_1 + …, the step of plain gradient descent; and its gradient.
#include "core/op.h"
#include "math/lanes.h"
#include "math/reduce.h"

namespace pf {
namespace {

// One or two terms, after y itself where `add` says so.
struct Terms {
  float* y;
  const float *x0, *w0, *x1, *w1;
  bool add;
  template <class V>
  PF_FN void step(int64_t i) const {
    V sum = V::load(x0 + i) * V::splat(*w0);
    if (x1) sum = sum + V::load(x1 + i) * V::splat(*w1);
    if (add) sum = V::load(y + i) + sum;
    sum.store(y + i);
  }
};

template <class Device>
struct WeightedSum {
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    float* y = op.out(0).data<float>();
    auto data = [&](int i) { return i < op.inputs() ? op.in(i).data<float>() : nullptr; };
    for (int i = 0; i < op.inputs(); i += 4)
      each_lanes<Device>(op, n, Terms{y, data(i), data(i + 1), data(i + 2), data(i + 3), i > 0});
    return {};
  }
};

// The weights' gradients are sums, so this one is for the CPU.
struct WeightedSumGradient {
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    const float* dy = op.in(0).data<float>();
    const int terms = (op.inputs() - 1) / 2;
    for (int k = 0; k < terms; ++k)
      each_lanes<Device>(op, n,
                         Terms{op.out(k).data<float>(), dy, op.in(2 * k + 2).data<float>(), nullptr, nullptr, false});
    for (int k = 0; k < terms && op.outputs() > terms; ++k)
      op.out(terms + k).data<float>()[0] = dot(n, dy, op.in(2 * k + 1).data<float>());
    return {};
  }
};

// Inputs `first`, first + 1, … are tensors of one size and weights in turn.
Status check_terms(Infer& in, int first) {
  PF_CHECK((in.inputs() - first) % 2 == 0, argument, "takes pairs of a tensor and its weight, found ",
           in.inputs() - first, " inputs");
  for (int i = 0; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, DType::kFloat));
    const bool weight = i >= first && (i - first) % 2;
    const int64_t expected = weight ? 1 : in.shape(0).size();
    PF_CHECK(in.shape(i).size() == expected, shape, weight ? "a weight" : "each tensor", " must have ", expected,
             expected == 1 ? " element" : " elements", "; \"", in.args.def.input[size_t(i)], "\" has the shape ",
             in.shape(i));
  }
  return {};
}

PF_OP(WeightedSum)
    .doc(
        "`Y = w_0 X_0 + w_1 X_1 + …` of tensors of one size. With (parameter, ONE, gradient, rate) and a "
        "negative rate it is a step of gradient descent.")
    .arg("grad_on_w", false, "The gradient operator also gives the gradients of the weights.")
    .variadic_input("X_and_w", "Pairs: a float tensor and its weight, a float tensor of one element.")
    .output("Y", "Shape of the first tensor, which it may overwrite.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(check_terms(in, 0));
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) {
      std::vector<std::string> in = {g.GO(0)}, out;
      for (int i = 0; i < g.inputs(); ++i) in.push_back(g.I(i));
      for (int i = 0; i < g.inputs(); i += 2) out.push_back(g.GI(i));
      for (int i = 1; i < g.inputs() && g.args.b("grad_on_w"); i += 2) out.push_back(g.GI(i));
      g.op("WeightedSumGradient", in, out);
    })
    .kernel<WeightedSum>();

PF_OP(WeightedSumGradient)
    .doc("Gradient of WeightedSum: `dX_k = w_k dY`, and with grad_on_w `dw_k = sum_i dY_i X_ki`.")
    .arg("grad_on_w", false, "As given to WeightedSum.")
    .input("dY", "Gradient of Y.")
    .variadic_input("X_and_w", "The inputs of WeightedSum.")
    .variadic_output("dX_and_dw", "Gradients of the tensors, then with grad_on_w those of the weights.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_terms(in, 1));
      const int terms = (in.inputs() - 1) / 2, expected = in.args.b("grad_on_w") ? 2 * terms : terms;
      PF_CHECK(in.outputs() == expected, argument, "takes ", expected, " outputs for ", terms, " terms, found ",
               in.outputs());
      for (int k = 0; k < terms; ++k) {
        in.set(k, in.shape(0), DType::kFloat);
        in.set(terms + k, in.shape(2 * k + 2), DType::kFloat);
      }
      return {};
    })
    .no_grad()
    .cpu<WeightedSumGradient>();

}  // namespace
}  // namespace pf
