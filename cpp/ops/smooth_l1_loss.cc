// SPDX-License-Identifier: Apache-2.0
// SmoothL1Loss: quadratic for small differences and linear for large ones, the loss of boxes; and its gradient.
// build: loops
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

struct SmoothL1Loss {
  Status run(OpRun& op) {
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>();
    const float *inside = op.in(2).data<float>(), *outside = op.in(3).data<float>();
    const double beta = op.args.f("beta");
    double sum = 0;
    for (int64_t i = 0; i < op.in(0).size(); ++i) {
      const double d = std::fabs(double(inside[i]) * (double(x[i]) - y[i]));
      sum += outside[i] * (d < beta ? .5 * d * d / beta : d - .5 * beta);
    }
    const int64_t rows = op.in(1).dim(0);
    op.out(0).data<float>()[0] = rows ? float(sum * op.args.f("scale") / double(rows)) : 0.f;
    return {};
  }
};

struct SmoothL1LossGradient {
  Status run(OpRun& op) {
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>();
    const float *inside = op.in(2).data<float>(), *outside = op.in(3).data<float>();
    const float beta = op.args.f("beta");
    const float factor = op.in(4).data<float>()[0] * op.args.f("scale") / float(op.in(1).dim(0));
    float* dx = op.out(0).data<float>();
    Cpu::each(op, op.in(0).size(), [=](int64_t i) {
      const float d = inside[i] * (x[i] - y[i]), slope = std::fabs(d) < beta ? d / beta : float((d > 0) - (d < 0));
      dx[i] = factor * slope * inside[i] * outside[i];
    });
    return {};
  }
};

Status loss_shape(Infer& in) {
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  for (int i = 1; i < 4; ++i) PF_TRY(in.want_same_shape(0, i));
  PF_CHECK(in.shape(0).rank() > 0, shape, "Y_hat must have rows, it is a scalar");
  PF_CHECK(in.args.f("beta") > 0, argument, "beta must be positive, found ", in.args.f("beta"));
  PF_CHECK(in.args.f("scale") >= 0, argument, "scale must not be negative, found ", in.args.f("scale"));
  if (in.inputs() == 4) return in.set(0, Shape{}, DType::kFloat), Status();
  PF_CHECK(in.shape(4).size() == 1, shape, "d_loss must be one number, found the shape ", in.shape(4));
  return same_as_first(in);
}

constexpr auto kDeclare = [](auto& op) {
  op.arg("beta", 1.f, "Where the loss turns linear.")
      .arg("scale", 1.f, "Factor of the loss.")
      .input("Y_hat", "float [N, ...]: predictions.")
      .input("Y", "Shape of Y_hat: what they should be.")
      .input("alpha_in", "Shape of Y_hat: weights of the differences.")
      .input("alpha_out", "Shape of Y_hat: weights of the losses.");
};

PF_OP(SmoothL1Loss)
    .doc(
        "`scale / N * sum alpha_out l(alpha_in (Y_hat - Y))` with `l(d) = d^2 / (2 beta)` for `|d| < beta`, else `|d| "
        "- "
        "beta / 2`. N is the number of rows.")
    .with(kDeclare)
    .output("loss", "float scalar.")
    .shape(loss_shape)
    .grad([](Gradient& g) { g.op("SmoothL1LossGradient", {g.I(0), g.I(1), g.I(2), g.I(3), g.GO(0)}, {g.GI(0)}); })
    .cpu<SmoothL1Loss>();

PF_OP(SmoothL1LossGradient)
    .doc("Gradient of SmoothL1Loss.")
    .with(kDeclare)
    .input("d_loss", "One number: gradient of the loss.")
    .output("d_Y_hat", "Gradient of Y_hat, its shape.")
    .shape(loss_shape)
    .no_grad()
    .cpu<SmoothL1LossGradient>();

}  // namespace
}  // namespace pf
