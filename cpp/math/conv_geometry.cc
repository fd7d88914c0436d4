// SPDX-License-Identifier: Apache-2.0
#include "math/conv_geometry.h"

namespace pf {
namespace {

// One property in its three forms, `<name>`, `<name>_h` + `<name>_w`, `<name>s`, into values[]; *count is 0 when
// absent.
Status read_property(const Args& args, const char* name, int64_t* values, int* count) {
  const std::string base(name), plural = base + "s", h = base + "_h", w = base + "_w";
  const bool one = args.has(base), many = args.has(plural), pair = args.has(h) || args.has(w);
  PF_CHECK(int(one) + int(many) + int(pair) <= 1, argument, "give one of ", base, ", ", h, " + ", w, " and ", plural,
           ", not several");
  PF_CHECK(args.has(h) == args.has(w), argument, h, " and ", w, " go together; only ", args.has(h) ? h : w,
           " is given");
  *count = one || pair ? 2 : 0;
  if (one) values[0] = values[1] = args.i(base);
  if (pair) values[0] = args.i(h), values[1] = args.i(w);
  if (many) {
    const std::vector<int64_t>& list = args.ints(plural);
    PF_CHECK(list.size() <= size_t(kMaxSpatial), argument, plural, " has ", list.size(), " numbers, at most ",
             kMaxSpatial, " are supported");
    *count = int(list.size());
    for (size_t d = 0; d < list.size(); ++d) values[d] = list[d];
  }
  return {};
}

Status read_pads(const Args& args, WindowArgs* out, int* count) {
  static const char* const kSides[] = {"pad_t", "pad_l", "pad_b", "pad_r"};
  int sides = 0;
  for (const char* side : kSides) sides += args.has(side);
  const bool one = args.has("pad"), many = args.has("pads");
  PF_CHECK(sides == 0 || sides == 4, argument, "pad_t, pad_l, pad_b and pad_r go together; only ", sides, " are given");
  PF_CHECK(int(one) + int(many) + int(sides != 0) <= 1, argument,
           "give one of pad, pads and pad_t + pad_l + pad_b + pad_r, not several");
  out->padded = one || many || sides;
  *count = one || sides ? 2 : 0;
  if (one)
    for (int d = 0; d < 2; ++d) out->pad_head[d] = out->pad_tail[d] = args.i("pad");
  if (sides)
    for (int d = 0; d < 2; ++d) out->pad_head[d] = args.i(kSides[d]), out->pad_tail[d] = args.i(kSides[2 + d]);
  if (many) {
    const std::vector<int64_t>& list = args.ints("pads");
    PF_CHECK(list.size() % 2 == 0 && list.size() <= size_t(2 * kMaxSpatial), argument,
             "pads needs two numbers per spatial dimension, has ", list.size());
    *count = int(list.size() / 2);
    for (int d = 0; d < *count; ++d) out->pad_head[d] = list[size_t(d)], out->pad_tail[d] = list[size_t(d + *count)];
  }
  return {};
}

// A property that says nothing takes the rank of those that speak, and its default.
Status settle(const char* name, int count, WindowArgs* out) {
  if (count == 0) return {};
  PF_CHECK(out->rank == 0 || out->rank == count, argument, name, " is given for ", count,
           " spatial dimensions, kernel for ", out->rank);
  out->rank = count;
  return {};
}

}  // namespace

Status WindowArgs::read(const Args& args) {
  for (int d = 0; d < kMaxSpatial; ++d) {
    kernel[d] = 0, stride[d] = dilation[d] = 1;
    pad_head[d] = pad_tail[d] = adjust[d] = 0;
  }
  const Schema& schema = args.schema;
  const std::string_view order = args.s("order");
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order is \"", order, "\", not NCHW or NHWC");
  channels_last = order == "NHWC";
  filter_first = channels_last && args.has(kFilterFirst);
  if (schema.find_arg("global_pooling")) global = args.b("global_pooling");
  if (schema.find_arg("group")) group = args.i("group");
  int64_t rule = 0;
  if (schema.find_arg("legacy_pad")) rule = args.i("legacy_pad");
  PF_CHECK(rule >= 0 && rule <= 3, argument, "legacy_pad is ", rule,
           ", not 0, 1 (VALID), 2 (SAME) or 3 (Caffe pooling)");
  legacy = LegacyPad(rule);

