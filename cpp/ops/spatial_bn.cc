// SPDX-License-Identifier: Apache-2.0
// SpatialBN: y = (x - mean) / sqrt(variance + epsilon) * scale + bias for each channel; and its gradient.
#include <cmath>

#include "core/op.h"
#include "math/moments.h"
#include "math/reduce.h"

namespace pf {
namespace {

// NCHW: `outer` images of `channels` planes of `inner` elements. NHWC: `outer` rows of `channels`, inner is 1.
struct Layout {
  int64_t outer, channels, inner;
  bool channels_last;
  int64_t per_channel() const { return outer * inner; }
};

Layout layout_of(const Shape& x, const Args& args) {
  const int last = x.rank() - 1;
  if (args.s("order") == "NHWC") return {x.upto(last), x[last], 1, true};
  return {x[0], x[1], x.from(2), false};
}

// What is summed over each channel: x, or with the channels' means (x - mean)^2, or with those and dy dy (x - mean).
struct Terms {
  const float *x, *mean = nullptr, *dy = nullptr;
  // The sum over n elements of channel c.
  float plane(int64_t n, int64_t at, int64_t c) const {
    if (!mean) return sum_of(n, x + at);
    return dy ? sum_product_deviation(n, dy + at, x + at, mean[c]) : sum_square_deviation(n, x + at, mean[c]);
  }
  // Adds the sums of n rows of all channels.
  void rows(int64_t n, int64_t channels, int64_t at, float* sums) const {
    if (!mean) return add_rows(n, channels, x + at, sums);
    if (dy) return add_product_deviation(n, channels, dy + at, x + at, mean, sums);
    add_square_deviation(n, channels, x + at, mean, sums);
  }
};

// sums[c] = sum over channel c. Blocks of rows are summed apart from one another and joined in their order, so that the
// result does not depend on the number of threads.
Status channel_sums(OpRun& op, const Layout& l, float* sums, const Terms& terms) {
  const int64_t channels = l.channels;
  if (!l.channels_last) {
    parallel_for(channels, 1 + 8192 / (l.per_channel() + 1), [=](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        double sum = 0;
        for (int64_t n = 0; n < l.outer; ++n) sum += terms.plane(l.inner, (n * channels + c) * l.inner, c);
        sums[c] = float(sum);
      }
    });
    return {};
  }
  constexpr int64_t kMaxBlocks = 64;
  const int64_t least = 1 + 8192 / (channels + 1), even = (l.outer + kMaxBlocks - 1) / kMaxBlocks;
  const int64_t block = even > least ? even : least, blocks = (l.outer + block - 1) / block;
  float* partial = nullptr;
  PF_TRY(op.scratch(blocks * channels, &partial));
  parallel_for(blocks, 1, [=](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      float* mine = partial + b * channels;
      for (int64_t c = 0; c < channels; ++c) mine[c] = 0;
      const int64_t first = b * block;
      terms.rows(first + block < l.outer ? block : l.outer - first, channels, first * channels, mine);
    }
  });
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (int64_t b = 0; b < blocks; ++b) sum += partial[b * channels + c];
    sums[c] = float(sum);
  }
  return {};
}

// plane(n, offset, c) for each plane of NCHW, or rows(n, offset) for all rows of NHWC, on all threads.
template <class Plane, class Rows>
void for_channels(const Layout& l, Plane plane, Rows rows) {
  if (l.channels_last) {
    parallel_for(l.outer, 1 + 8192 / (l.channels + 1),
                 [=](int64_t begin, int64_t end) { rows(end - begin, begin * l.channels); });
  } else {
    parallel_for(l.outer * l.channels, 1 + 8192 / (l.inner + 1), [=](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) plane(l.inner, u * l.inner, u % l.channels);
    });
  }
}

struct SpatialBN {
  float epsilon, momentum;
  explicit SpatialBN(const Args& args) : epsilon(args.f("epsilon")), momentum(args.f("momentum")) {}

