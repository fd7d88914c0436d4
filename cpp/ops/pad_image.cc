// SPDX-License-Identifier: Apache-2.0
// PadImage: a border around pictures, of one value, mirrored, or of the nearest pixel; and its gradient.
#include "math/planes.h"

namespace pf {
namespace {

enum class Mode { kConstant, kReflect, kEdge };

struct Padding {
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  Mode mode = Mode::kConstant;

  Padding() = default;
  // What read() says is the shape function's to report; a kernel made after it may rely on the values.
  explicit Padding(const Args& args) { (void)read(args).ok(); }

  Status read(const Args& args) {
    const std::vector<int64_t>& pads = args.ints("pads");
    PF_CHECK(pads.empty() || pads.size() == 4, argument, "pads must be top, left, bottom, right; found ", pads.size(),
             " numbers");
    PF_CHECK(pads.empty() || !args.has("pad"), argument, "pad and pads are both given");
    const int64_t all = args.i("pad");
    top = left = bottom = right = all;
    if (!pads.empty()) top = pads[0], left = pads[1], bottom = pads[2], right = pads[3];
    if (args.has("pad_t")) top = args.i("pad_t");
    if (args.has("pad_l")) left = args.i("pad_l");
    if (args.has("pad_b")) bottom = args.i("pad_b");
    if (args.has("pad_r")) right = args.i("pad_r");
    PF_CHECK(top >= 0 && left >= 0 && bottom >= 0 && right >= 0, argument, "padding must not be negative, is ", top,
             ", ", left, ", ", bottom, ", ", right);
    const std::string_view name = args.s("mode");
    PF_CHECK(name == "constant" || name == "reflect" || name == "edge", argument,
             "mode must be constant, reflect or edge, is \"", name, "\"");
    mode = name == "constant" ? Mode::kConstant : name == "reflect" ? Mode::kReflect : Mode::kEdge;
    return {};
  }

  Status check(int64_t height, int64_t width) const {
    const int64_t most_y = top > bottom ? top : bottom, most_x = left > right ? left : right;
    PF_CHECK(mode == Mode::kConstant || (height > 0 && width > 0), shape, "a picture of ", height, " by ", width,
             " has no pixels to pad with");
    PF_CHECK(mode != Mode::kReflect || (most_y < height && most_x < width), shape,
             "mode reflect needs padding smaller than the picture, which is ", height, " by ", width, "; found ",
             most_y, " and ", most_x);
    return {};
  }
};

// The position within [0, n) whose pixel stands at `i`, or -1 for none.
int64_t source(int64_t i, int64_t n, Mode mode) {
  if (i >= 0 && i < n) return i;
  if (mode == Mode::kConstant) return -1;
  if (mode == Mode::kEdge) return i < 0 ? 0 : n - 1;
  return i < 0 ? -i : 2 * n - i - 2;
}

Status pad_shape(Infer& in) {
  Padding pad;
  PF_TRY(want_pictures(in, 0));
  PF_TRY(pad.read(in.args));
  const bool last = is_channels_last(in.args);
  const Planes x(in.shape(0), last);
  PF_TRY(pad.check(x.height, x.width));
  in.set(0, resized(in.shape(0), last, x.height + pad.top + pad.bottom, x.width + pad.left + pad.right), DType::kFloat);
  return {};
}

Status gradient_shape(Infer& in) {
  Padding pad;
  PF_TRY(want_pictures(in, 0));
  PF_TRY(pad.read(in.args));
  const bool last = is_channels_last(in.args);
  const Planes dy(in.shape(0), last);
  const int64_t height = dy.height - pad.top - pad.bottom, width = dy.width - pad.left - pad.right;
  PF_CHECK(height >= 0 && width >= 0, shape, "dY ", in.shape(0), " is smaller than the padding");
  PF_TRY(pad.check(height, width));
  in.set(0, resized(in.shape(0), last, height, width), DType::kFloat);
  return {};
}

void fill(float* y, int64_t n, float value) {
  for (int64_t i = 0; i < n; ++i) y[i] = value;
}

struct PadImage {
  Padding pad;
  float value;
  bool last;
  explicit PadImage(const Args& args) : pad(args), value(args.f("value")), last(is_channels_last(args)) {}

