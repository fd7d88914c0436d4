// SPDX-License-Identifier: Apache-2.0
// RoIPool: each region of a picture, its corners rounded to pixels, cut into a grid of cells and the maximum of each
// cell taken; and its gradient.
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/rois.h"

namespace pf {
namespace {

struct Cells {
  int64_t channels, height, width, rows, columns;
  float scale;
  Cells(const Shape& x, const Args& args)
      : channels(x[1]),
        height(x[2]),
        width(x[3]),
        rows(args.i("pooled_h")),
        columns(args.i("pooled_w")),
        scale(args.f("spatial_scale")) {}
};

// The pixels [begin, end) that cell `i` of `count` covers of a region of `length` pixels from `first` on.
struct Span {
  int64_t begin, end;
  Span(int64_t first, int64_t length, int64_t i, int64_t count, int64_t size) {
    const float step = float(length) / float(count);
    begin = within(int64_t(std::floor(float(i) * step)) + first, size);
    end = within(int64_t(std::ceil(float(i + 1) * step)) + first, size);
  }
  static int64_t within(int64_t at, int64_t size) { return at < 0 ? 0 : at > size ? size : at; }
};

struct RoIPool {
  Status run(OpRun& op) {
    const Tensor &x = op.in(0), &rois = op.in(1);
    const Cells c(x.shape(), op.args);
    PF_TRY(check_rois(rois, x.dim(0), c.scale));
    const float *pixels = x.data<float>(), *roi = rois.data<float>();
    float* y = op.out(0).data<float>();
    int32_t* places = op.outputs() > 1 ? op.out(1).data<int32_t>() : nullptr;
    parallel_for(rois.dim(0) * c.channels, 1, [=](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        const float* r = roi + k / c.channels * 5;
        const int64_t left = std::lround(r[1] * c.scale), top = std::lround(r[2] * c.scale);
        const int64_t right = std::lround(r[3] * c.scale), bottom = std::lround(r[4] * c.scale);
        const int64_t height = bottom < top ? 1 : bottom - top + 1, width = right < left ? 1 : right - left + 1;
        const float* plane = pixels + (int64_t(r[0]) * c.channels + k % c.channels) * c.height * c.width;
        for (int64_t cell = 0; cell < c.rows * c.columns; ++cell) {
          const Span v(top, height, cell / c.columns, c.rows, c.height);
          const Span h(left, width, cell % c.columns, c.columns, c.width);
          int64_t best = -1;
          for (int64_t i = v.begin; i < v.end; ++i)
            for (int64_t j = h.begin; j < h.end; ++j)
              if (best < 0 || plane[i * c.width + j] > plane[best]) best = i * c.width + j;
          y[k * c.rows * c.columns + cell] = best < 0 ? 0.f : plane[best];
          if (places) places[k * c.rows * c.columns + cell] = int32_t(best);
        }
      }
    });
    return {};
  }
};

struct RoIPoolGradient {
  Status run(OpRun& op) {
    const Tensor &x = op.in(0), &rois = op.in(1);
    const Cells c(x.shape(), op.args);
    PF_TRY(check_rois(rois, x.dim(0), c.scale));
    const float *roi = rois.data<float>(), *dy = op.in(3).data<float>();
    const int32_t* places = op.in(2).data<int32_t>();
    float* dx = op.out(0).data<float>();
    const int64_t cells = c.rows * c.columns, plane = c.height * c.width;
    for (int64_t i = 0; i < op.in(2).size(); ++i)
      PF_CHECK(places[i] >= -1 && places[i] < plane, value, "argmax ", i, " is ", places[i], ", expected -1 to ",
               plane - 1);
    Cpu::fill(op, x.size(), dx, 0.f);
    for (int64_t k = 0; k < rois.dim(0) * c.channels; ++k) {
      float* to = dx + (int64_t(roi[k / c.channels * 5]) * c.channels + k % c.channels) * plane;
      for (int64_t cell = k * cells; cell < (k + 1) * cells; ++cell)
        if (places[cell] >= 0) to[places[cell]] += dy[cell];
    }
    return {};
  }
};

Status read_shapes(Infer& in, Shape* y) {
  PF_CHECK(in.args.s("order") == "NCHW", argument, "order must be NCHW, found ", in.args.s("order"));
  PF_TRY(pooled_rois(in, false, y));
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_CHECK(in.shape(1)[1] == 5, shape, "rois must have the shape [R, 5], found ", in.shape(1));
  PF_CHECK(in.shape(0).from(2) < INT32_MAX, shape, "the pictures are too large: ", in.shape(0));
  return {};
}

constexpr auto kArguments = [](auto& op) {
  op.arg("is_test", false, "Leave the second output out.")
      .arg("order", "NCHW", "Only NCHW.")
      .arg("pooled_h", 1, "Rows of the grid.")
      .arg("pooled_w", 1, "Columns of the grid.")
      .arg("spatial_scale", 1.f, "Factor from the coordinates of regions to pixels of X.");
};

PF_OP(RoIPool)
    .doc(
        "Maxima over a grid of cells in each region. Corners are rounded to whole pixels, both of which belong to the "
        "region; a cell without pixels gives 0.")
    .with(kArguments)
    .input("X", "float [N, C, H, W].")
    .input("rois", "float [R, 5]: index of the image, x1, y1, x2, y2.")
    .output("Y", "float [R, C, pooled_h, pooled_w].")
    .optional_output("argmaxes", "int32, shape of Y: the pixel of each maximum, -1 for none. The gradient needs it.")
    .shape([](Infer& in) -> Status {
      Shape y;
      PF_TRY(read_shapes(in, &y));
      PF_CHECK(in.args.b("is_test") ? in.outputs() == 1 : in.outputs() == 2, argument, "there must be ",
               in.args.b("is_test") ? "one output with is_test=1" : "two outputs, with is_test=1 one", "; found ",
               in.outputs());
      in.set(0, y, DType::kFloat);
      in.set(1, y, DType::kInt32);
      return {};
    })
    .grad([](Gradient& g) {
      if (g.outputs() < 2) {
        (void)g.refuse("needs its second output, argmaxes, to have a gradient; leave is_test out");
        return;
      }
      g.op("RoIPoolGradient", {g.I(0), g.I(1), g.O(1), g.GO(0)}, {g.GI(0)});
    })
    .cpu<RoIPool>();

PF_OP(RoIPoolGradient)
    .doc("Gradient of RoIPool: each dY goes to the pixel that was the maximum.")
    .with(kArguments)
    .input("X", "The pictures; their shape counts.")
    .input("rois", "The regions.")
    .input("argmaxes", "Second output of RoIPool.")
    .input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X, its shape.")
    .shape([](Infer& in) -> Status {
      Shape y;
      PF_TRY(read_shapes(in, &y));
      PF_TRY(in.want_dtype(2, DType::kInt32));
      PF_TRY(in.want_dtype(3, DType::kFloat));
      for (int i = 2; i < 4; ++i)
        PF_CHECK(in.shape(i) == y, shape, i == 2 ? "argmaxes" : "dY", " must have the shape ", y, ", found ",
                 in.shape(i));
      return same_as_first(in);
    })
    .no_grad()
    .cpu<RoIPoolGradient>();

}  // namespace
}  // namespace pf
