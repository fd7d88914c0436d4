// SPDX-License-Identifier: Apache-2.0
// Pooling of quantized images: Int8AveragePool, Int8MaxPool and both with Relu. Padding takes no part.
// build: loops
#include "math/int8.h"

namespace pf {
namespace {

template <bool kAverage, bool kRelu>
struct Pool {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    WindowArgs args;
    Window w;
    uint8_t* y;
    PF_TRY(int8_in(op, 0, &x));
    PF_TRY(same_quantization(op.args, *x));
    PF_TRY(args.read(op.args));
    PF_CHECK(args.channels_last, argument, "int8 operators take images as [N, H, W, C]: order must be \"NHWC\"");
    PF_TRY(pool_window(args, x->t.shape(), 2, &w));
    const int64_t batch = x->t.dim(0), channels = x->t.dim(3);
    const int32_t low = kRelu ? x->q.zero_point : 0;
    int32_t* sums;
    PF_TRY(op.scratch(channels * thread_count(), &sums));
    PF_TRY(int8_out(op, 0, activation_shape(batch, channels, w.rank, w.out, true), x->q, &y));
    const uint8_t* in = x->t.data<uint8_t>();
    parallel_for(batch * w.out_size, 1 + 16384 / (w.taps * channels + 1), [=, &w](int64_t begin, int64_t end) {
      int32_t* sum = sums + channels * thread_index();
      for (int64_t i = begin; i < end; ++i) {
        const uint8_t* image = in + i / w.out_size * w.in_size * channels;
        const int64_t count = add_up(w, image, i % w.out_size, channels, sum);
        uint8_t* out = y + i * channels;
        for (int64_t c = 0; c < channels; ++c)
          out[c] = clamp_u8(kAverage && count ? (sum[c] + count / 2) / count : sum[c], low);
      }
    });
    return {};
  }

  // The sum, or the largest, over the window at `out`; answers how many pixels are in it.
  static int64_t add_up(const Window& w, const uint8_t* image, int64_t out, int64_t channels, int32_t* sum) {
    const int64_t top = out / w.out[1] * w.stride[0] - w.pad_head[0],
                  left = out % w.out[1] * w.stride[1] - w.pad_head[1];
    int64_t count = 0;
    for (int64_t c = 0; c < channels; ++c) sum[c] = 0;
    for (int64_t ky = 0; ky < w.kernel[0]; ++ky) {
      const int64_t row = top + ky * w.dilation[0];
      if (row < 0 || row >= w.in[0]) continue;
      for (int64_t kx = 0; kx < w.kernel[1]; ++kx) {
        const int64_t column = left + kx * w.dilation[1];
        if (column < 0 || column >= w.in[1]) continue;
        const uint8_t* from = image + (row * w.in[1] + column) * channels;
        ++count;
        for (int64_t c = 0; c < channels; ++c)
          sum[c] = kAverage ? sum[c] + from[c] : from[c] > sum[c] ? from[c] : sum[c];
      }
    }
    return count;
  }
};

constexpr auto kPool = [](auto& op) {
  op.with(window_arguments)
      .with(dilation_arguments)
      .arg("global_pooling", false, "One window over the whole image.")
      .with(kQuantized)
      .object_input("X", "int8 tensor [N, H, W, C].")
      .object_output("Y", "int8 tensor [N, H, W, C] with the scale and zero point of X.")
      .shape(no_tensor);
};

PF_OP(Int8AveragePool).doc("Rounded mean of each window.").with(kPool).cpu<Pool<true, false>>();
PF_OP(Int8AveragePoolRelu).doc("Rounded mean of each window, then Relu.").with(kPool).cpu<Pool<true, true>>();
PF_OP(Int8MaxPool).doc("The largest of each window.").with(kPool).cpu<Pool<false, false>>();
PF_OP(Int8MaxPoolRelu).doc("The largest of each window, then Relu.").with(kPool).cpu<Pool<false, true>>();

}  // namespace
}  // namespace pf