  // Mean and (biased) variance of this batch, or of several batches whose sums are given.
  Status batch_moments(OpRun& op, const Layout& l, float* mean, float* variance) {
    const float* x = op.in(0).data<float>();
    const double share = 1.0 / (double(op.args.i("num_batches")) * double(l.per_channel()));
    if (op.args.i("num_batches") > 1) {
      const float *sums = op.in(5).data<float>(), *squares = op.in(6).data<float>();
      for (int64_t c = 0; c < l.channels; ++c) {
        const double m = sums[c] * share;
        mean[c] = float(m), variance[c] = float(squares[c] * share - m * m);
      }
      return {};
    }
    PF_TRY(channel_sums(op, l, mean, {x}));
    for (int64_t c = 0; c < l.channels; ++c) mean[c] = float(mean[c] * share);
    PF_TRY(channel_sums(op, l, variance, {x, mean}));
    for (int64_t c = 0; c < l.channels; ++c) variance[c] = float(variance[c] * share);
    return {};
  }

  // Running moments that were never given begin with 0, as in Caffe2.
  void update_running(OpRun& op, int i, int64_t channels, const float* batch) {
    float* running = op.out(i - 2).data<float>();
    const bool there = op.in_shape(i).size() == channels;
    for (int64_t c = 0; c < channels; ++c)
      running[c] = (there ? running[c] * momentum : 0.f) + batch[c] * (1.f - momentum);
  }

  Status run(OpRun& op) {
    const Layout l = layout_of(op.in(0).shape(), op.args);
    const int64_t channels = l.channels;
    const float *scale = op.in(1).data<float>(), *bias = op.in(2).data<float>();
    const float *mean = op.in(3).data<float>(), *variance = op.in(4).data<float>();
    float *a = nullptr, *b = nullptr;
    PF_TRY(op.scratch(channels, &a));
    PF_TRY(op.scratch(channels, &b));
    if (op.args.b("is_test")) {
      for (int64_t c = 0; c < channels; ++c) a[c] = 1.f / std::sqrt(variance[c] + epsilon);
    } else {
      float *saved_mean = op.out(3).data<float>(), *saved_inverse = op.out(4).data<float>();
      if (l.per_channel() == 0) {
        for (int64_t c = 0; c < channels; ++c) saved_mean[c] = saved_inverse[c] = 0;
        return {};
      }
      PF_TRY(batch_moments(op, l, saved_mean, saved_inverse));
      update_running(op, 3, channels, saved_mean);
      update_running(op, 4, channels, saved_inverse);
      for (int64_t c = 0; c < channels; ++c) a[c] = saved_inverse[c] = 1.f / std::sqrt(saved_inverse[c] + epsilon);
      mean = saved_mean;
    }
    for (int64_t c = 0; c < channels; ++c) a[c] *= scale[c], b[c] = bias[c] - a[c] * mean[c];
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    for_channels(
        l, [=](int64_t n, int64_t at, int64_t c) { scale_shift(n, a[c], x + at, b[c], y + at); },
        [=](int64_t n, int64_t at) { scale_shift_columns(n, channels, a, x + at, b, y + at); });
    return {};
  }
};

