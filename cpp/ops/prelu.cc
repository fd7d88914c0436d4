// SPDX-License-Identifier: Apache-2.0
// PRelu: y = x where x > 0, y = slope x elsewhere, the slope learned for all elements or for each channel; and its
// gradient.
// build: loops
#include "core/loops.h"
#include "core/op.h"

namespace pf {
namespace {

bool channels_last(const Args& args) { return args.s("order") == "NHWC"; }

// X as [outer][channels][inner]; one slope for all makes one channel of everything.
struct Layout {
  int64_t outer = 1, channels = 1, inner = 1;
  Layout(const Shape& x, const Shape& slope, bool last) {
    if (slope.size() == 1)
      inner = x.size();
    else if (last)
      outer = x.upto(x.rank() - 1), channels = x[x.rank() - 1];
    else
      outer = x[0], channels = x[1], inner = x.from(2);
  }
};

Status check(const Infer& in, int x, int slope) {
  const std::string_view order = in.args.s("order");
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order must be NCHW or NHWC, is \"", order, "\"");
  PF_TRY(in.want_dtype(x, DType::kFloat));
  PF_TRY(in.want_dtype(slope, DType::kFloat));
  if (in.shape(slope).size() == 1) return {};
  const Shape& shape = in.shape(x);
  PF_CHECK(shape.rank() >= 2, shape, "one slope a channel needs an X of 2 dimensions or more; its shape is ", shape);
  const int64_t channels = shape[order == "NHWC" ? shape.rank() - 1 : 1];
  PF_CHECK(in.shape(slope).size() == channels, shape, "Slope must have 1 element or one for each of the ", channels,
           " channels of X ", shape, " (order ", order, "); its shape is ", in.shape(slope));
  return {};
}

Status forward_shape(Infer& in) {
  PF_TRY(check(in, 0, 1));
  return same_as_first(in);
}

Status backward_shape(Infer& in) {
  PF_TRY(check(in, 2, 3));
  for (int i = 0; i < 2; ++i) {
    PF_TRY(in.want_dtype(i, DType::kFloat));
    PF_TRY(in.want_same_shape(i, 2));
  }
  in.set(0, in.shape(2), DType::kFloat);
  in.set(1, in.shape(3), DType::kFloat);
  return {};
}

constexpr int64_t kGrain = 16384;

// Element i of `out` from element i of `value`, which is scaled where x is not positive.
struct ChannelSlope {
  const float *x, *value, *slope;
  float* out;
  int64_t channels, inner;
  PF_FN void operator()(int64_t i) const { out[i] = x[i] > 0.f ? value[i] : slope[i / inner % channels] * value[i]; }
};

// The same on the CPU, without a division for each element: one slope, channels last, channels first.
void scale_all(const Layout& at, const float* x, const float* value, const float* slope, float* out) {
  const float s = *slope;
  parallel_for(at.inner, kGrain, [=](int64_t begin, int64_t end) {
    PF_INDEPENDENT for (int64_t i = begin; i < end; ++i) out[i] = x[i] > 0.f ? value[i] : s * value[i];
  });
}
void scale_columns(const Layout& at, const float* x, const float* value, const float* slope, float* out) {
  parallel_for(at.outer, 1 + kGrain / (at.channels + 1), [=](int64_t begin, int64_t end) {
    for (int64_t from = begin * at.channels; from < end * at.channels; from += at.channels) {
      PF_INDEPENDENT for (int64_t c = 0; c < at.channels; ++c) out[from + c] =
          x[from + c] > 0.f ? value[from + c] : slope[c] * value[from + c];
    }
  });
}
void scale_rows(const Layout& at, const float* x, const float* value, const float* slope, float* out) {
  parallel_for(at.outer * at.channels, 1 + kGrain / (at.inner + 1), [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float s = slope[row % at.channels];
      PF_INDEPENDENT for (int64_t i = row * at.inner; i < (row + 1) * at.inner; ++i) out[i] =
          x[i] > 0.f ? value[i] : s * value[i];
    }
  });
}
void scale_on_cpu(const Layout& at, const float* x, const float* value, const float* slope, float* out) {
  if (at.channels == 1 && at.outer == 1)
    scale_all(at, x, value, slope, out);
  else if (at.inner == 1)
    scale_columns(at, x, value, slope, out);
  else
    scale_rows(at, x, value, slope, out);
}

