// SPDX-License-Identifier: Apache-2.0
// ResizeNearest: pictures enlarged or reduced by taking the nearest pixel above and to the left; and its gradient.
#include <cstring>

#include "math/planes.h"

namespace pf {
namespace {

struct Scales {
  float height, width;
  bool last;
  explicit Scales(const Args& args)
      : height(args.f("height_scale")), width(args.f("width_scale")), last(is_channels_last(args)) {}
};

// The pixel of n that stands at `i` after scaling.
int64_t source(int64_t i, float scale, int64_t n) {
  const int64_t at = int64_t(float(i) / scale);
  return at < n ? at : n - 1;
}

Status check(const Scales& scales) {
  PF_CHECK(scales.height > 0 && scales.width > 0, argument, "height_scale and width_scale must be positive, are ",
           double(scales.height), " and ", double(scales.width));
  return {};
}

Status resize_shape(Infer& in) {
  const Scales scales(in.args);
  PF_TRY(want_pictures(in, 0));
  PF_TRY(check(scales));
  const Planes x(in.shape(0), scales.last);
  const float height = float(x.height) * scales.height, width = float(x.width) * scales.width;
  PF_CHECK(height < 0x1p31f && width < 0x1p31f, shape, "X ", in.shape(0), " becomes too large");
  in.set(0, resized(in.shape(0), scales.last, int64_t(height), int64_t(width)), DType::kFloat);
  return {};
}

Status gradient_shape(Infer& in) {
  const Scales scales(in.args);
  PF_TRY(want_pictures(in, 0));
  PF_TRY(want_pictures(in, 1));
  PF_TRY(check(scales));
  const Planes dy(in.shape(0), scales.last), x(in.shape(1), scales.last);
  PF_CHECK(dy.count == x.count && dy.depth == x.depth, shape, "dY ", in.shape(0), " and X ", in.shape(1),
           " must have one batch and channels");
  PF_CHECK(x.plane() > 0 || dy.plane() == 0, shape, "X ", in.shape(1), " has no pixels");
  in.set(0, in.shape(1), DType::kFloat);
  return {};
}

struct ResizeNearest {
  Scales scales;
  explicit ResizeNearest(const Args& args) : scales(args) {}
  Status run(OpRun& op) {
    const Planes from(op.in(0).shape(), scales.last), to(op.out(0).shape(), scales.last);
    const float* x = op.in(0).data<float>();
    float* y = op.out(0).data<float>();
    int64_t* columns = nullptr;
    PF_TRY(op.scratch(to.width, &columns));
    for (int64_t j = 0; j < to.width; ++j) columns[j] = source(j, scales.width, from.width) * from.depth;
    parallel_for(to.count * to.height, 1 + 16384 / (to.row() + 1), [=, this](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* line =
            x + row / to.height * from.plane() + source(row % to.height, scales.height, from.height) * from.row();
        float* out = y + row * to.row();
        if (to.depth == 1) {
          for (int64_t j = 0; j < to.width; ++j) out[j] = line[columns[j]];
        } else {
          for (int64_t j = 0; j < to.width; ++j)
            std::memcpy(out + j * to.depth, line + columns[j], size_t(to.depth) * sizeof(float));
        }
      }
    });
    return {};
  }
};

struct ResizeNearestGradient {
  Scales scales;
  explicit ResizeNearestGradient(const Args& args) : scales(args) {}

  void add_plane(const float* dy, const Planes& from, float* dx, const Planes& to) const {
    for (int64_t i = 0; i < from.height; ++i) {
      float* row = dx + source(i, scales.height, to.height) * to.row();
      for (int64_t j = 0; j < from.width; ++j) {
        float* sum = row + source(j, scales.width, to.width) * to.depth;
        const float* part = dy + i * from.row() + j * from.depth;
        for (int64_t k = 0; k < to.depth; ++k) sum[k] += part[k];
      }
    }
  }

  Status run(OpRun& op) {
    const Planes from(op.in(0).shape(), scales.last), to(op.out(0).shape(), scales.last);
    const float* dy = op.in(0).data<float>();
    float* dx = op.out(0).data<float>();
    parallel_for(to.count, 1 + 16384 / (from.plane() + 1), [=, this](int64_t begin, int64_t end) {
      for (int64_t i = begin * to.plane(); i < end * to.plane(); ++i) dx[i] = 0;
      for (int64_t p = begin; p < end; ++p) add_plane(dy + p * from.plane(), from, dx + p * to.plane(), to);
    });
    return {};
  }
};

constexpr auto kScales = [](auto& op) {
  op.arg("width_scale", 1.f, "Width of Y over width of X.")
      .arg("height_scale", 1.f, "Height of Y over height of X.")
      .arg("order", "NCHW", "NCHW or NHWC.");
};

PF_OP(ResizeNearest)
    .doc("Scales pictures: pixel (i, j) of Y is pixel (int(i / height_scale), int(j / width_scale)) of X.")
    .with(kScales)
    .input("X", "float, (N, C, H, W) or (N, H, W, C) by order.")
    .output("Y", "As X, with int(H * height_scale) rows and int(W * width_scale) columns.")
    .shape(resize_shape)
    .grad([](Gradient& g) { g.op("ResizeNearestGradient", {g.GO(0), g.I(0)}, {g.GI(0)}); })
    .cpu<ResizeNearest>();

PF_OP(ResizeNearestGradient)
    .doc("Gradient of ResizeNearest: each pixel of dY is added to the one it was copied from.")
    .with(kScales)
    .input("dY", "Gradient of Y.")
    .input("X", "Input of ResizeNearest.")
    .output("dX", "Gradient of X, shape of X.")
    .shape(gradient_shape)
    .no_grad()
    .cpu<ResizeNearestGradient>();

}  // namespace
}  // namespace pf