// With r = 1 / sqrt(variance + epsilon) and M elements per channel:
//   dbias = sum dy,  dscale = sum dy (x - mean) r,  dx = scale r (dy - dbias / M - (x - mean) r dscale / M)
struct SpatialBNGradient {
  Status run(OpRun& op) {
    const Layout l = layout_of(op.in(0).shape(), op.args);
    const int64_t channels = l.channels, batches = op.args.i("num_batches");
    const float *x = op.in(0).data<float>(), *scale = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    const float *mean = op.in(3).data<float>(), *inverse = op.in(4).data<float>();
    float *dx = op.out(0).data<float>(), *dscale = op.out(1).data<float>(), *dbias = op.out(2).data<float>();
    if (batches > 1 && l.per_channel()) {
      const float *scale_sums = op.in(5).data<float>(), *bias_sums = op.in(6).data<float>();
      for (int64_t c = 0; c < channels; ++c)
        dscale[c] = scale_sums[c] / float(batches), dbias[c] = bias_sums[c] / float(batches);
    } else {
      PF_TRY(channel_sums(op, l, dbias, {dy}));
      PF_TRY(channel_sums(op, l, dscale, {x, mean, dy}));
      for (int64_t c = 0; c < channels; ++c) dscale[c] *= inverse[c];
    }
    float *a = nullptr, *b = nullptr, *shift = nullptr;
    PF_TRY(op.scratch(channels, &a));
    PF_TRY(op.scratch(channels, &b));
    PF_TRY(op.scratch(channels, &shift));
    const float share = 1.f / float(l.per_channel());
    for (int64_t c = 0; c < channels; ++c) {
      a[c] = scale[c] * inverse[c];
      b[c] = -a[c] * inverse[c] * dscale[c] * share;
      shift[c] = -a[c] * dbias[c] * share;
    }
    for_channels(
        l,
        [=](int64_t n, int64_t at, int64_t c) {
          combine_shift(n, a[c], dy + at, b[c], x + at, mean[c], shift[c], dx + at);
        },
        [=](int64_t n, int64_t at) {
          combine_shift_columns(n, channels, a, dy + at, b, x + at, mean, shift, dx + at);
        });
    return {};
  }
};

Status check_layout(Infer& in) {
  const std::string_view order = in.args.s("order");
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order must be NCHW or NHWC, found ", order);
  PF_CHECK(in.shape(0).rank() >= 3, shape, "X must have at least 3 dimensions; its shape is ", in.shape(0));
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  const int64_t batches = in.args.i("num_batches");
  PF_CHECK(batches >= 1, argument, "num_batches must be at least 1, found ", batches);
  PF_CHECK(in.inputs() == 5 || in.inputs() == 7, argument, "takes 5 inputs, or 7 with num_batches, found ",
           in.inputs());
  PF_CHECK(batches == 1 || in.inputs() == 7, argument, "num_batches ", batches,
           " needs the two inputs of sums over the batches");
  return {};
}

Status check_channels(Infer& in, int i, int64_t channels) {
  PF_CHECK(in.shape(i).size() == channels, shape, in.args.schema.input_port(i)->name,
           " must have one element for each of the ", channels, " channels (order ", in.args.s("order"), ") of X ",
           in.shape(0), ", found ", in.shape(i));
  return {};
}

Status forward_shape(Infer& in) {
  PF_TRY(check_layout(in));
  const bool test = in.args.b("is_test");
  const float momentum = in.args.f("momentum");
  PF_CHECK(in.args.f("epsilon") > 0, argument, "epsilon must be positive, found ", in.args.f("epsilon"));
  PF_CHECK(momentum >= 0 && momentum <= 1, argument, "momentum must be from 0 to 1, found ", momentum);
  PF_CHECK(in.outputs() == (test ? 1 : 5), argument,
           test ? "has 1 output with is_test" : "has 5 outputs in training (is_test is 0)", ", found ", in.outputs());
  const int64_t channels = layout_of(in.shape(0), in.args).channels;
  for (int i = 1; i < in.inputs(); ++i)
    if (test || (i != 3 && i != 4)) PF_TRY(check_channels(in, i, channels));  // in training they may still be empty
  in.set(0, in.shape(0), DType::kFloat);
  for (int j = 1; j < 5; ++j) in.set(j, Shape{channels}, DType::kFloat);
  return {};
}

