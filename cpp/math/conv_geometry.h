// SPDX-License-Identifier: Apache-2.0
// The windows of convolution and pooling: reading the arguments in all their forms, and the sizes that follow.
#pragma once

#include "core/op.h"

namespace pf {

inline constexpr int kMaxSpatial = 6;

// Padding by a rule instead of by numbers (LegacyPadding of caffe2_legacy.proto).
enum class LegacyPad { kNone = 0, kValid = 1, kSame = 2, kCaffePooling = 3 };

// The arguments as a net gives them. `rank` is the number of spatial dimensions they speak of, 0 when they leave it
// open.
struct WindowArgs {
  int rank = 0;
  int64_t kernel[kMaxSpatial], stride[kMaxSpatial], dilation[kMaxSpatial], adjust[kMaxSpatial];
  int64_t pad_head[kMaxSpatial], pad_tail[kMaxSpatial];
  LegacyPad legacy = LegacyPad::kNone;
  bool channels_last = false, global = false, padded = false;
  bool filter_first = false;  // see kFilterFirst
  int64_t group = 1;
  int global_kernels = 0;  // of a global window: how many dimensions the kernel arguments speak of, in vain

  WindowArgs() = default;
  // What read() says is the shape function's to report; a kernel made after it may rely on the values.
  explicit WindowArgs(const Args& args) { (void)read(args).ok(); }
  Status read(const Args& args);
};

// A window moved over the spatial dimensions of a tensor.
struct Window {
  int rank = 0;
  int64_t in[kMaxSpatial], out[kMaxSpatial], kernel[kMaxSpatial], stride[kMaxSpatial], dilation[kMaxSpatial];
  int64_t pad_head[kMaxSpatial], pad_tail[kMaxSpatial];
  int64_t in_size = 1, out_size = 1, taps = 1;  // products of in, out and kernel

  // The input one output row of windows spans, dimension d.
  constexpr int64_t span(int d) const { return (out[d] - 1) * stride[d] + dilation[d] * (kernel[d] - 1) + 1; }
  // One tap that visits each input once, in order.
  bool pointwise() const;
};

// A convolution: a window, and channels that are mixed within each group.
struct ConvShape : Window {
  int64_t batch = 0, in_channels = 0, out_channels = 0, group = 1;
  bool channels_last = false, filter_first = false;  // as in WindowArgs
  int64_t pitch = 0;  // of the output, channels last and without groups: floats from pixel to pixel, if they lie apart

  // Element (m, c, tap) of the filter is w[m * patch() + c * filter_channel_step() + tap * filter_tap_step()].
  int64_t filter_channel_step() const { return channels_last && !filter_first ? 1 : taps; }
  int64_t filter_tap_step() const { return channels_last && !filter_first ? in_per_group() : 1; }
  constexpr int64_t out_step() const { return pitch ? pitch : out_channels; }
  constexpr int64_t in_per_group() const { return in_channels / group; }
  constexpr int64_t out_per_group() const { return out_channels / group; }
  constexpr int64_t patch() const { return in_per_group() * taps; }  // inputs of one output
  bool depthwise() const { return in_per_group() == 1 && out_per_group() == 1; }
};

// Batch and channels of an activation of either order, and its spatial dimensions.
struct Activation {
  int64_t batch, channels;
  int spatial_rank;
  const int64_t* spatial;
  Activation(const Shape& x, bool channels_last)
      : batch(x[0]),
        channels(x[channels_last ? x.rank() - 1 : 1]),
        spatial_rank(x.rank() - 2),
        spatial(x.begin() + (channels_last ? 1 : 2)) {}
};
Shape activation_shape(int64_t batch, int64_t channels, int rank, const int64_t* spatial, bool channels_last);

// Shapes to geometry. Each says what does not fit, what was expected and what was found.
// `want_rank` is the spatial rank the operator's name promises (Conv2D: 2), 0 for any.
Status pool_window(const WindowArgs& args, const Shape& x, int want_rank, Window* out);
Status conv_shape(const WindowArgs& args, const Shape& x, const Shape& w, int want_rank, ConvShape* out);
// The convolution whose backward pass over its input is this transposed convolution: its input is our output.
Status conv_transpose_shape(const WindowArgs& args, const Shape& x, const Shape& w, ConvShape* out);

// The spatial dimensions an operator's name insists on: 2 for Conv2D, 0 for Conv.
int rank_in_name(const Args& args);

// Declare the arguments that WindowArgs reads: .with(window_arguments).
void window_arguments(OpBuilder<Cpu>& op);
void dilation_arguments(OpBuilder<Cpu>& op);

}  // namespace pf
