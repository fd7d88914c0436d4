// SPDX-License-Identifier: Apache-2.0
// ConvTranspose: Y is to X as the input of a convolution with the filter W is to its output, run backwards; and its
// gradient, which is that convolution run forwards.
#include "core/op.h"
#include "core/simd.h"
#include "math/conv.h"
#include "math/conv_layout.h"

namespace pf {
namespace {

// Below, `s` is that convolution: s.in is our output, s.out our input, s.out_channels our input channels.

// y[n, c, p] += bias[c]
void add_bias(const ConvShape& s, const float* bias, float* y) {
  parallel_for(s.batch * s.in_channels, 1 + 16384 / (s.in_size + 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* plane = y + i * s.in_size;
      const float b = bias[i % s.in_channels];
      for (int64_t p = 0; p < s.in_size; ++p) plane[p] += b;
    }
  });
}

struct ConvTranspose {
  WindowArgs window;
  explicit ConvTranspose(const Args& args) : window(args) {}

  Status run(OpRun& op) {
    ConvShape s;
    PF_TRY(conv_transpose_shape(window, op.in(0).shape(), op.in(1).shape(), &s));
    PlanesFirst planes(op, s);
    const float *x, *w;
    float *y, *scratch, *final = op.out(0).data<float>();
    PF_TRY(planes.read(s.batch, s.out_size, s.out_channels, op.in(0).data<float>(), &x));
    PF_TRY(planes.read_filter(op.in(1).data<float>(), &w));
    PF_TRY(planes.room(s.batch * s.in_channels * s.in_size, final, &y));
    PF_TRY(op.scratch(conv_input_gradient_scratch(s), &scratch));
    conv_input_gradient(s, w, x, y, scratch);
    if (op.inputs() > 2) add_bias(s, op.in(2).data<float>(), y);
    planes.write(s.batch, s.in_size, s.in_channels, y, final);
    return {};
  }
};

struct ConvTransposeGradient {
  WindowArgs window;
  bool has_bias;
  explicit ConvTransposeGradient(const Args& args) : window(args), has_bias(!args.b("no_bias")) {}

  Status run(OpRun& op) {
    ConvShape s;
    PF_TRY(conv_transpose_shape(window, op.in(0).shape(), op.in(1).shape(), &s));
    PlanesFirst planes(op, s);
    const float *x, *dy;
    float *dw, *scratch, *final = op.out(0).data<float>();
    PF_TRY(planes.read(s.batch, s.out_size, s.out_channels, op.in(0).data<float>(), &x));
    PF_TRY(planes.read(s.batch, s.in_size, s.in_channels, op.in(2).data<float>(), &dy));
    PF_TRY(planes.room(s.out_channels * s.patch(), final, &dw));
    PF_TRY(op.scratch(conv_filter_gradient_scratch(s), &scratch));
    conv_filter_gradient(s, dy, x, dw, scratch);
    planes.write(s.out_channels, s.taps, s.in_channels, dw, final);
    if (has_bias) conv_bias_gradient(s.batch, s.in_channels, s.in_size, dy, op.out(1).data<float>());
    const int dx = has_bias ? 2 : 1;
    return op.outputs() > dx ? input(op, s, op.out(dx).data<float>()) : Status();
  }

