// SPDX-License-Identifier: Apache-2.0
// AffineChannel: y = scale x + bias with numbers of each channel, as a batch normalisation that learns no more; and its
// gradient.
// build: loops
#include "core/op.h"
#include "math/planes.h"

namespace pf {
namespace {

// Elements as [outer][channels][inner].
struct Channels {
  int64_t outer, count, inner;
  Channels(const Shape& x, bool last)
      : outer(last ? x.upto(x.rank() - 1) : x[0]), count(x[last ? x.rank() - 1 : 1]), inner(last ? 1 : x.from(2)) {}
  int64_t channel(int64_t i) const { return i / inner % count; }
};

struct AffineChannel {
  Status run(OpRun& op) {
    const Channels c(op.in(0).shape(), is_channels_last(op.args));
    const float *x = op.in(0).data<float>(), *scale = op.in(1).data<float>(), *bias = op.in(2).data<float>();
    float* y = op.out(0).data<float>();
    Cpu::each(op, op.in(0).size(), [=](int64_t i) { y[i] = x[i] * scale[c.channel(i)] + bias[c.channel(i)]; });
    return {};
  }
};

struct AffineChannelGradient {
  Status run(OpRun& op) {
    const Channels c(op.in(0).shape(), is_channels_last(op.args));
    const float *dy = op.in(0).data<float>(), *scale = op.in(1).data<float>();
    if (op.args.b("is_learnable")) {
      const float* x = op.in(2).data<float>();
      float *dscale = op.out(1).data<float>(), *dbias = op.out(2).data<float>();
      parallel_for(c.count, 1, [=](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
          double product = 0, sum = 0;
          for (int64_t o = 0; o < c.outer; ++o) {
            for (int64_t i = (o * c.count + k) * c.inner; i < (o * c.count + k + 1) * c.inner; ++i)
              product += double(dy[i]) * x[i], sum += dy[i];
          }
          dscale[k] = float(product), dbias[k] = float(sum);
        }
      });
    }
    float* dx = op.out(0).data<float>();  // may be dy
    Cpu::each(op, op.in(0).size(), [=](int64_t i) { dx[i] = dy[i] * scale[c.channel(i)]; });
    return {};
  }
};

Status channels_shape(Infer& in, int parameters) {
  const std::string_view order = in.args.s("order");
  const Shape& x = in.shape(0);
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order must be NCHW or NHWC, is \"", order, "\"");
  PF_CHECK(x.rank() >= 2, shape, "the first input must have a batch and channels, its shape is ", x);
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  const int64_t channels = Channels(x, order == "NHWC").count;
  for (int i = 1; i <= parameters; ++i)
    PF_CHECK(in.shape(i).size() == channels, shape, "there must be one ", i == 1 ? "scale" : "bias",
             " for each of the ", channels, " channels, found the shape ", in.shape(i));
  return {};
}

PF_OP(AffineChannel)
    .doc("`Y = scale_c X + bias_c` with one scale and bias for each channel.")
    .arg("is_learnable", false, "Training: scale and bias get gradients too.")
    .arg("order", "NCHW", "NCHW or NHWC: channels first or last.")
    .input("X", "float [N, C, ...] or [N, ..., C] by order.")
    .input("scale", "float [C].")
    .input("bias", "float [C].")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      PF_TRY(channels_shape(in, 2));
      return same_as_first(in);
    })
    .grad([](Gradient& g) {
      if (g.args.b("is_learnable"))
        g.op("AffineChannelGradient", {g.GO(0), g.I(1), g.I(0)}, {g.GI(0), g.GI(1), g.GI(2)});
      else
        g.op("AffineChannelGradient", {g.GO(0), g.I(1)}, {g.GI(0)});
    })
    .cpu<AffineChannel>();

PF_OP(AffineChannelGradient)
    .doc("Gradient of AffineChannel: `dX = scale_c dY`, `d_scale_c = sum dY X`, `d_bias_c = sum dY`.")
    .arg("is_learnable", false, "As given to AffineChannel.")
    .arg("order", "NCHW", "As given to AffineChannel.")
    .input("dY", "Gradient of Y.")
    .input("scale", "float [C].")
    .optional_input("X", "Input of AffineChannel; needed when is_learnable.")
    .output("dX", "Gradient of X, its shape.")
    .optional_output("d_scale", "When is_learnable: gradient of the scale.")
    .optional_output("d_bias", "When is_learnable: gradient of the bias.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      const bool learn = in.args.b("is_learnable");
      PF_TRY(channels_shape(in, 1));
      PF_CHECK(in.inputs() == 2 + learn && in.outputs() == (learn ? 3 : 1), argument, "with is_learnable=", int(learn),
               " there must be ", 2 + learn, " inputs and ", learn ? 3 : 1, " outputs, found ", in.inputs(), " and ",
               in.outputs());
      if (learn) PF_TRY(in.want_same_shape(0, 2));
      in.set(0, in.shape(0), DType::kFloat);
      for (int j = 1; j < 3; ++j) in.set(j, in.shape(1), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<AffineChannelGradient>();

}  // namespace
}  // namespace pf