  void pad_row(const float* x, const Planes& from, float* y, const Planes& to) const {
    const int64_t depth = from.depth;
    if (from.row()) std::memcpy(y + pad.left * depth, x, size_t(from.row()) * sizeof(float));
    for (int64_t i = 0; i < to.width; ++i) {
      if (i == pad.left) i += from.width;  // the middle is there
      if (i == to.width) break;
      const int64_t at = source(i - pad.left, from.width, pad.mode);
      if (at < 0)
        fill(y + i * depth, depth, value);
      else
        std::memcpy(y + i * depth, x + at * depth, size_t(depth) * sizeof(float));
    }
  }

  Status run(OpRun& op) {
    const Planes from(op.in(0).shape(), last), to(op.out(0).shape(), last);
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    parallel_for(to.count * to.height, 1 + 16384 / (to.row() + 1), [=, this](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t at = source(row % to.height - pad.top, from.height, pad.mode);
        if (at < 0)
          fill(y + row * to.row(), to.row(), value);
        else
          pad_row(x + row / to.height * from.plane() + at * from.row(), from, y + row * to.row(), to);
      }
    });
    return {};
  }
};

struct PadImageGradient {
  Padding pad;
  bool last;
  explicit PadImageGradient(const Args& args) : pad(args), last(is_channels_last(args)) {}

  // Every pixel of dY goes back to where it came from.
  void add_plane(const float* dy, const Planes& from, float* dx, const Planes& to) const {
    for (int64_t i = 0; i < from.height; ++i) {
      const int64_t row = source(i - pad.top, to.height, pad.mode);
      if (row < 0) continue;
      for (int64_t j = 0; j < from.width; ++j) {
        const int64_t column = source(j - pad.left, to.width, pad.mode);
        if (column < 0) continue;
        const float* part = dy + (i * from.width + j) * from.depth;
        float* sum = dx + (row * to.width + column) * to.depth;
        for (int64_t k = 0; k < to.depth; ++k) sum[k] += part[k];
      }
    }
  }

  Status run(OpRun& op) {
    const Planes from(op.in(0).shape(), last), to(op.out(0).shape(), last);
    const float* dy = op.in(0).data<float>();
    float* dx = op.out(0).data<float>();
    parallel_for(to.count, 1 + 16384 / (from.plane() + 1), [=, this](int64_t begin, int64_t end) {
      fill(dx + begin * to.plane(), (end - begin) * to.plane(), 0.f);
      for (int64_t p = begin; p < end; ++p) add_plane(dy + p * from.plane(), from, dx + p * to.plane(), to);
    });
    return {};
  }
};

constexpr auto kPadding = [](auto& op) {
  op.arg("pad", 0, "Padding on all four sides.")
      .optional_arg("pad_t", ArgType::kInt, "Padding at the top.")
      .optional_arg("pad_l", ArgType::kInt, "Padding at the left.")
      .optional_arg("pad_b", ArgType::kInt, "Padding at the bottom.")
      .optional_arg("pad_r", ArgType::kInt, "Padding at the right.")
      .optional_arg("pads", ArgType::kInts, "Top, left, bottom, right.")
      .arg("mode", "constant",
           "constant: `value`; reflect: mirrored, the border itself not repeated; edge: the nearest pixel.")
      .arg("value", 0.f, "What mode constant pads with.")
      .arg("order", "NCHW", "NCHW or NHWC.");
};

PF_OP(PadImage)
    .doc("Puts a border around pictures.")
    .with(kPadding)
    .input("X", "float, (N, C, H, W) or (N, H, W, C) by order.")
    .output("Y", "As X, with H and W grown by the padding.")
    .shape(pad_shape)
    .grad([](Gradient& g) { g.op("PadImageGradient", {g.GO(0)}, {g.GI(0)}); })
    .cpu<PadImage>();

PF_OP(PadImageGradient)
    .doc("Gradient of PadImage: each pixel of dY is added to the one it was copied from.")
    .with(kPadding)
    .input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X.")
    .shape(gradient_shape)
    .no_grad()
    .cpu<PadImageGradient>();

}  // namespace
}  // namespace pf