template <class Device>
struct PRelu {
  bool last;
  explicit PRelu(const Args& args) : last(channels_last(args)) {}
  Status run(OpRun& op) {
    const Tensor& input = op.in(0);
    const float *x = input.data<float>(), *slope = op.in(1).data<float>();
    float* y = op.out(0).data<float>();
    const Layout at(input.shape(), op.in(1).shape(), last);
    if constexpr (Device::kIsHost)
      scale_on_cpu(at, x, x, slope, y);
    else
      Device::each(op, input.size(), ChannelSlope{x, x, slope, y, at.channels, at.inner});
    return {};
  }
};

// dSlope of each channel is the sum of x dy where x <= 0, in one pass over the elements of that channel.
void slope_gradient(const Layout& at, const float* x, const float* dy, float* d_slope) {
  parallel_for(at.channels, 1 + kGrain / (at.outer * at.inner + 1), [=](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) d_slope[c] = 0;
    for (int64_t o = 0; o < at.outer; ++o) {
      for (int64_t c = begin; c < end; ++c) {
        float sums[4] = {};
        const int64_t from = (o * at.channels + c) * at.inner;
        for (int64_t i = 0; i < at.inner; ++i) sums[i & 3] += x[from + i] > 0.f ? 0.f : x[from + i] * dy[from + i];
        d_slope[c] += sums[0] + sums[1] + (sums[2] + sums[3]);
      }
    }
  });
}

struct PReluGradient {
  bool last;
  explicit PReluGradient(const Args& args) : last(channels_last(args)) {}
  Status run(OpRun& op) {
    const float *dy = op.in(1).data<float>(), *x = op.in(2).data<float>(), *slope = op.in(3).data<float>();
    const Layout at(op.in(2).shape(), op.in(3).shape(), last);
    slope_gradient(at, x, dy, op.out(1).data<float>());
    scale_on_cpu(at, x, dy, slope, op.out(0).data<float>());
    return {};
  }
};

PF_OP(PRelu)
    .doc("Elementwise `Y = X` where `X > 0`, `Y = Slope * X` elsewhere.")
    .arg("order", "NCHW", "NCHW: channels are dimension 1; NHWC: the last dimension.")
    .input("X", "float, any shape; with one slope a channel 2 dimensions or more.")
    .input("Slope", "1 element for all of X, or one for each channel.")
    .output("Y", "Shape of X.")
    .inplace(0, 0)
    .images(Images::kOrder)
    .shape(forward_shape)
    .grad([](Gradient& g) { g.op("PReluGradient", {g.O(0), g.GO(0), g.I(0), g.I(1)}, {g.GI(0), g.GI(1)}); })
    .kernel<PRelu>();

PF_OP(PReluGradient)
    .doc(
        "Gradient of PRelu: `dX = dY` where `X > 0`, `dX = Slope * dY` elsewhere; `dSlope` sums `X * dY` over the "
        "elements of its channel where `X <= 0`.")
    .arg("order", "NCHW", "As given to PRelu.")
    .input("Y", "Output of PRelu.")
    .input("dY", "Gradient of Y.")
    .input("X", "Input of PRelu.")
    .input("Slope", "Slopes of PRelu.")
    .output("dX", "Gradient of X, shape of X.")
    .output("dSlope", "Gradient of Slope, shape of Slope.")
    .shape(backward_shape)
    .no_grad()
    .cpu<PReluGradient>();

}  // namespace
}  // namespace pf
