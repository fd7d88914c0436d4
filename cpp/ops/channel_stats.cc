// SPDX-License-Identifier: Apache-2.0
// ChannelStats and ChannelBackpropStats: the sums over each channel that batch normalisation over several devices adds
// up.
// build: loops
#include "core/op.h"
#include "math/moments.h"
#include "math/reduce.h"

namespace pf {
namespace {

struct Channels {
  int64_t batch, count, pixels;
  explicit Channels(const Shape& x) : batch(x[0]), count(x[1]), pixels(x.from(2)) {}
};

// f(offset of the plane, its size, sums) for each image of each channel.
template <class F>
void each_plane(const Channels& c, float* first, float* second, F f) {
  parallel_for(c.count, 1 + 4096 / (c.batch * c.pixels + 1), [=](int64_t begin, int64_t end) {
    for (int64_t channel = begin; channel < end; ++channel) {
      double sums[2] = {0, 0};
      for (int64_t i = 0; i < c.batch; ++i) f(channel, (i * c.count + channel) * c.pixels, sums);
      first[channel] = float(sums[0]), second[channel] = float(sums[1]);
    }
  });
}

struct ChannelStats {
  Status run(OpRun& op) {
    const Channels c(op.in(0).shape());
    const float* x = op.in(0).data<float>();
    each_plane(c, op.out(0).data<float>(), op.out(1).data<float>(), [=](int64_t, int64_t at, double* sums) {
      sums[0] += sum_of(c.pixels, x + at);
      sums[1] += dot(c.pixels, x + at, x + at);
    });
    return {};
  }
};

struct ChannelBackpropStats {
  Status run(OpRun& op) {
    const Channels c(op.in(0).shape());
    const float *x = op.in(0).data<float>(), *mean = op.in(1).data<float>(), *inverse = op.in(2).data<float>();
    const float* dy = op.in(3).data<float>();
    each_plane(c, op.out(0).data<float>(), op.out(1).data<float>(), [=](int64_t channel, int64_t at, double* sums) {
      sums[0] += sum_product_deviation(c.pixels, dy + at, x + at, mean[channel]) * inverse[channel];
      sums[1] += sum_of(c.pixels, dy + at);
    });
    return {};
  }
};

Status stats_shape(Infer& in) {
  const Shape& x = in.shape(0);
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  PF_CHECK(x.rank() >= 2, shape, "X must have a batch and channels, its shape is ", x);
  for (int i = 1; i < in.inputs() - 1; ++i)
    PF_CHECK(in.shape(i).size() == x[1], shape, "there must be one ", i == 1 ? "mean" : "inv_std", " for each of the ",
             x[1], " channels, found the shape ", in.shape(i));
  if (in.inputs() > 1) PF_TRY(in.want_same_shape(0, 3));
  for (int j = 0; j < 2; ++j) in.set(j, Shape{x[1]}, DType::kFloat);
  return {};
}

PF_OP(ChannelStats)
    .doc("Sum and sum of squares of each channel.")
    .input("X", "float [N, C, ...].")
    .output("sum", "float [C].")
    .output("sumsq", "float [C].")
    .shape(stats_shape)
    .refuse_grad("its sums go into SpatialBN, whose gradient covers them")
    .cpu<ChannelStats>();

PF_OP(ChannelBackpropStats)
    .doc(
        "Gradients of scale and bias of a batch normalisation over this batch: `scale_grad_c = sum dY (X - mean_c) "
        "inv_std_c`, `bias_grad_c = sum dY`.")
    .input("X", "float [N, C, ...].")
    .input("mean", "float [C].")
    .input("inv_std", "float [C].")
    .input("dY", "Shape of X.")
    .output("scale_grad", "float [C].")
    .output("bias_grad", "float [C].")
    .shape(stats_shape)
    .refuse_grad("it is part of a gradient itself")
    .cpu<ChannelBackpropStats>();

}  // namespace
}  // namespace pf
