// SPDX-License-Identifier: Apache-2.0
// SpaceToBatch makes every block_size-th pixel an image of its own, BatchToSpace puts them together again. Each is the
// other's gradient.
#include "core/op.h"

namespace pf {
namespace {

// The large picture, [batch, channels, height, width] with its padding, and the small ones it falls into.
struct Blocks {
  int64_t size, top, left, bottom, right;
  int64_t batch, channels, height, width;  // of the large picture, without padding
  int64_t small_batch, small_height, small_width;

  explicit Blocks(const Args& args) : size(args.i("block_size")) {
    const auto side = [&](const char* name) { return args.has(name) ? args.i(name) : args.i("pad"); };
    top = side("pad_t"), left = side("pad_l"), bottom = side("pad_b"), right = side("pad_r");
  }
  void measure(const Shape& large, const Shape& small) {
    batch = large[0], channels = large[1], height = large[2], width = large[3];
    small_batch = small[0], small_height = small[2], small_width = small[3];
  }

  // f(index in the large picture or -1 for padding, index in the small ones) for all elements of small plane k.
  template <class F>
  void each(int64_t k, F f) const {
    const int64_t image = k / channels, channel = k % channels, shift = image / batch;
    const int64_t plane = (image % batch * channels + channel) * height;
    for (int64_t i = 0; i < small_height; ++i) {
      const int64_t row = i * size + shift / size - top;
      for (int64_t j = 0; j < small_width; ++j) {
        const int64_t column = j * size + shift % size - left;
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        f(inside ? (plane + row) * width + column : -1, (k * small_height + i) * small_width + j);
      }
    }
  }
};

Status check_blocks(const Infer& in, const Blocks& b) {
  constexpr int64_t kMost = 1 << 24;
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_rank(0, 4));
  PF_CHECK(in.args.s("order") == "NCHW", argument, "order must be NCHW, found ", in.args.s("order"));
  PF_CHECK(b.size > 0 && b.size < kMost, argument, "block_size must be positive, found ", b.size);
  for (int64_t pad : {b.top, b.left, b.bottom, b.right})
    PF_CHECK(pad >= 0 && pad < kMost, argument, "padding must not be negative, found ", pad);
  return {};
}

template <bool kToBatch>
struct Move {
  Status run(OpRun& op) {
    Blocks b(op.args);
    b.measure(kToBatch ? op.in_shape(0) : op.out(0).shape(), kToBatch ? op.out(0).shape() : op.in_shape(0));
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(b.small_batch * b.channels, 1 + 4096 / (b.small_height * b.small_width + 1),
                 [=, &b](int64_t begin, int64_t end) {
                   for (int64_t k = begin; k < end; ++k)
                     b.each(k, [=](int64_t large, int64_t small) {
                       if (kToBatch)
                         y[small] = large < 0 ? 0.f : x[large];
                       else if (large >= 0)
                         y[large] = x[small];
                     });
                 });
    return {};
  }
};

constexpr auto kArguments = [](auto& op) {
  op.arg("block_size", 2, "Height and width of a block.")
      .arg("pad", 0, "Padding on all four sides.")
      .optional_arg("pad_t", ArgType::kInt, "Padding at the top, in place of pad.")
      .optional_arg("pad_l", ArgType::kInt, "Padding at the left.")
      .optional_arg("pad_b", ArgType::kInt, "Padding at the bottom.")
      .optional_arg("pad_r", ArgType::kInt, "Padding at the right.")
      .arg("order", "NCHW", "Only NCHW.");
};

PF_OP(SpaceToBatch)
    .doc(
        "Cuts padded pictures into blocks and collects the pixels at each place of a block as pictures: image `(r * "
        "block_size + c) * N + n` of the result holds the pixels at row r and column c of the blocks of image n.")
    .with(kArguments)
    .input("X", "float [N, C, H, W]; padded, H and W are multiples of block_size.")
    .output("Y", "float [N block_size^2, C, padded H / block_size, padded W / block_size].")
    .shape([](Infer& in) -> Status {
      const Blocks b(in.args);
      PF_TRY(check_blocks(in, b));
      const Shape& x = in.shape(0);
      const int64_t height = x[2] + b.top + b.bottom, width = x[3] + b.left + b.right;
      PF_CHECK(height % b.size == 0 && width % b.size == 0, shape, "the padded picture, ", height, " x ", width,
               ", cannot be cut into blocks of ", b.size);
      in.set(0, Shape{saturating_product(x[0], b.size * b.size), x[1], height / b.size, width / b.size}, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("BatchToSpace", {g.GO(0)}, {g.GI(0)}); })
    .cpu<Move<true>>();

PF_OP(BatchToSpace)
    .doc("Puts together what SpaceToBatch took apart and cuts the padding off.")
    .with(kArguments)
    .input("X", "float [N block_size^2, C, h, w].")
    .output("Y", "float [N, C, h block_size - padding, w block_size - padding].")
    .shape([](Infer& in) -> Status {
      const Blocks b(in.args);
      PF_TRY(check_blocks(in, b));
      const Shape& x = in.shape(0);
      PF_CHECK(x[0] % (b.size * b.size) == 0, shape, "the batch must be a multiple of block_size^2 = ", b.size * b.size,
               ", X is ", x);
      const int64_t height = saturating_product(x[2], b.size) - b.top - b.bottom;
      const int64_t width = saturating_product(x[3], b.size) - b.left - b.right;
      PF_CHECK(height >= 0 && width >= 0, shape, "X ", x, " is smaller than its padding");
      in.set(0, Shape{x[0] / (b.size * b.size), x[1], height, width}, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) { g.op("SpaceToBatch", {g.GO(0)}, {g.GI(0)}); })
    .cpu<Move<false>>();

}  // namespace
}  // namespace pf
