// SPDX-License-Identifier: Apache-2.0
// MomentumSGD and MomentumSGDUpdate: gradient descent with momentum.
//   m' = mu m + lr g;  step = m', or with Nesterov's look ahead (1 + mu) m' - mu m;  parameter -= step
#include "core/op.h"
#include "math/lanes.h"

namespace pf {
namespace {

struct Descent {
  const float *gradient, *momentum, *rate, *parameter;
  float *new_gradient, *new_momentum, *new_parameter;
  float mu;
  bool nesterov;
  template <class V>
  PF_FN void step(int64_t i) const {
    const V share = V::splat(mu), old = V::load(momentum + i);
    const V m = share * old + V::splat(*rate) * V::load(gradient + i);
    const V by = nesterov ? m + share * (m - old) : m;
    if (parameter) (V::load(parameter + i) - by).store(new_parameter + i);
    m.store(new_momentum + i);
    by.store(new_gradient + i);
  }
};

template <class Device>
struct MomentumSGD {
  Status run(OpRun& op) {
    const bool update = op.inputs() > 3;
    each_lanes<Device>(
        op, op.in(0).size(),
        Descent{op.in(0).data<float>(), op.in(1).data<float>(), op.in(2).data<float>(),
                update ? op.in(3).data<float>() : nullptr, op.out(0).data<float>(), op.out(1).data<float>(),
                update ? op.out(2).data<float>() : nullptr, op.args.f("momentum"), op.args.b("nesterov")});
    return {};
  }
};

Status momentum_shape(Infer& in) {
  for (int i = 0; i < in.inputs(); ++i) {
    PF_TRY(in.want_dtype(i, DType::kFloat));
    if (i == 2)
      PF_CHECK(in.shape(2).size() == 1, shape, "lr must be one number, found the shape ", in.shape(2));
    else
      PF_CHECK(in.shape(i).size() == in.shape(0).size(), shape, "gradient ", in.shape(0), " and ",
               in.args.schema.input_port(i)->name, " ", in.shape(i), " must have one size");
  }
  in.set(0, in.shape(0), DType::kFloat);
  in.set(1, in.shape(1), DType::kFloat);
  if (in.inputs() > 3) in.set(2, in.shape(3), DType::kFloat);
  return {};
}

constexpr auto kArguments = [](auto& op) {
  op.arg("momentum", 0.f, "Share of the last step that is taken again.")
      .arg("nesterov", false, "Nesterov's look ahead.");
};

PF_OP(MomentumSGD)
    .doc(
        "The step of gradient descent with momentum, to be subtracted from the parameter: `m' = momentum m + "
        "lr g` and `g' = m'`, or with nesterov `g' = (1 + momentum) m' - momentum m`.")
    .with(kArguments)
    .input("g", "float, the gradient.")
    .input("m", "float, the momentum; size of the gradient.")
    .input("lr", "float, one number; positive, since the step is subtracted.")
    .output("new_g", "The step.")
    .output("new_m", "The new momentum.")
    .inplace(0, 0)
    .inplace(1, 1)
    .shape(momentum_shape)
    .refuse_grad("an optimizer's step has no gradient")
    .kernel<MomentumSGD>();

PF_OP(MomentumSGDUpdate)
    .doc(
        "MomentumSGD that also moves the parameter: `m' = momentum m + lr g`, `g' = m'`, or with nesterov `g'"
        " = (1 + momentum) m' - momentum m`; `w' = w - g'`.")
    .with(kArguments)
    .input("g", "float, the gradient.")
    .input("m", "float, the momentum; size of the gradient.")
    .input("lr", "float, one number; positive, since the step is subtracted.")
    .input("w", "float, the parameter; size of the gradient.")
    .output("new_g", "The step.")
    .output("new_m", "The new momentum.")
    .output("new_w", "The new parameter.")
    .inplace(0, 0)
    .inplace(1, 1)
    .inplace(3, 2)
    .shape(momentum_shape)
    .refuse_grad("an optimizer's step has no gradient")
    .kernel<MomentumSGD>();

}  // namespace
}  // namespace pf