  int kernels = 0, strides = 0, dilations = 0, adjusts = 0, pads = 0;
  PF_TRY(read_property(args, "kernel", kernel, &kernels));
  PF_TRY(read_property(args, "stride", stride, &strides));
  if (schema.find_arg("dilations")) PF_TRY(read_property(args, "dilation", dilation, &dilations));
  if (schema.find_arg("adjs")) PF_TRY(read_property(args, "adj", adjust, &adjusts));
  PF_TRY(read_pads(args, this, &pads));
  if (global) {  // the window is the whole input, whatever kernel says
    for (int d = 0; d < kMaxSpatial; ++d)
      PF_CHECK(stride[d] == 1 && dilation[d] == 1 && pad_head[d] == 0 && pad_tail[d] == 0, argument,
               "global_pooling=1 takes no stride, dilation or pad");
    rank = 0, global_kernels = kernels;
    return {};
  }
  PF_CHECK(kernels > 0, argument, "no window size: give kernel, kernel_h + kernel_w or kernels");
  rank = kernels;
  PF_TRY(settle("stride", strides, this));
  PF_TRY(settle("dilation", dilations, this));
  PF_TRY(settle("pad", pads, this));
  PF_TRY(settle("adj", adjusts, this));
  PF_CHECK(!padded || legacy == LegacyPad::kNone || legacy == LegacyPad::kCaffePooling, argument,
           "legacy_pad VALID or SAME computes the padding; it goes without pad arguments");
  constexpr int64_t kMost = 1 << 24;  // sizes stay far from overflow
  for (int d = 0; d < rank; ++d) {
    PF_CHECK(kernel[d] > 0 && kernel[d] < kMost, argument, "kernel of spatial dimension ", d, " is ", kernel[d],
             ", not positive");
    PF_CHECK(stride[d] > 0 && stride[d] < kMost, argument, "stride of spatial dimension ", d, " is ", stride[d],
             ", not positive");
    PF_CHECK(dilation[d] > 0 && dilation[d] < kMost, argument, "dilation of spatial dimension ", d, " is ", dilation[d],
             ", not positive");
    PF_CHECK(pad_head[d] >= 0 && pad_tail[d] >= 0 && pad_head[d] < kMost && pad_tail[d] < kMost, argument,
             "padding of spatial dimension ", d, " is ", pad_head[d], " and ", pad_tail[d], ", not 0 or more");
  }
  return {};
}

bool Window::pointwise() const {
  for (int d = 0; d < rank; ++d)
    if (kernel[d] != 1 || stride[d] != 1 || pad_head[d] != 0 || in[d] != out[d]) return false;
  return true;
}

Shape activation_shape(int64_t batch, int64_t channels, int rank, const int64_t* spatial, bool channels_last) {
  Shape shape{batch};
  if (!channels_last) shape.push_back(channels);
  for (int d = 0; d < rank; ++d) shape.push_back(spatial[d]);
  if (channels_last) shape.push_back(channels);
  return shape;
}

