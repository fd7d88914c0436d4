// SPDX-License-Identifier: Apache-2.0
// LC, LC1D, LC2D, LC3D: a convolution whose filter differs from one output pixel to the next; and their gradients.
// build: loops
#include "core/op.h"
#include "math/conv_geometry.h"

namespace pf {
namespace {

// The filter is [out…, M, C / group, kernel…], with NHWC [out…, M, kernel…, C / group].
struct Geometry : ConvShape {
  int64_t x_channel, x_pixel, y_channel, y_pixel, w_channel, w_tap;  // distances of neighbours

  Status read(const WindowArgs& args, const Shape& x, const Shape& w, int want_rank) {
    const int spatial = x.rank() - 2;
    PF_CHECK(spatial > 0 && w.rank() == 2 * spatial + 2, shape, "W must have the output's ", spatial,
             " spatial dimensions and then those of a filter, ", 2 * spatial + 2, " in all; W is ", w, ", X is ", x);
    PF_TRY(conv_shape(args, x, Shape(w.begin() + spatial, w.end()), want_rank, this));
    for (int d = 0; d < rank; ++d)
      PF_CHECK(w[d] == out[d], shape, "W must have a filter for each output pixel: its dimension ", d, " must be ",
               out[d], "; W is ", w);
    x_channel = channels_last ? 1 : in_size, x_pixel = channels_last ? in_channels : 1;
    y_channel = channels_last ? 1 : out_size, y_pixel = channels_last ? out_channels : 1;
    w_channel = channels_last ? 1 : taps, w_tap = channels_last ? in_per_group() : 1;
    return {};
  }
  // The input pixel under tap t of output pixel o, -1 in the padding.
  int64_t pixel(int64_t o, int64_t t) const {
    int64_t at = 0, step = 1;
    for (int d = rank - 1; d >= 0; --d) {
      const int64_t i = o % out[d] * stride[d] + t % kernel[d] * dilation[d] - pad_head[d];
      if (i < 0 || i >= in[d]) return -1;
      at += i * step, step *= in[d], o /= out[d], t /= kernel[d];
    }
    return at;
  }
  int64_t grain() const { return 1 + 4096 / (patch() * out_channels + 1); }

