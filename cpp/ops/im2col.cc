// SPDX-License-Identifier: Apache-2.0
// Im2Col writes the window of every output pixel of a convolution out as channels; Col2Im adds them back up. Each is
// the other's gradient.
// build: loops
#include "core/op.h"
#include "math/conv_geometry.h"

namespace pf {
namespace {

// The convolution these columns are for: one output channel.
Status read_geometry(const WindowArgs& args, const Shape& image, ConvShape* out) {
  PF_CHECK(image.rank() == 4, shape, "the image must have 4 dimensions, its shape is ", image);
  PF_CHECK(args.rank == 2, argument, "the window must have 2 dimensions, has ", args.rank);
  const int64_t channels = image[args.channels_last ? 3 : 1];
  const Shape filter = activation_shape(1, channels, 2, args.kernel, args.channels_last);
  PF_TRY(conv_shape(args, image, filter, 2, out));
  return {};
}

Shape columns_shape(const ConvShape& s) {
  return activation_shape(s.batch, saturating_product(s.in_channels, s.taps), 2, s.out, s.channels_last);
}

// f(index in the image or -1 for padding, index in the columns) for all elements of plane k, a channel of an image.
template <class F>
void each_element(const ConvShape& s, int64_t k, F f) {
  const int64_t image = k / s.in_channels, channel = k % s.in_channels, width = s.in_channels * s.taps;
  for (int64_t tap = 0; tap < s.taps; ++tap) {
    for (int64_t o = 0; o < s.out_size; ++o) {
      const int64_t row = o / s.out[1] * s.stride[0] + tap / s.kernel[1] * s.dilation[0] - s.pad_head[0];
      const int64_t column = o % s.out[1] * s.stride[1] + tap % s.kernel[1] * s.dilation[1] - s.pad_head[1];
      const bool inside = row >= 0 && row < s.in[0] && column >= 0 && column < s.in[1];
      const int64_t pixel = row * s.in[1] + column;
      if (s.channels_last)
        f(inside ? (image * s.in_size + pixel) * s.in_channels + channel : -1,
          (image * s.out_size + o) * width + tap * s.in_channels + channel);
      else
        f(inside ? k * s.in_size + pixel : -1, (image * width + channel * s.taps + tap) * s.out_size + o);
    }
  }
}

template <class F>
void each_plane(const ConvShape& s, F f) {
  parallel_for(s.batch * s.in_channels, 1 + 4096 / (s.taps * s.out_size + 1), [=](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) f(k);
  });
}

struct Im2Col {
  WindowArgs window;
  explicit Im2Col(const Args& args) : window(args) {}
  Status run(OpRun& op) {
    ConvShape s;
    PF_TRY(read_geometry(window, op.in(0).shape(), &s));
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    each_plane(s, [=, &s](int64_t k) {
      each_element(s, k, [=](int64_t from, int64_t to) { y[to] = from < 0 ? 0.f : x[from]; });
    });
    return {};
  }
};

struct Col2Im {
  WindowArgs window;
  explicit Col2Im(const Args& args) : window(args) {}
  Status run(OpRun& op) {
    ConvShape s;
    PF_TRY(read_geometry(window, op.out(0).shape(), &s));
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    Cpu::fill(op, op.out(0).size(), y, 0.f);
    each_plane(s, [=, &s](int64_t k) {
      each_element(s, k, [=](int64_t to, int64_t from) {
        if (to >= 0) y[to] += x[from];
      });
    });
    return {};
  }
};

PF_OP(Im2Col)
    .doc("The inputs of every window as channels: a convolution is then a matrix product.")
    .with(window_arguments)
    .with(dilation_arguments)
    .input("X", "float [N, C, H, W] or [N, H, W, C] by order.")
    .output("Y", "[N, C kernel_h kernel_w, out_h, out_w], or [N, out_h, out_w, kernel_h kernel_w C] with NHWC.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      WindowArgs window;
      PF_TRY(window.read(in.args));
      ConvShape s;
      PF_TRY(read_geometry(window, in.shape(0), &s));
      in.set(0, columns_shape(s), DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("Col2Im", {g.GO(0), g.I(0)}, {g.GI(0)}); })
    .cpu<Im2Col>();

PF_OP(Col2Im)
    .doc("Adds the windows that Im2Col wrote out to an image again.")
    .with(window_arguments)
    .with(dilation_arguments)
    .input("columns", "float, as Im2Col gives them.")
    .input("image", "Only its shape counts: that of the result.")
    .output("Y", "float, shape of the image.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      WindowArgs window;
      PF_TRY(window.read(in.args));
      ConvShape s;
      PF_TRY(read_geometry(window, in.shape(1), &s));
      const Shape columns = columns_shape(s);
      PF_CHECK(in.shape(0) == columns, shape, "the columns of an image ", in.shape(1), " have the shape ", columns,
               ", found ", in.shape(0));
      in.set(0, in.shape(1), DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("Im2Col", {g.GO(0)}, {g.GI(0)}); })
    .cpu<Col2Im>();

}  // namespace
}  // namespace pf
