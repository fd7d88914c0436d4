// SPDX-License-Identifier: Apache-2.0
// InstanceNorm: y = (x - mean) / sqrt(variance + epsilon) * scale + bias for each channel of each image, with the
// image's own moments; and its gradient.
#include <cmath>

#include "core/op.h"
#include "math/moments.h"
#include "math/reduce.h"

namespace pf {
namespace {

struct Layout {
  int64_t images, channels, inner;  // inner: elements of one channel of one image
  bool channels_last;
  int64_t grain() const { return 1 + 8192 / (inner * (channels_last ? channels : 1) + 1); }
};

Layout layout_of(const Shape& x, const Args& args) {
  const int last = x.rank() - 1;
  if (args.s("order") != "NHWC") return {x[0], x[1], x.from(2), false};
  int64_t inner = 1;
  for (int i = 1; i < last; ++i) inner *= x[i];
  return {x[0], x[last], inner, true};
}

// mean[k] and inverse[k] = 1 / sqrt(variance + epsilon) of channel k % channels of image k / channels.
void moments(const Layout& l, float epsilon, const float* x, float* mean, float* inverse) {
  const float share = 1.f / float(l.inner);
  auto finish = [=](int64_t k) { inverse[k] = 1.f / std::sqrt(inverse[k] * share + epsilon); };
  if (!l.channels_last) {
    parallel_for(l.images * l.channels, l.grain(), [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        mean[k] = sum_of(l.inner, x + k * l.inner) * share;
        inverse[k] = sum_square_deviation(l.inner, x + k * l.inner, mean[k]);
        finish(k);
      }
    });
    return;
  }
  parallel_for(l.images, l.grain(), [=](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float* image = x + n * l.inner * l.channels;
      float *m = mean + n * l.channels, *v = inverse + n * l.channels;
      for (int64_t c = 0; c < l.channels; ++c) m[c] = v[c] = 0;
      add_rows(l.inner, l.channels, image, m);
      for (int64_t c = 0; c < l.channels; ++c) m[c] *= share;
      add_square_deviation(l.inner, l.channels, image, m, v);
      for (int64_t c = 0; c < l.channels; ++c) finish(n * l.channels + c);
    }
  });
}

struct InstanceNorm {
  Status run(OpRun& op) {
    const Layout l = layout_of(op.in(0).shape(), op.args);
    const int64_t count = l.images * l.channels;
    const float *x = op.in(0).data<float>(), *scale = op.in(1).data<float>(), *bias = op.in(2).data<float>();
    float *y = op.out(0).data<float>(), *mean = nullptr, *inverse = nullptr, *a = nullptr, *b = nullptr;
    if (op.outputs() > 1)
      mean = op.out(1).data<float>();
    else
      PF_TRY(op.scratch(count, &mean));
    if (op.outputs() > 2)
      inverse = op.out(2).data<float>();
    else
      PF_TRY(op.scratch(count, &inverse));
    PF_TRY(op.scratch(count, &a));
    PF_TRY(op.scratch(count, &b));
    moments(l, op.args.f("epsilon"), x, mean, inverse);
    for (int64_t k = 0; k < count; ++k) {
      a[k] = inverse[k] * scale[k % l.channels];
      b[k] = bias[k % l.channels] - mean[k] * a[k];
    }
    if (l.channels_last) {
      parallel_for(l.images * l.inner, 1 + 8192 / (l.channels + 1), [=](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const int64_t k = r / l.inner * l.channels, at = r * l.channels;
          scale_shift_columns(1, l.channels, a + k, x + at, b + k, y + at);
        }
      });
    } else {
      parallel_for(count, l.grain(), [=](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) scale_shift(l.inner, a[k], x + k * l.inner, b[k], y + k * l.inner);
      });
    }
    return {};
  }
};

