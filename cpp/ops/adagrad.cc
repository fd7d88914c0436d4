// SPDX-License-Identifier: Apache-2.0
// Adagrad (Duchi et al., 2011), one step: h' = decay h + g^2;  w' = w + lr g / (sqrt(h') + epsilon)
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/lanes.h"

namespace pf {
namespace {

struct Update {
  const float *parameter, *history, *gradient, *rate;
  float *new_parameter, *new_history, *effective_rate, *update;
  float epsilon, decay, weight_decay;
  template <class V>
  PF_FN void step(int64_t i) const {
    const V w = V::load(parameter + i), g = V::load(gradient + i) + V::splat(weight_decay) * w;
    const V h = V::splat(decay) * V::load(history + i) + g * g;
    const V rate_here = V::splat(*rate) / (sqrt(h) + V::splat(epsilon)), by = rate_here * g;
    h.store(new_history + i);
    if (effective_rate) rate_here.store(effective_rate + i);
    if (update) by.store(update + i);
    (w + by).store(new_parameter + i);
  }
};

template <class Device>
struct Adagrad {
  Status run(OpRun& op) {
    each_lanes<Device>(
        op, op.in(0).size(),
        Update{op.in(0).data<float>(), op.in(1).data<float>(), op.in(2).data<float>(), op.in(3).data<float>(),
               op.out(0).data<float>(), op.out(1).data<float>(), op.outputs() > 2 ? op.out(2).data<float>() : nullptr,
               op.outputs() > 3 ? op.out(3).data<float>() : nullptr, op.args.f("epsilon"), op.args.f("decay"),
               op.args.f("weight_decay")});
    return {};
  }
};

PF_OP(Adagrad)
    .doc("One step of Adagrad: `h' = decay h + g^2`, `w' = w + lr g / (sqrt(h') + epsilon)`.")
    .arg("epsilon", 1e-5f, "Added to the root, against division by zero.")
    .arg("decay", 1.f, "Share of the history that stays.")
    .arg("weight_decay", 0.f, "Adds this much of the parameter to the gradient first.")
    .input("w", "float, the parameter.")
    .input("h", "float, the sum of squared gradients; size of the parameter.")
    .input("g", "float, the gradient; size of the parameter.")
    .input("lr", "float, one number; negative, since the step is added.")
    .output("new_w", "The new parameter.")
    .output("new_h", "The new sum of squares.")
    .optional_output("effective_lr", "lr / (sqrt(h') + epsilon).")
    .optional_output("update", "What was added to the parameter.")
    .inplace(0, 0)
    .inplace(1, 1)
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 4; ++i) {
        PF_TRY(in.want_dtype(i, DType::kFloat));
        const int64_t expected = i == 3 ? 1 : in.shape(0).size();
        PF_CHECK(in.shape(i).size() == expected, shape, in.args.schema.input_port(i)->name, " must have ", expected,
                 " elements, found the shape ", in.shape(i));
      }
      in.set(0, in.shape(0), DType::kFloat);
      in.set(1, in.shape(1), DType::kFloat);
      in.set(2, in.shape(2), DType::kFloat);
      in.set(3, in.shape(2), DType::kFloat);
      return {};
    })
    .refuse_grad("an optimizer's step has no gradient")
    .kernel<Adagrad>();

}  // namespace
}  // namespace pf
