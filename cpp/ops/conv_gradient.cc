// SPDX-License-Identifier: Apache-2.0
// ConvGradient and its 1D, 2D, 3D kin: dW = sum of dY times patches of X, db = sum of dY, dX = dY spread by the filter.
#include "core/op.h"
#include "math/conv.h"
#include "math/conv_layout.h"
#include "math/reduce.h"
#include "math/winograd.h"

namespace pf {
namespace {

struct ConvGradient {
  WindowArgs window;
  bool has_bias;
  explicit ConvGradient(const Args& args) : window(args), has_bias(!args.b("no_bias")) {}

  Status run(OpRun& op) {
    ConvShape s;
    PF_TRY(conv_shape(window, op.in(0).shape(), op.in(1).shape(), 0, &s));
    const int dx = has_bias ? 2 : 1;
    float* const final = op.outputs() > dx ? op.out(dx).data<float>() : nullptr;
    if (winograd_gradient_pays(s)) return both(op, s, final);
    PlanesFirst planes(op, s);
    const float* dy;
    PF_TRY(planes.read(s.batch, s.out_size, s.out_channels, op.in(2).data<float>(), &dy));
    PF_TRY(filter(op, s, planes, dy));
    if (has_bias) conv_bias_gradient(s.batch, s.out_channels, s.out_size, dy, op.out(1).data<float>());
    return final ? input(op, s, planes, dy, final) : Status();
  }

  Status both(OpRun& op, const ConvShape& s, float* dx) {
    const float* dy = op.in(2).data<float>();
    float* scratch;
    PF_TRY(op.scratch(winograd_gradient_scratch(s), &scratch));
    winograd_gradient(s, op.in(0).data<float>(), op.in(1).data<float>(), dy, op.out(0).data<float>(), dx, scratch);
    if (has_bias && s.channels_last) sum_rows(s.batch * s.out_size, s.out_channels, dy, false, op.out(1).data<float>());
    if (has_bias && !s.channels_last)
      conv_bias_gradient(s.batch, s.out_channels, s.out_size, dy, op.out(1).data<float>());
    return {};
  }

  Status filter(OpRun& op, const ConvShape& s, PlanesFirst& planes, const float* dy) {
    const float* x;
    float *dw, *scratch, *final = op.out(0).data<float>();
    PF_TRY(planes.read(s.batch, s.in_size, s.in_channels, op.in(0).data<float>(), &x));
    PF_TRY(planes.room(s.out_channels * s.patch(), final, &dw));
    PF_TRY(op.scratch(conv_filter_gradient_scratch(s), &scratch));
    conv_filter_gradient(s, x, dy, dw, scratch);
    planes.write(s.out_channels, s.taps, s.in_per_group(), dw, final);
    return {};
  }

  Status input(OpRun& op, const ConvShape& s, PlanesFirst& planes, const float* dy, float* final) {
    const float* w;
    float *dx, *scratch;
    PF_TRY(planes.read_filter(op.in(1).data<float>(), &w));
    PF_TRY(planes.room(s.batch * s.in_channels * s.in_size, final, &dx));
    PF_TRY(op.scratch(conv_input_gradient_scratch(s), &scratch));
    conv_input_gradient(s, w, dy, dx, scratch);
    planes.write(s.batch, s.in_size, s.in_channels, dx, final);
    return {};
  }
};

Status shape(Infer& in) {
  for (int i = 0; i < 3; ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  WindowArgs window;
  PF_TRY(window.read(in.args));
  ConvShape s;
  PF_TRY(conv_shape(window, in.shape(0), in.shape(1), rank_in_name(in.args), &s));
  const Shape y = activation_shape(s.batch, s.out_channels, s.rank, s.out, s.channels_last);
  PF_CHECK(in.shape(2) == y, shape, "dY needs the shape of the convolution's output, ", y, "; its shape is ",
           in.shape(2));
  const bool has_bias = !in.args.b("no_bias");
  PF_CHECK(in.outputs() >= (has_bias ? 2 : 1) && in.outputs() <= (has_bias ? 3 : 2), argument,
           "with no_bias=", has_bias ? 0 : 1, " the outputs are ",
           has_bias ? "dW, db and, if wanted, dX" : "dW and, if wanted, dX", "; there are ", in.outputs());
  in.set(0, in.shape(1), DType::kFloat);
  if (has_bias) in.set(1, {s.out_channels}, DType::kFloat);
  in.set(has_bias ? 2 : 1, in.shape(0), DType::kFloat);
  return {};
}

void declare(OpBuilder<Cpu>& op) {
  op.with(window_arguments)
      .with(dilation_arguments)
      .arg("group", 1, "As in the convolution.")
      .arg("no_bias", false, "There is no db: the outputs are dW and, if wanted, dX.")
      .input("X", "Input of the convolution.")
      .input("W", "Its filter.")
      .input("dY", "Gradient of its output.")
      .output("dW", "Gradient of W.")
      .optional_output("db", "[M], gradient of the bias; with no_bias, this is dX.")
      .optional_output("dX", "Gradient of X.")
      .shape(shape)
      .no_grad()
      .cpu<ConvGradient>();
}

PF_OP(ConvGradient)
    .doc("Gradient of Conv: of the filter, of the bias unless no_bias, and of the input if it has an output.")
    .with(declare);
PF_OP(Conv1DGradient).doc("Gradient of Conv1D.").with(declare);
PF_OP(Conv2DGradient).doc("Gradient of Conv2D.").with(declare);
PF_OP(Conv3DGradient).doc("Gradient of Conv3D.").with(declare);

}  // namespace
}  // namespace pf