namespace {

int64_t ceil_div(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

// Output size and padding of dimension d from in, kernel, stride and the padding asked for.
Status size_dimension(const WindowArgs& args, Window* w, int d) {
  const int64_t in = w->in[d], kernel = w->kernel[d], stride = w->stride[d];
  const int64_t span = w->dilation[d] * (kernel - 1) + 1;
  int64_t &head = w->pad_head[d], &tail = w->pad_tail[d], &out = w->out[d];
  switch (args.legacy) {
    case LegacyPad::kValid:
      head = tail = 0;
      [[fallthrough]];
    case LegacyPad::kNone:
      PF_CHECK(in + head + tail >= span, shape, "spatial dimension ", d, ": a window of ", span,
               w->dilation[d] > 1 ? " (dilated)" : "", " does not fit the input of ", in, " padded by ", head, " and ",
               tail);
      out = (in + head + tail - span) / stride + 1;
      return {};
    case LegacyPad::kSame: {
      PF_CHECK(w->dilation[d] == 1, argument, "legacy_pad SAME does not go with dilation");
      const int64_t needed = (ceil_div(in, stride) - 1) * stride + kernel - in;
      head = needed / 2, tail = needed - head;  // an odd pixel goes to the tail
      out = (in + needed - kernel) / stride + 1;
      return {};
    }
    case LegacyPad::kCaffePooling: {
      PF_CHECK(in + 2 * head >= span, shape, "spatial dimension ", d, ": a window of ", span,
               " does not fit the input of ", in, " padded by ", head);
      out = ceil_div(in + 2 * head - kernel, stride) + 1;      // Caffe rounds up where Caffe2 rounds down
      if (head > 0 && (out - 1) * stride >= in + head) --out;  // the last window starts inside the image
      tail = head + stride * (out - ((in + 2 * head - span) / stride + 1));
      return {};
    }
  }
  return {};
}

Status make_window(const WindowArgs& args, const Activation& x, Window* w) {
  PF_CHECK(args.rank == 0 || args.rank == x.spatial_rank, shape, "the arguments describe ", args.rank,
           " spatial dimensions, X has ", x.spatial_rank,
           args.rank == 2 ? "; give kernels, strides, pads for other ranks" : "");
  PF_CHECK(x.spatial_rank <= kMaxSpatial, shape, "X has ", x.spatial_rank, " spatial dimensions, at most ", kMaxSpatial,
           " are supported");
  w->rank = x.spatial_rank;
  for (int d = 0; d < w->rank; ++d) {
    w->in[d] = x.spatial[d];
    w->kernel[d] = args.global ? x.spatial[d] : args.kernel[d];
    w->stride[d] = args.stride[d], w->dilation[d] = args.dilation[d];
    w->pad_head[d] = args.pad_head[d], w->pad_tail[d] = args.pad_tail[d];
    PF_TRY(size_dimension(args, w, d));
    w->in_size *= w->in[d], w->out_size *= w->out[d], w->taps *= w->kernel[d];
  }
  return {};
}

Status check_rank(const char* what, const Shape& x, int want_rank) {
  if (want_rank) {
    PF_CHECK(x.rank() == want_rank + 2, shape, what, " needs ", want_rank + 2, " dimensions; its shape is ", x);
  } else {
    PF_CHECK(x.rank() >= 3, shape, what, " needs a batch, channels and at least one spatial dimension; its shape is ",
             x);
  }
  return {};
}

}  // namespace

Status pool_window(const WindowArgs& args, const Shape& x, int want_rank, Window* out) {
  PF_TRY(check_rank("X", x, want_rank));
  PF_TRY(make_window(args, Activation(x, args.channels_last), out));
  for (int d = 0; d < out->rank; ++d) {
    PF_CHECK(out->dilation[d] == 1, argument, "pooling takes no dilation; that of spatial dimension ", d, " is ",
             out->dilation[d]);
    PF_CHECK(args.global || (args.pad_head[d] < out->kernel[d] && args.pad_tail[d] < out->kernel[d]), argument,
             "padding must be smaller than the window; spatial dimension ", d, " has a window of ", out->kernel[d],
             " and padding ", args.pad_head[d], " and ", args.pad_tail[d]);
  }
  return {};
}

Status conv_shape(const WindowArgs& args, const Shape& x, const Shape& w, int want_rank, ConvShape* out) {
  PF_TRY(check_rank("X", x, want_rank));
  PF_CHECK(w.rank() == x.rank(), shape, "W must have as many dimensions as X; W is ", w, ", X is ", x);
  const Activation a(x, args.channels_last), filter(w, args.channels_last && !args.filter_first);
  out->batch = a.batch, out->in_channels = a.channels, out->out_channels = w[0];
  out->group = args.group, out->channels_last = args.channels_last, out->filter_first = args.filter_first;
  PF_CHECK(args.group > 0, argument, "group is ", args.group, ", not positive");
  PF_CHECK(a.channels % args.group == 0 && w[0] % args.group == 0, shape,
           "input and output channels must be multiples of group=", args.group, "; X has ", a.channels,
           " channels and W makes ", w[0]);
  PF_CHECK(filter.channels * args.group == a.channels, shape, "W takes ", filter.channels, " input channels",
           args.group > 1 ? text(" in each of ", args.group, " groups") : std::string(), ", X has ", a.channels,
           "; X is ", x, " (", args.channels_last ? "NHWC" : "NCHW", "), W is ", w);
  PF_TRY(make_window(args, a, out));
  for (int d = 0; d < out->rank; ++d) {
    PF_CHECK(filter.spatial[d] == out->kernel[d], shape, "W's spatial dimension ", d, " is ", filter.spatial[d],
             ", the kernel argument says ", out->kernel[d], "; W is ", w);
    PF_CHECK(args.group == 1 || out->dilation[d] == 1, argument, "group=", args.group, " does not go with dilation ",
             out->dilation[d]);
  }
  return {};
}

Status conv_transpose_shape(const WindowArgs& args, const Shape& x, const Shape& w, ConvShape* out) {
  PF_TRY(check_rank("X", x, 2));
  PF_CHECK(w.rank() == x.rank(), shape, "W must have as many dimensions as X; W is ", w, ", X is ", x);
  PF_CHECK(args.rank == 0 || args.rank == 2, argument, "the arguments describe ", args.rank,
           " spatial dimensions, X has 2");
  PF_CHECK(args.legacy == LegacyPad::kNone, argument, "ConvTranspose takes no legacy_pad");
  const Activation a(x, args.channels_last), filter(w, args.channels_last);
  PF_CHECK(w[0] == a.channels, shape, "W takes ", w[0], " input channels, X has ", a.channels, "; X is ", x, ", W is ",
           w);
  out->rank = 2;
  out->batch = a.batch, out->in_channels = filter.channels, out->out_channels = a.channels;
  out->channels_last = args.channels_last;
  for (int d = 0; d < 2; ++d) {
    PF_CHECK(filter.spatial[d] == args.kernel[d], shape, "W's spatial dimension ", d, " is ", filter.spatial[d],
             ", the kernel argument says ", args.kernel[d], "; W is ", w);
    PF_CHECK(args.adjust[d] >= 0 && args.adjust[d] < args.stride[d], argument, "adj of spatial dimension ", d, " is ",
             args.adjust[d], ", not from 0 to stride - 1 = ", args.stride[d] - 1);
    out->kernel[d] = args.kernel[d], out->stride[d] = args.stride[d], out->dilation[d] = 1;
    out->pad_head[d] = args.pad_head[d], out->pad_tail[d] = args.pad_tail[d];
    out->out[d] = a.spatial[d];
    out->in[d] =
        (a.spatial[d] - 1) * args.stride[d] + args.kernel[d] + args.adjust[d] - args.pad_head[d] - args.pad_tail[d];
    PF_CHECK(out->in[d] > 0, shape, "spatial dimension ", d, " of the output would be ", out->in[d], "; X is ", x,
             ", padding takes ", args.pad_head[d], " and ", args.pad_tail[d]);
    out->in_size *= out->in[d], out->out_size *= out->out[d], out->taps *= out->kernel[d];
  }
  return {};
}

int rank_in_name(const Args& args) {
  for (const char* c = args.schema.name; *c; ++c)
    if (*c >= '1' && *c <= '3') return *c - '0';
  return 0;
}

void window_arguments(OpBuilder<Cpu>& op) {
  op.optional_arg("kernel", ArgType::kInt, "Window size, the same in both of two dimensions.")
      .optional_arg("kernel_h", ArgType::kInt, "Window height; with kernel_w.")
      .optional_arg("kernel_w", ArgType::kInt, "Window width; with kernel_h.")
      .optional_arg("kernels", ArgType::kInts, "Window size, one number per spatial dimension.")
      .optional_arg("stride", ArgType::kInt, "Step between windows (1), the same in both of two dimensions.")
      .optional_arg("stride_h", ArgType::kInt, "Vertical step; with stride_w.")
      .optional_arg("stride_w", ArgType::kInt, "Horizontal step; with stride_h.")
      .optional_arg("strides", ArgType::kInts, "Steps, one number per spatial dimension.")
      .optional_arg("pad", ArgType::kInt, "Padding on all four sides (0).")
      .optional_arg("pad_t", ArgType::kInt, "Padding at the top; with pad_l, pad_b and pad_r.")
      .optional_arg("pad_l", ArgType::kInt, "Padding at the left.")
      .optional_arg("pad_b", ArgType::kInt, "Padding at the bottom.")
      .optional_arg("pad_r", ArgType::kInt, "Padding at the right.")
      .optional_arg("pads", ArgType::kInts, "Padding before each spatial dimension, then after each.")
      .arg("order", "NCHW", "NCHW or NHWC: channels first or last, for any number of dimensions.");
}

void dilation_arguments(OpBuilder<Cpu>& op) {
  op.optional_arg("dilation", ArgType::kInt, "Distance between taps (1), the same in both of two dimensions.")
      .optional_arg("dilation_h", ArgType::kInt, "Vertical distance between taps; with dilation_w.")
      .optional_arg("dilation_w", ArgType::kInt, "Horizontal distance between taps; with dilation_h.")
      .optional_arg("dilations", ArgType::kInts, "Distances between taps, one number per spatial dimension.")
      .arg("legacy_pad", 0, "Padding by rule: 1 VALID, 2 SAME, 3 as Caffe pools (sizes rounded up).");
}

}  // namespace pf
