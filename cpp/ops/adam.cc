// SPDX-License-Identifier: Apache-2.0
// Adam (Kingma and Ba, 2015), one step: with t = iter + 1
//   m' = beta1 m + (1 - beta1) g;  v' = beta2 v + (1 - beta2) g^2
//   w' = w + lr sqrt(1 - beta2^t) / (1 - beta1^t) m' / (sqrt(v') + epsilon)
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/lanes.h"

namespace pf {
namespace {

PF_FN float correction_of(float beta1, float beta2, int64_t iter) {
  const double t = double(iter) + 1;
  return float(std::sqrt(1 - std::pow(double(beta2), t)) / (1 - std::pow(double(beta1), t)));
}

struct Update {
  const float *parameter, *first, *second, *gradient, *rate;
  float *new_parameter, *new_first, *new_second, *effective;
  const int64_t* iter;  // where only the device can read it, else null and `correction` holds
  float beta1, beta2, epsilon, correction;
  template <class V>
  PF_FN void step(int64_t i) const {
    const V g = V::load(gradient + i), w = V::load(parameter + i);
    const V m = V::load(first + i) * V::splat(beta1) + g * V::splat(1.f - beta1);
    const V v = V::load(second + i) * V::splat(beta2) + g * g * V::splat(1.f - beta2);
    const V by = V::splat(iter ? correction_of(beta1, beta2, *iter) : correction) * m / (sqrt(v) + V::splat(epsilon));
    m.store(new_first + i);
    v.store(new_second + i);
    if (effective) by.store(effective + i);
    (w + V::splat(*rate) * by).store(new_parameter + i);
  }
};

template <class Device>
struct Adam {
  Status run(OpRun& op) {
    const int64_t* iter = op.in(5).data<int64_t>();
    const float beta1 = op.args.f("beta1"), beta2 = op.args.f("beta2");
    each_lanes<Device>(
        op, op.in(0).size(),
        Update{op.in(0).data<float>(), op.in(1).data<float>(), op.in(2).data<float>(), op.in(3).data<float>(),
               op.in(4).data<float>(), op.out(0).data<float>(), op.out(1).data<float>(), op.out(2).data<float>(),
               op.outputs() > 3 ? op.out(3).data<float>() : nullptr, Device::kIsHost ? nullptr : iter, beta1, beta2,
               op.args.f("epsilon"), Device::kIsHost ? correction_of(beta1, beta2, *iter) : 0.f});
    return {};
  }
};

PF_OP(Adam)
    .doc(
        "One step of Adam. With `t = iter + 1`: `m1' = beta1 m1 + (1 - beta1) g`, `m2' = beta2 m2 + (1 - "
        "beta2) g^2`, `step = sqrt(1 - beta2^t) / (1 - beta1^t) m1' / (sqrt(m2') + epsilon)`, `w' = w + lr "
        "step`.")
    .arg("beta1", 0.9f, "Decay of the mean of the gradients.")
    .arg("beta2", 0.999f, "Decay of the mean of their squares.")
    .arg("epsilon", 1e-5f, "Added to the root, against division by zero.")
    .input("w", "float, the parameter.")
    .input("m1", "float, the mean of the gradients, 0 at first.")
    .input("m2", "float, the mean of their squares, 0 at first.")
    .input("g", "float, the gradient.")
    .input("lr", "float, one number; negative, since the step is added.")
    .input("iter", "int64, the iteration.")
    .output("new_w", "The new parameter.")
    .output("new_m1", "The new mean.")
    .output("new_m2", "The new mean of squares.")
    .optional_output("step", "The step before it is scaled by lr.")
    .inplace(0, 0)
    .inplace(1, 1)
    .inplace(2, 2)
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 5; ++i) {
        PF_TRY(in.want_dtype(i, DType::kFloat));
        const int64_t expected = i == 4 ? 1 : in.shape(0).size();
        PF_CHECK(in.shape(i).size() == expected, shape, in.args.schema.input_port(i)->name, " must have ", expected,
                 " elements, found the shape ", in.shape(i));
      }
      PF_TRY(in.want_dtype(5, DType::kInt64));
      PF_CHECK(in.shape(5).size() > 0, shape, "iter must have an element, found the shape ", in.shape(5));
      for (int j = 0; j < 4; ++j) in.set(j, in.shape(j), DType::kFloat);
      return {};
    })
    .refuse_grad("an optimizer's step has no gradient")
    .kernel<Adam>();

}  // namespace
}  // namespace pf
