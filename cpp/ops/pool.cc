// SPDX-License-Identifier: Apache-2.0
// MaxPool and AveragePool, their 1D, 2D, 3D kin and gradients: the maximum or mean of each window of each channel.
#include <cstring>

#include "core/op.h"
#include "math/pooling.h"

namespace pf {
namespace {

Status pool_shape(const WindowArgs& args, const Shape& x, int rank, PoolShape* out) {
  PF_TRY(pool_window(args, x, rank, &out->window));
  const Activation a(x, args.channels_last);
  out->batch = a.batch, out->channels = a.channels, out->channels_last = args.channels_last;
  return {};
}

Pool kind_of(const Args& args) { return args.schema.name[0] == 'M' ? Pool::kMax : Pool::kAverage; }

struct Forward {
  WindowArgs window;
  bool first = true;
  explicit Forward(const Args& args) : window(args) {}
  Status run(OpRun& op) {
    PoolShape s;
    PF_TRY(pool_shape(window, op.in(0).shape(), 0, &s));
    if (first && window.global && window.channels_last && op.in(0).size()) as_in_first_run(window, &s.window);
    first = false;
    float* scratch = nullptr;
    PF_TRY(op.scratch(pool_scratch(s), &scratch));
    pool_forward(kind_of(op.args), s, op.in(0).data<float>(), op.out(0).data<float>(), scratch);
    return {};
  }
};

struct Backward {
  WindowArgs window;
  bool first = true;
  explicit Backward(const Args& args) : window(args) {}
  Status run(OpRun& op) {
    PoolShape s;
    PF_TRY(pool_shape(window, op.in(0).shape(), 0, &s));
    if (first && window.global && op.in(0).size()) {
      as_in_first_run(window, &s.window);
      std::memset(op.out(0).data<float>(), 0, op.out(0).byte_size());
    }
    first = false;
    const float *x = op.in(0).data<float>(), *y = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    if (kind_of(op.args) == Pool::kMax)
      max_pool_gradient(s, x, y, dy, op.out(0).data<float>());
    else
      average_pool_gradient(s, dy, op.out(0).data<float>());
    return {};
  }
};

Status output_shape(Infer& in, Shape* y) {
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  WindowArgs window;
  PF_TRY(window.read(in.args));
  PoolShape s;
  PF_TRY(pool_shape(window, in.shape(0), rank_in_name(in.args), &s));
  *y = activation_shape(s.batch, s.channels, s.window.rank, s.window.out, s.channels_last);
  return {};
}

Status forward_shape(Infer& in) {
  Shape y;
  PF_TRY(output_shape(in, &y));
  in.set(0, y, DType::kFloat);
  return {};
}

Status gradient_shape(Infer& in) {
  Shape y;
  PF_TRY(output_shape(in, &y));
  for (int i = 1; i < 3; ++i)
    PF_CHECK(in.shape(i) == y, shape, i == 1 ? "Y" : "dY", " needs the shape of the pooled output, ", y,
             "; its shape is ", in.shape(i));
  in.set(0, in.shape(0), DType::kFloat);
  return {};
}

void gradient(Gradient& g) { g.op(g.args.def.type + "Gradient", {g.I(0), g.O(0), g.GO(0)}, {g.GI(0)}); }

void arguments(OpBuilder<Cpu>& op) {
  op.with(window_arguments).with(dilation_arguments).arg("global_pooling", false, "One window, as large as the input.");
}

void declare(OpBuilder<Cpu>& op) {
  op.with(arguments)
      .input("X", "float [N, C, H, W] or [N, H, W, C] by order, with one spatial dimension or several.")
      .output("Y", "X with each spatial dimension (in + pads - kernel) / stride + 1, rounded down.")
      .shape(forward_shape)
      .grad(gradient)
      .cpu<Forward>();
}

void declare_gradient(OpBuilder<Cpu>& op) {
  op.with(arguments)
      .input("X", "Input of the pooling.")
      .input("Y", "Its output.")
      .input("dY", "Gradient of Y.")
      .output("dX", "Gradient of X, its shape.")
      .shape(gradient_shape)
      .no_grad()
      .cpu<Backward>();
}

PF_OP(MaxPool).images(Images::kOrder).doc("Maximum over windows; padding is never the maximum.").with(declare);
PF_OP(MaxPool1D).doc("MaxPool that insists on one spatial dimension.").with(declare);
PF_OP(MaxPool2D).images(Images::kOrder).doc("MaxPool that insists on two spatial dimensions.").with(declare);
PF_OP(MaxPool3D).doc("MaxPool that insists on three spatial dimensions.").with(declare);

PF_OP(AveragePool)
    .images(Images::kOrder)
    .doc("Mean over windows. The divisor counts the inputs a window covers, not the padding.")
    .with(declare);
PF_OP(AveragePool1D).doc("AveragePool that insists on one spatial dimension.").with(declare);
PF_OP(AveragePool2D).images(Images::kOrder).doc("AveragePool that insists on two spatial dimensions.").with(declare);
PF_OP(AveragePool3D).doc("AveragePool that insists on three spatial dimensions.").with(declare);

PF_OP(MaxPoolGradient)
    .doc("Gradient of MaxPool: dY goes to every input of the window that equals its maximum.")
    .with(declare_gradient);
PF_OP(MaxPool1DGradient).doc("Gradient of MaxPool1D.").with(declare_gradient);
PF_OP(MaxPool2DGradient).doc("Gradient of MaxPool2D.").with(declare_gradient);
PF_OP(MaxPool3DGradient).doc("Gradient of MaxPool3D.").with(declare_gradient);

PF_OP(AveragePoolGradient)
    .doc("Gradient of AveragePool: dY in equal shares to the inputs its window covers.")
    .with(declare_gradient);
PF_OP(AveragePool1DGradient).doc("Gradient of AveragePool1D.").with(declare_gradient);
PF_OP(AveragePool2DGradient).doc("Gradient of AveragePool2D.").with(declare_gradient);
PF_OP(AveragePool3DGradient).doc("Gradient of AveragePool3D.").with(declare_gradient);

}  // namespace
}  // namespace pf