// Sums over one channel of one image: s = sum dy, p = sum dy (x - mean). With r = 1 / sqrt(variance + epsilon):
//   dx = scale r (dy - s / inner - (x - mean) r^2 p / inner),  dscale = sum over images of p r,  dbias = that of s
struct InstanceNormGradient {
  Status run(OpRun& op) {
    const Layout l = layout_of(op.in(0).shape(), op.args);
    const int64_t channels = l.channels, count = l.images * channels;
    const float *x = op.in(0).data<float>(), *scale = op.in(1).data<float>(), *dy = op.in(3).data<float>();
    float *dx = op.out(0).data<float>(), *dscale = op.out(1).data<float>(), *dbias = op.out(2).data<float>();
    float *s = nullptr, *p = nullptr, *own_mean = nullptr, *own_inverse = nullptr;
    PF_TRY(op.scratch(count, &s));
    PF_TRY(op.scratch(count, &p));
    if (op.inputs() < 6) {
      PF_TRY(op.scratch(count, &own_mean));
      PF_TRY(op.scratch(count, &own_inverse));
      moments(l, op.args.f("epsilon"), x, own_mean, own_inverse);
    }
    const float* mean = op.inputs() > 4 ? op.in(4).data<float>() : own_mean;
    const float* inverse = op.inputs() > 5 ? op.in(5).data<float>() : own_inverse;
    const float share = 1.f / float(l.inner);
    if (l.channels_last) {
      float* a = nullptr;
      PF_TRY(op.scratch(count, &a));
      parallel_for(l.images, l.grain(), [=](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
          const int64_t first = n * channels, at = first * l.inner;
          for (int64_t k = first; k < first + channels; ++k) s[k] = p[k] = 0;
          add_rows(l.inner, channels, dy + at, s + first);
          add_product_deviation(l.inner, channels, dy + at, x + at, mean + first, p + first);
        }
      });
      sum_images(l, s, p, inverse, dscale, dbias);
      for (int64_t k = 0; k < count; ++k) {
        a[k] = scale[k % channels] * inverse[k];
        s[k] *= -a[k] * share;
        p[k] *= -a[k] * inverse[k] * inverse[k] * share;
      }
      parallel_for(l.images * l.inner, 1 + 8192 / (channels + 1), [=](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const int64_t k = r / l.inner * channels, at = r * channels;
          combine_shift_columns(1, channels, a + k, dy + at, p + k, x + at, mean + k, s + k, dx + at);
        }
      });
    } else {
      parallel_for(count, l.grain(), [=](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
          const int64_t at = k * l.inner;
          s[k] = sum_of(l.inner, dy + at);
          p[k] = sum_product_deviation(l.inner, dy + at, x + at, mean[k]);
          const float a = scale[k % channels] * inverse[k];
          combine_shift(l.inner, a, dy + at, -a * inverse[k] * inverse[k] * p[k] * share, x + at, mean[k],
                        -a * s[k] * share, dx + at);
        }
      });
      sum_images(l, s, p, inverse, dscale, dbias);
    }
    return {};
  }

  static void sum_images(const Layout& l, const float* s, const float* p, const float* inverse, float* dscale,
                         float* dbias) {
    for (int64_t c = 0; c < l.channels; ++c) {
      double scale_sum = 0, bias_sum = 0;
      for (int64_t k = c; k < l.images * l.channels; k += l.channels)
        scale_sum += double(p[k]) * inverse[k], bias_sum += s[k];
      dscale[c] = float(scale_sum), dbias[c] = float(bias_sum);
    }
  }
};

Status check_inputs(Infer& in, int64_t* channels) {
  const std::string_view order = in.args.s("order");
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order must be NCHW or NHWC, found ", order);
  PF_CHECK(in.shape(0).rank() >= 3, shape, "X must have at least 3 dimensions; its shape is ", in.shape(0));
  PF_CHECK(in.args.f("epsilon") >= 0, argument, "epsilon must not be negative, found ", in.args.f("epsilon"));
  for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
  *channels = layout_of(in.shape(0), in.args).channels;
  for (int i = 1; i < 3; ++i)
    PF_CHECK(in.shape(i).size() == *channels, shape, i == 1 ? "scale" : "bias",
             " must have one element for each of the ", *channels, " channels (order ", order, ") of X ", in.shape(0),
             ", found ", in.shape(i));
  return {};
}

constexpr auto kArguments = [](auto& op) {
  op.arg("epsilon", 1e-5f, "Added to the variance.")
      .arg("order", "NCHW", "NCHW (channels second) or NHWC (channels last), for any number of dimensions from 3 on.");
};

PF_OP(InstanceNorm)
    .doc(
        "Normalises each channel of each image by its own moments: `Y = (X - mean) / sqrt(var + epsilon) * "
        "scale + bias`.")
    .with(kArguments)
    .input("X", "float, at least 3 dimensions in the given order.")
    .input("scale", "float [C].")
    .input("bias", "float [C].")
    .output("Y", "Shape of X.")
    .optional_output("saved_mean", "float [N, C].")
    .optional_output("saved_inv_stdev", "float [N, C], `1 / sqrt(var + epsilon)`.")
    .inplace(0, 0)
    .shape([](Infer& in) -> Status {
      int64_t channels = 0;
      PF_TRY(check_inputs(in, &channels));
      in.set(0, in.shape(0), DType::kFloat);
      in.set(1, Shape{in.shape(0)[0], channels}, DType::kFloat);
      in.set(2, Shape{in.shape(0)[0], channels}, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) {
      std::vector<std::string> in = {g.I(0), g.I(1), g.I(2), g.GO(0)};
      for (int j = 1; j < g.outputs(); ++j) in.push_back(g.O(j));
      g.op("InstanceNormGradient", in, {g.GI(0), g.GI(1), g.GI(2)});
    })
    .cpu<InstanceNorm>();

PF_OP(InstanceNormGradient)
    .doc(
        "Gradient of InstanceNorm; moments that are not given are computed again. With `r = saved_inv_stdev`:"
        " `dX = scale r (dY - mean(dY) - (X - mean) r mean(dY (X - mean) r))`.")
    .with(kArguments)
    .input("X", "The tensor given to InstanceNorm.")
    .input("scale", "float [C].")
    .input("bias", "float [C].")
    .input("dY", "Gradient of Y, shape of X.")
    .optional_input("saved_mean", "float [N, C], from InstanceNorm.")
    .optional_input("saved_inv_stdev", "float [N, C], from InstanceNorm.")
    .output("dX", "Gradient of X, shape of X.")
    .output("dscale", "Gradient of scale.")
    .output("dbias", "Gradient of bias.")
    .shape([](Infer& in) -> Status {
      int64_t channels = 0;
      PF_TRY(check_inputs(in, &channels));
      PF_TRY(in.want_same_shape(0, 3));
      for (int i = 4; i < in.inputs(); ++i)
        PF_CHECK(in.shape(i).size() == in.shape(0)[0] * channels, shape, in.args.schema.input_port(i)->name,
                 " must have the shape ", Shape{in.shape(0)[0], channels}, ", found ", in.shape(i));
      for (int j = 0; j < 3; ++j) in.set(j, in.shape(j), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<InstanceNormGradient>();

}  // namespace
}  // namespace pf