  // f(filter element, input element) for all inputs of output channel m at pixel o; input elements are of image 0.
  template <class F>
  void each_input(int64_t o, int64_t m, F f) const {
    const int64_t filter = (o * out_channels + m) * patch(), first = m / out_per_group() * in_per_group();
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t at = pixel(o, t);
      if (at < 0) continue;
      for (int64_t c = 0; c < in_per_group(); ++c)
        f(filter + c * w_channel + t * w_tap, (first + c) * x_channel + at * x_pixel);
    }
  }
  int64_t output(int64_t n, int64_t o, int64_t m) const {
    return n * out_channels * out_size + o * y_pixel + m * y_channel;
  }
};

// f(o) for each output pixel, or each image, on all threads.
template <class F>
void each(int64_t count, int64_t grain, F f) {
  parallel_for(count, grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

struct Forward {
  WindowArgs window;
  explicit Forward(const Args& args) : window(args) {}
  Status run(OpRun& op) {
    Geometry g;
    PF_TRY(g.read(window, op.in(0).shape(), op.in(1).shape(), 0));
    const float *x = op.in(0).data<float>(), *w = op.in(1).data<float>();
    const float* bias = op.inputs() > 2 ? op.in(2).data<float>() : nullptr;
    float* y = op.out(0).data<float>();
    each(g.out_size, g.grain(), [=, &g](int64_t o) {
      for (int64_t n = 0; n < g.batch; ++n) {
        const float* image = x + n * g.in_channels * g.in_size;
        for (int64_t m = 0; m < g.out_channels; ++m) {
          float sum = bias ? bias[o * g.out_channels + m] : 0.f;
          g.each_input(o, m, [&](int64_t i, int64_t j) { sum += w[i] * image[j]; });
          y[g.output(n, o, m)] = sum;
        }
      }
    });
    return {};
  }
};

// Outputs dW, [db], [dX].
bool has_bias(const Args& args) { return !args.b("no_bias"); }

struct Backward {
  WindowArgs window;
  explicit Backward(const Args& args) : window(args) {}
  Status run(OpRun& op) {
    Geometry g;
    PF_TRY(g.read(window, op.in(0).shape(), op.in(1).shape(), 0));
    const float *x = op.in(0).data<float>(), *w = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    const int bias = has_bias(op.args);
    float* dw = op.out(0).data<float>();
    float* db = bias ? op.out(1).data<float>() : nullptr;
    Cpu::fill(op, op.out(0).size(), dw, 0.f);
    each(g.out_size, g.grain(), [=, &g](int64_t o) {
      for (int64_t m = 0; m < g.out_channels; ++m) {
        float sum = 0;
        for (int64_t n = 0; n < g.batch; ++n) {
          const float d = dy[g.output(n, o, m)], *image = x + n * g.in_channels * g.in_size;
          sum += d;
          g.each_input(o, m, [=](int64_t i, int64_t j) { dw[i] += d * image[j]; });
        }
        if (db) db[o * g.out_channels + m] = sum;
      }
    });
    if (op.outputs() == 1 + bias) return {};
    float* dx = op.out(1 + bias).data<float>();
    Cpu::fill(op, op.in(0).size(), dx, 0.f);
    each(g.batch, 1, [=, &g](int64_t n) {
      float* image = dx + n * g.in_channels * g.in_size;
      for (int64_t o = 0; o < g.out_size; ++o) {
        for (int64_t m = 0; m < g.out_channels; ++m) {
          const float d = dy[g.output(n, o, m)];
          g.each_input(o, m, [=](int64_t i, int64_t j) { image[j] += d * w[i]; });
        }
      }
    });
    return {};
  }
};

Status read_geometry(Infer& in, Geometry* g, Shape* bias) {
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  WindowArgs window;
  PF_TRY(window.read(in.args));
  PF_TRY(g->read(window, in.shape(0), in.shape(1), rank_in_name(in.args)));
  *bias = Shape(g->out, g->out + g->rank);
  bias->push_back(g->out_channels);
  return {};
}

Status forward_shape(Infer& in) {
  Geometry g;
  Shape bias;
  PF_TRY(read_geometry(in, &g, &bias));
  PF_CHECK(in.inputs() < 3 || in.shape(2) == bias, shape, "b must have the shape ", bias, ", found ",
           in.shape(in.inputs() - 1));
  in.set(0, activation_shape(g.batch, g.out_channels, g.rank, g.out, g.channels_last), DType::kFloat);
  return {};
}

Status backward_shape(Infer& in) {
  Geometry g;
  Shape bias;
  PF_TRY(read_geometry(in, &g, &bias));
  const Shape y = activation_shape(g.batch, g.out_channels, g.rank, g.out, g.channels_last);
  PF_CHECK(in.shape(2) == y, shape, "dY must have the shape ", y, ", found ", in.shape(2));
  const int with_bias = has_bias(in.args);
  PF_CHECK(in.outputs() >= 1 + with_bias && in.outputs() <= 2 + with_bias, argument, "the outputs are dW, ",
           with_bias ? "db (leave it out with no_bias=1), " : "", "and dX where wanted; found ", in.outputs());
  in.set(0, in.shape(1), DType::kFloat);
  if (with_bias) in.set(1, bias, DType::kFloat);
  in.set(1 + with_bias, in.shape(0), DType::kFloat);
  return {};
}

void gradient(Gradient& g) {
  const bool bias = g.inputs() > 2;
  std::vector<std::string> outputs = {g.GI(1)};
  if (bias) outputs.push_back(g.GI(2));
  if (!g.args.b("no_gradient_to_input")) outputs.push_back(g.GI(0));
  OpDef& op = g.op((g.args.def.type + "Gradient").c_str(), {g.I(0), g.I(1), g.GO(0)}, std::move(outputs));
  if (!bias) op.set("no_bias", int64_t(1));
}

void arguments(OpBuilder<Cpu>& op) {
  op.with(window_arguments)
      .with(dilation_arguments)
      .arg("group", 1, "Channels are cut into this many groups, each on its own.")
      .arg("no_gradient_to_input", false, "Training: the gradient of X is not computed.");
}

void declare(OpBuilder<Cpu>& op) {
  op.with(arguments)
      .input("X", "float [N, C, H, W] or [N, H, W, C] by order, with one spatial dimension or several.")
      .input("W",
             "A filter for each output pixel: [out..., M, C / group, kernel...]; with NHWC [out..., M, kernel..., "
             "C / group].")
      .optional_input("b", "[out..., M], added to the output.")
      .output("Y", "[N, M, out...] or [N, out..., M], each spatial dimension (in + pads - window) / stride + 1.")
      .shape(forward_shape)
      .grad(gradient)
      .cpu<Forward>();
}

void declare_gradient(OpBuilder<Cpu>& op) {
  op.with(arguments)
      .arg("no_bias", false, "There was no b: the outputs are dW and dX.")
      .input("X", "Input of the operator.")
      .input("W", "Its filters.")
      .input("dY", "Gradient of Y.")
      .output("dW", "Gradient of W, its shape.")
      .optional_output("db_or_dX", "Gradient of b, or of X with no_bias.")
      .optional_output("dX", "Gradient of X, its shape.")
      .shape(backward_shape)
      .no_grad()
      .cpu<Backward>();
}

PF_OP(LC).doc("Locally connected layer: a convolution with another filter for each output pixel.").with(declare);
PF_OP(LC1D).doc("LC that insists on one spatial dimension.").with(declare);
PF_OP(LC2D).doc("LC that insists on two spatial dimensions.").with(declare);
PF_OP(LC3D).doc("LC that insists on three spatial dimensions.").with(declare);
PF_OP(LCGradient).doc("Gradient of LC.").with(declare_gradient);
PF_OP(LC1DGradient).doc("Gradient of LC1D.").with(declare_gradient);
PF_OP(LC2DGradient).doc("Gradient of LC2D.").with(declare_gradient);
PF_OP(LC3DGradient).doc("Gradient of LC3D.").with(declare_gradient);

}  // namespace
}  // namespace pf
