// SPDX-License-Identifier: Apache-2.0
// Ftrl (McMahan et al., "Ad click prediction", 2013), one step of "follow the regularized leader":
//   n' = n + g^2;  z' = z + g - (sqrt(n') - sqrt(n)) / alpha w
//   w' = 0 where |z'| <= lambda1, else (sign(z') lambda1 - z') / ((beta + sqrt(n')) / alpha + lambda2)
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

struct Update {
  const float *weight, *history, *gradient, *rate;  // history holds n and z of each weight in turn
  float *new_weight, *new_history;
  float alpha, beta, lambda1, lambda2;  // alpha unless there is a rate
  PF_FN void operator()(int64_t i) const {
    const float per_alpha = 1.f / (rate ? *rate : alpha);
    const float g = gradient[i], n = history[2 * i], root = std::sqrt(n + g * g);
    const float z = history[2 * i + 1] + g - (root - std::sqrt(n)) * per_alpha * weight[i];
    new_history[2 * i] = n + g * g, new_history[2 * i + 1] = z;
    const float bound = z < 0 ? -lambda1 : lambda1;
    new_weight[i] = std::fabs(z) > lambda1 ? (bound - z) / ((beta + root) * per_alpha + lambda2) : 0.f;
  }
};

template <class Device>
struct Ftrl {
  Status run(OpRun& op) {
    Device::each(
        op, op.in(0).size(),
        Update{op.in(0).data<float>(), op.in(1).data<float>(), op.in(2).data<float>(),
               op.inputs() > 3 ? op.in(3).data<float>() : nullptr, op.out(0).data<float>(), op.out(1).data<float>(),
               op.args.f("alpha"), op.args.f("beta"), op.args.f("lambda1"), op.args.f("lambda2")});
    return {};
  }
};

PF_OP(Ftrl)
    .doc(
        "One step of FTRL-proximal, which keeps weights at exactly 0: `n' = n + g^2`, `z' = z + g - (sqrt(n')"
        " - sqrt(n)) / alpha w`, `w' = (sign(z') lambda1 - z') / ((beta + sqrt(n')) / alpha + lambda2)` where"
        " `|z'| > lambda1`, else 0.")
    .arg("alpha", 0.005f, "The learning rate, unless input 3 gives it.")
    .arg("beta", 1.f, "Slows the first steps.")
    .arg("lambda1", 0.001f, "Strength of L1 regularisation.")
    .arg("lambda2", 0.001f, "Strength of L2 regularisation.")
    .input("w", "float, the weights.")
    .input("n_z", "float, n and z of each weight in turn: twice the size of w.")
    .input("g", "float, the gradient; size of w.")
    .optional_input("alpha", "float, one number.")
    .output("new_w", "The new weights.")
    .output("new_n_z", "The new n and z.")
    .inplace(0, 0)
    .inplace(1, 1)
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < in.inputs(); ++i) {
        PF_TRY(in.want_dtype(i, DType::kFloat));
        const int64_t n = in.shape(0).size(), expected = i == 1 ? 2 * n : i == 3 ? 1 : n;
        PF_CHECK(in.shape(i).size() == expected, shape, in.args.schema.input_port(i)->name, " must have ", expected,
                 " elements, found the shape ", in.shape(i));
      }
      in.set(0, in.shape(0), DType::kFloat);
      in.set(1, in.shape(1), DType::kFloat);
      return {};
    })
    .refuse_grad("an optimizer's step has no gradient")
    .kernel<Ftrl>();

}  // namespace
}  // namespace pf
