// SPDX-License-Identifier: Apache-2.0
// Products of quantized tensors: Int8Conv, Int8ConvRelu, Int8ConvTranspose, Int8FC, Int8FCRelu. Sums of int32 become
// elements of the output by one multiplication.
#include "math/int8_conv.h"

#include <optional>

namespace pf {
namespace {

struct Inputs {
  const Int8Tensor *x, *w, *b = nullptr;
  Quantization y;

  Status read(OpRun& op) {
    PF_TRY(int8_in(op, 0, &x));
    PF_TRY(int8_in(op, 1, &w));
    if (op.inputs() > 2) PF_TRY(int8_in(op, 2, &b, DType::kInt32));
    return output_quantization(op.args, &y);
  }
  Status check_bias(int64_t channels) const {
    PF_CHECK(!b || (b->t.rank() == 1 && b->t.dim(0) == channels), shape, "b must be [", channels, "], is ",
             b->t.shape());
    return {};
  }
  const int32_t* bias() const { return b ? b->t.data<int32_t>() : nullptr; }
  Requantize requantize(bool relu) const { return Requantize(x->q.scale * w->q.scale / y.scale, y, relu); }
};

Status want_nhwc(const WindowArgs& window) {
  PF_CHECK(window.channels_last, argument, "int8 operators take images as [N, H, W, C]: order must be \"NHWC\"");
  return {};
}

// The packed weights of an operator, made again when something they are made of has changed.
class Weights {
 public:
  Status run(OpRun& op, const Inputs& in, const ConvShape& s, bool relu, uint8_t* y) {
    PF_CHECK(s.patch() <= kMostInt8Terms, shape, "an output sums ", s.patch(), " products; there may be ",
             kMostInt8Terms);
    const Int8Conv c{
        s,         in.x->t.data<uint8_t>(), in.w->t.data<uint8_t>(), in.x->q.zero_point, in.w->q.zero_point,
        in.bias(), in.requantize(relu)};
    const MadeOf made_of{in.w->t.version(), in.b ? in.b->t.version() : 0, c.x_zero, c.w_zero, c.requantize};
    if (!made_of_ || !(*made_of_ == made_of)) fits_ = filter_.pack(c, int8_kernel()), made_of_ = made_of;
    if (!fits_) return int8_conv_plain(c, y), Status();
    int32_t* scratch;
    PF_TRY(op.scratch(filter_.scratch(s), &scratch));
    filter_.run(c, y, scratch);
    return {};
  }

 private:
  struct MadeOf {
    uint64_t w, b;
    int32_t x_zero, w_zero;
    Requantize requantize;
    bool operator==(const MadeOf&) const = default;
  };
  std::optional<MadeOf> made_of_;
  Int8Filter filter_;
  bool fits_ = false;
};

template <bool kRelu>
struct Conv {
  Weights weights;
  Status run(OpRun& op) {
    Inputs in;
    WindowArgs window;
    ConvShape s;
    uint8_t* y;
    PF_TRY(in.read(op));
    PF_TRY(window.read(op.args));
    PF_TRY(want_nhwc(window));
    PF_TRY(conv_shape(window, in.x->t.shape(), in.w->t.shape(), 2, &s));
    PF_TRY(in.check_bias(s.out_channels));
    PF_TRY(int8_out(op, 0, activation_shape(s.batch, s.out_channels, s.rank, s.out, true), in.y, &y));
    return weights.run(op, in, s, kRelu, y);
  }
};

struct ConvTranspose {
  Int8Weights weights;
  Status run(OpRun& op) {
    Inputs in;
    WindowArgs window;
    ConvShape s;
    uint8_t* y;
    PF_TRY(in.read(op));
    PF_TRY(window.read(op.args));
    PF_TRY(want_nhwc(window));
    PF_TRY(conv_transpose_shape(window, in.x->t.shape(), in.w->t.shape(), &s));
    PF_TRY(in.check_bias(s.in_channels));
    PF_TRY(int8_out(op, 0, activation_shape(s.batch, s.in_channels, s.rank, s.in, true), in.y, &y));
    return int8_conv_transpose(op, s, *in.x, weights.get(*in.w), in.bias(), in.requantize(false), y);
  }
};

template <bool kRelu>
struct FC {
  Weights weights;
  Status run(OpRun& op) {
    Inputs in;
    uint8_t* y;
    PF_TRY(in.read(op));
    const Shape &x = in.x->t.shape(), &w = in.w->t.shape();
    PF_CHECK(x.rank() >= 1 && w.rank() >= 1, shape, "X and W need 1 dimension or more; they are ", x, " and ", w);
    ConvShape s;  // of images of one pixel
    s.channels_last = true;
    s.batch = x[0], s.out_channels = w[0], s.in_channels = x.from(1);
    PF_CHECK(s.in_channels == w.from(1), shape, "rows of X have ", s.in_channels, " elements, rows of W ", w.from(1));
    PF_TRY(in.check_bias(s.out_channels));
    PF_TRY(int8_out(op, 0, Shape{s.batch, s.out_channels}, in.y, &y));
    return weights.run(op, in, s, kRelu, y);
  }
};

constexpr auto kInputs = [](auto& op) {
  op.with(kQuantized)
      .object_input("X", "int8 tensor.")
      .object_input("W", "int8 tensor: the weights, the output channels first.");
};
constexpr auto kConv = [](auto& op) {
  op.with(window_arguments)
      .with(dilation_arguments)
      .arg("group", 1, "Input and output channels fall into this many groups.")
      .with(kInputs)
      .optional_any_input("b", "int8 tensor of int32 [M], with the scale of X times that of W.")
      .object_output("Y", "int8 tensor [N, H, W, M].")
      .shape(no_tensor);
};
constexpr auto kFC = [](auto& op) {
  op.with(kInputs)
      .arg("order", "NHWC", "Of no effect.")
      .optional_any_input("b", "int8 tensor of int32 [M], with the scale of X times that of W.")
      .object_output("Y", "int8 tensor [N, M].")
      .shape(no_tensor);
};

PF_OP(Int8Conv).doc("Convolution of quantized images.").with(kConv).cpu<Conv<false>>();

PF_OP(Int8ConvRelu).doc("Convolution of quantized images, then Relu.").with(kConv).cpu<Conv<true>>();

PF_OP(Int8ConvTranspose)
    .doc("Transposed convolution of quantized images.")
    .with(window_arguments)
    .optional_arg("adj", ArgType::kInt, "Rows and columns added at the bottom and right of the output.")
    .optional_arg("adjs", ArgType::kInts, "The same for each dimension.")
    .optional_arg("adj_h", ArgType::kInt, "Rows added.")
    .optional_arg("adj_w", ArgType::kInt, "Columns added.")
    .with(kQuantized)
    .object_input("X", "int8 tensor [N, H, W, C].")
    .object_input("W", "int8 tensor [C, kernel_h, kernel_w, M].")
    .optional_any_input("b", "int8 tensor of int32 [M], with the scale of X times that of W.")
    .object_output("Y", "int8 tensor [N, H, W, M].")
    .shape(no_tensor)
    .cpu<ConvTranspose>();

PF_OP(Int8FC)
    .doc("Fully connected layer of quantized tensors: the rows of X times those of W.")
    .with(kFC)
    .cpu<FC<false>>();

PF_OP(Int8FCRelu).doc("Fully connected layer of quantized tensors, then Relu.").with(kFC).cpu<FC<true>>();

}  // namespace
}  // namespace pf
