// SPDX-License-Identifier: Apache-2.0
// RmsProp (Hinton, 2012), the step of one iteration: s' = s + (1 - decay) (g^2 - s);  m' = mu m + lr g / sqrt(epsilon +
// s')
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/lanes.h"

namespace pf {
namespace {

struct Update {
  const float *gradient, *squares, *momentum, *rate;
  float *new_gradient, *new_squares, *new_momentum;
  float decay, mu, epsilon;
  template <class V>
  PF_FN void step(int64_t i) const {
    const V g = V::load(gradient + i), old = V::load(squares + i);
    const V s = old + V::splat(1.f - decay) * (g * g - old);
    const V m = V::load(momentum + i) * V::splat(mu) + V::splat(*rate) * g / sqrt(V::splat(epsilon) + s);
    s.store(new_squares + i);
    m.store(new_momentum + i);
    m.store(new_gradient + i);
  }
};

template <class Device>
struct RmsProp {
  Status run(OpRun& op) {
    each_lanes<Device>(
        op, op.in(0).size(),
        Update{op.in(0).data<float>(), op.in(1).data<float>(), op.in(2).data<float>(), op.in(3).data<float>(),
               op.out(0).data<float>(), op.out(1).data<float>(), op.out(2).data<float>(), op.args.f("decay"),
               op.args.f("momentum"), op.args.f("epsilon")});
    return {};
  }
};

PF_OP(RmsProp)
    .doc(
        "The step of RmsProp: `s' = s + (1 - decay) (g^2 - s)`, `m' = momentum m + lr g / sqrt(epsilon + "
        "s')`, `g' = m'`. MomentumSGDUpdate without momentum applies it.")
    .arg("decay", 0.9f, "Share of the mean square that stays.")
    .arg("momentum", 0.f, "Share of the last step that is taken again.")
    .arg("epsilon", 1e-5f, "Added under the root, against division by zero.")
    .input("g", "float, the gradient.")
    .input("s", "float, the mean of squared gradients; size of the gradient.")
    .input("m", "float, the momentum; size of the gradient.")
    .input("lr", "float, one number.")
    .output("new_g", "The step.")
    .output("new_s", "The new mean square.")
    .output("new_m", "The new momentum, equal to the step.")
    .inplace(0, 0)
    .inplace(1, 1)
    .inplace(2, 2)
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 4; ++i) {
        PF_TRY(in.want_dtype(i, DType::kFloat));
        const int64_t expected = i == 3 ? 1 : in.shape(0).size();
        PF_CHECK(in.shape(i).size() == expected, shape, in.args.schema.input_port(i)->name, " must have ", expected,
                 " elements, found the shape ", in.shape(i));
      }
      for (int j = 0; j < 3; ++j) in.set(j, in.shape(j), DType::kFloat);
      return {};
    })
    .refuse_grad("an optimizer's step has no gradient")
    .kernel<RmsProp>();

}  // namespace
}  // namespace pf