  // dX is the convolution of dY, in whatever order both have.
  static Status input(OpRun& op, const ConvShape& s, float* dx) {
    float *packed = nullptr, *scratch = nullptr;
    PF_TRY(op.scratch(conv_packed_size(s), &packed));
    PF_TRY(op.scratch(conv_forward_scratch(s), &scratch));
    conv_pack(s, op.in(1).data<float>(), nullptr, packed);
    conv_forward(s, op.in(2).data<float>(), packed, {}, dx, scratch);
    return {};
  }
};

// The geometry, and the shape of the transposed convolution's output.
Status geometry(Infer& in, ConvShape* s, Shape* y) {
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  WindowArgs window;
  PF_TRY(window.read(in.args));
  PF_TRY(conv_transpose_shape(window, in.shape(0), in.shape(1), s));
  *y = activation_shape(s->batch, s->in_channels, s->rank, s->in, s->channels_last);
  return {};
}

Status forward_shape(Infer& in) {
  ConvShape s;
  Shape y;
  PF_TRY(geometry(in, &s, &y));
  if (in.inputs() > 2) {
    PF_CHECK(in.shape(2) == Shape{s.in_channels}, shape, "b needs the shape [", s.in_channels,
             "], one number per output channel of W; its shape is ", in.shape(2));
  }
  in.set(0, y, DType::kFloat);
  return {};
}

Status gradient_shape(Infer& in) {
  ConvShape s;
  Shape y;
  PF_TRY(geometry(in, &s, &y));
  PF_CHECK(in.shape(2) == y, shape, "dY needs the shape of the output, ", y, "; its shape is ", in.shape(2));
  const bool has_bias = !in.args.b("no_bias");
  PF_CHECK(in.outputs() >= (has_bias ? 2 : 1) && in.outputs() <= (has_bias ? 3 : 2), argument,
           "with no_bias=", has_bias ? 0 : 1, " the outputs are ",
           has_bias ? "dW, db and, if wanted, dX" : "dW and, if wanted, dX", "; there are ", in.outputs());
  in.set(0, in.shape(1), DType::kFloat);
  if (has_bias) in.set(1, {s.in_channels}, DType::kFloat);
  in.set(has_bias ? 2 : 1, in.shape(0), DType::kFloat);
  return {};
}

void gradient(Gradient& g) {
  const bool has_bias = g.inputs() > 2;
  std::vector<std::string> outputs = {g.GI(1)};
  if (has_bias) outputs.push_back(g.GI(2));
  if (!g.args.b("no_gradient_to_input")) outputs.push_back(g.GI(0));
  OpDef& op = g.op("ConvTransposeGradient", {g.I(0), g.I(1), g.GO(0)}, outputs);
  if (!has_bias) op.set("no_bias", int64_t(1));
}

void adjust_arguments(OpBuilder<Cpu>& op) {
  op.optional_arg("adj", ArgType::kInt, "Extra size at the end of the output (0), below stride, in both dimensions.")
      .optional_arg("adj_h", ArgType::kInt, "Extra height; with adj_w.")
      .optional_arg("adj_w", ArgType::kInt, "Extra width; with adj_h.")
      .optional_arg("adjs", ArgType::kInts, "Extra sizes, one number per spatial dimension.");
}

PF_OP(ConvTranspose)
    .doc("Transposed convolution in two dimensions: each input pixel adds its filter to the output, stride apart.")
    .with(window_arguments)
    .with(adjust_arguments)
    .arg("no_gradient_to_input", false, "Training: the gradient of X is not computed.")
    .input("X", "float [N, C, H, W] or [N, H, W, C] by order.")
    .input("W", "Filter [C, M, kernel_h, kernel_w]; with NHWC [C, kernel_h, kernel_w, M].")
    .optional_input("b", "[M], added to each output channel.")
    .output("Y", "[N, M, …] or [N, …, M], each spatial dimension (in - 1) * stride + kernel + adj - pads.")
    .shape(forward_shape)
    .grad(gradient)
    .cpu<ConvTranspose>();

PF_OP(ConvTransposeGradient)
    .doc("Gradient of ConvTranspose: of the filter, of the bias unless no_bias, and of the input if it has an output.")
    .with(window_arguments)
    .with(adjust_arguments)
    .arg("no_bias", false, "There is no db: the outputs are dW and, if wanted, dX.")
    .input("X", "Input of ConvTranspose.")
    .input("W", "Its filter.")
    .input("dY", "Gradient of its output.")
    .output("dW", "Gradient of W.")
    .optional_output("db", "[M], gradient of the bias; with no_bias, this is dX.")
    .optional_output("dX", "Gradient of X.")
    .shape(gradient_shape)
    .no_grad()
    .cpu<ConvTransposeGradient>();

}  // namespace
}  // namespace pf