Status backward_shape(Infer& in) {
  PF_TRY(check_layout(in));
  PF_TRY(in.want_same_shape(0, 2));
  const int64_t channels = layout_of(in.shape(0), in.args).channels;
  for (int i = 1; i < in.inputs(); ++i)
    if (i != 2) PF_TRY(check_channels(in, i, channels));
  in.set(0, in.shape(0), DType::kFloat);
  in.set(1, in.shape(1), DType::kFloat);
  in.set(2, in.shape(1), DType::kFloat);
  return {};
}

void make_gradient(Gradient& g) {
  const bool test = g.args.b("is_test");
  std::vector<std::string> in = {g.I(0), g.I(1), g.GO(0), test ? g.I(3) : g.O(3), test ? g.I(4) : g.O(4)};
  if (!test && g.args.i("num_batches") > 1) in.push_back(g.GI(1)), in.push_back(g.GI(2));
  g.op("SpatialBNGradient", in, {g.GI(0), g.GI(1), g.GI(2)});
}

constexpr auto kArguments = [](auto& op) {
  op.arg("is_test", false, "Use the given moments instead of those of the batch.")
      .arg("epsilon", 1e-5f, "Added to the variance.")
      .arg("momentum", 0.9f,
           "Share of the running moments that stays: running = running * momentum + batch * (1 - momentum).")
      .arg("order", "NCHW", "NCHW (channels second) or NHWC (channels last), for any number of dimensions from 3 on.")
      .arg("num_batches", 1, "Over how many batches the inputs 5 and 6 were summed.");
};

PF_OP(SpatialBN)
    .doc(
        "Batch normalisation for each of C channels: `Y = (X - mean) / sqrt(var + epsilon) * scale + bias`. "
        "In training mean and (biased) variance are those of the batch, or of num_batches batches whose sums "
        "are given, and the running ones follow them; with is_test they are inputs 3 and 4.")
    .with(kArguments)
    .input("X", "float, at least 3 dimensions in the given order.")
    .input("scale", "float [C].")
    .input("bias", "float [C].")
    .input("mean", "float [C], running mean; empty at the first training step counts as 0.")
    .input("var", "float [C], running variance.")
    .optional_input("sums", "float [C], sum of X over num_batches batches.")
    .optional_input("sumsq", "float [C], sum of X^2 over num_batches batches.")
    .output("Y", "Shape of X.")
    .optional_output("new_mean", "The blob of mean, updated (training).")
    .optional_output("new_var", "The blob of var, updated (training).")
    .optional_output("saved_mean", "float [C], mean of the batch (training).")
    .optional_output("saved_inv_std", "float [C], 1 / sqrt(variance of the batch + epsilon) (training).")
    .inplace(0, 0)
    .must_inplace(3, 1)
    .must_inplace(4, 2)
    .inplace(5, 3)
    .inplace(6, 4)
    .images(Images::kOrder)
    .shape(forward_shape)
    .grad(make_gradient)
    .cpu<SpatialBN>();

PF_OP(SpatialBNGradient)
    .doc(
        "Gradient of SpatialBN from the saved moments: `dX = scale r (dY - mean(dY) - (X - mean) r mean(dY (X"
        " - mean) r))` with `r = saved_inv_std`; `dscale = sum dY (X - mean) r`, `dbias = sum dY` over each "
        "channel.")
    .with(kArguments)
    .input("X", "The tensor given to SpatialBN.")
    .input("scale", "float [C].")
    .input("dY", "Gradient of Y, shape of X.")
    .input("saved_mean", "float [C], from SpatialBN.")
    .input("saved_inv_std", "float [C], from SpatialBN.")
    .optional_input("dscale_sums", "float [C], dscale summed over num_batches batches.")
    .optional_input("dbias_sums", "float [C], dbias summed over num_batches batches.")
    .output("dX", "Gradient of X, shape of X.")
    .output("dscale", "Gradient of scale.")
    .output("dbias", "Gradient of bias.")
    .inplace(5, 1)
    .inplace(6, 2)
    .shape(backward_shape)
    .no_grad()
    .cpu<SpatialBNGradient>();

}  // namespace
}  // namespace pf
