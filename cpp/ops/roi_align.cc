// SPDX-License-Identifier: Apache-2.0
// RoIAlign: each region of a picture cut into a grid of cells, the mean of some points of each cell, read between
// pixels by bilinear interpolation; and its gradient.
// build: loops
#include <cmath>

#include "math/int8.h"
#include "math/rois.h"

namespace pf {
namespace {

// A cell of one dimension: points at start + (k + 1/2) step, of which those below -1 or above the last pixel plus 1
// count as 0.
struct Points {
  float start, step;
  int64_t count, size;

  // Point k between two pixels; false when it is outside.
  bool at(int64_t k, int64_t* low, int64_t* high, float* share) const {
    float p = start + (float(k) + .5f) * step;
    if (!(p >= -1.f && p <= float(size))) return false;
    if (p < 0.f) p = 0.f;
    *low = int64_t(p);
    *high = *low + 1;
    if (*low >= size - 1) *low = *high = size - 1, p = float(size - 1);
    *share = p - float(*low);
    return true;
  }
  // Points [first, last) can be inside.
  int64_t first() const { return step > 0 && start < -1 ? clamp((-1 - start) / step - 1) : 0; }
  int64_t last() const { return step > 0 ? clamp((float(size) - start) / step + 1) : count; }

 private:
  int64_t clamp(float k) const { return k < 0 ? 0 : k > float(count) ? count : int64_t(k); }
};

struct Region {
  Points rows, columns;         // of the first cell
  float row_step, column_step;  // from cell to cell
  int64_t image;
  float weight;

  Region(const float* r, bool indexed, float scale, const int64_t* cells, int64_t sampling, const int64_t* size)
      : image(indexed ? int64_t(r[0]) : 0) {
    if (indexed) ++r;
    const float left = r[0] * scale, top = r[1] * scale;
    const float width = r[2] * scale - left, height = r[3] * scale - top;
    row_step = (height > 1.f ? height : 1.f) / float(cells[0]);
    column_step = (width > 1.f ? width : 1.f) / float(cells[1]);
    const int64_t down = sampling > 0 ? sampling : int64_t(std::ceil(row_step));
    const int64_t across = sampling > 0 ? sampling : int64_t(std::ceil(column_step));
    rows = {top, row_step / float(down), down, size[0]};
    columns = {left, column_step / float(across), across, size[1]};
    weight = 1.f / (float(down) * float(across));
  }

  // f(pixel, weight) for the four neighbours of each point of a cell.
  template <class F>
  void each(int64_t row, int64_t column, F f) const {
    Points v = rows, h = columns;
    v.start += float(row) * row_step, h.start += float(column) * column_step;
    int64_t top, bottom, left, right;
    float down, across;
    for (int64_t i = v.first(); i < v.last(); ++i) {
      if (!v.at(i, &top, &bottom, &down)) continue;
      for (int64_t j = h.first(); j < h.last(); ++j) {
        if (!h.at(j, &left, &right, &across)) continue;
        f(top * h.size + left, (1 - down) * (1 - across) * weight);
        f(top * h.size + right, (1 - down) * across * weight);
        f(bottom * h.size + left, down * (1 - across) * weight);
        f(bottom * h.size + right, down * across * weight);
      }
    }
  }
};

struct Grid {
  int64_t channels, size[2], cells[2], sampling, columns;
  float scale;
  bool last;
  Grid(const Shape& x, const Shape& rois, const Args& args)
      : cells{args.i("pooled_h"), args.i("pooled_w")},
        sampling(args.i("sampling_ratio")),
        columns(rois[1]),
        scale(args.f("spatial_scale")),
        last(args.s("order") == "NHWC") {
    channels = x[last ? 3 : 1], size[0] = x[last ? 1 : 2], size[1] = x[last ? 2 : 3];
  }
  int64_t pixels() const { return size[0] * size[1]; }
  Region region(const float* rois, int64_t k) const {
    return {rois + k * columns, columns == 5, scale, cells, sampling, size};
  }
  // Channel c of a pixel of an image, or of a cell of a region.
  int64_t at(int64_t image, int64_t c, int64_t pixel, int64_t all) const {
    return last ? (image * all + pixel) * channels + c : (image * channels + c) * all + pixel;
  }
};

struct RoIAlign {
  Status run(OpRun& op) {
    const Grid g(op.in(0).shape(), op.in(1).shape(), op.args);
    PF_TRY(check_rois(op.in(1), op.in(0).dim(0), g.scale));
    const float *x = op.in(0).data<float>(), *rois = op.in(1).data<float>();
    float* y = op.out(0).data<float>();
    if (op.out(0).size() == 0) return {};
    const int64_t cells = g.cells[0] * g.cells[1];
    const int64_t x_step = g.last ? 1 : g.pixels(), y_step = g.last ? 1 : cells, pixel_step = g.last ? g.channels : 1;
    parallel_for(op.in(1).dim(0), 1, [=, &g](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        const Region region = g.region(rois, k);
        const float* image = x + region.image * g.channels * g.pixels();
        for (int64_t cell = 0; cell < cells; ++cell) {
          float* out = y + g.at(k, 0, cell, cells);
          for (int64_t c = 0; c < g.channels; ++c) out[c * y_step] = 0;
          if (g.pixels() == 0) continue;
          region.each(cell / g.cells[1], cell % g.cells[1], [=, &g](int64_t pixel, float weight) {
            const float* in = image + pixel * pixel_step;
            for (int64_t c = 0; c < g.channels; ++c) out[c * y_step] += weight * in[c * x_step];
          });
        }
      }
    });
    return {};
  }
};

struct RoIAlignGradient {
  Status run(OpRun& op) {
    const Grid g(op.in(0).shape(), op.in(1).shape(), op.args);
    PF_TRY(check_rois(op.in(1), op.in(0).dim(0), g.scale));
    const float *rois = op.in(1).data<float>(), *dy = op.in(2).data<float>();
    float* dx = op.out(0).data<float>();
    Cpu::fill(op, op.out(0).size(), dx, 0.f);
    if (g.pixels() == 0) return {};
    const int64_t cells = g.cells[0] * g.cells[1], count = op.in(1).dim(0);
    // A thread for some channels: regions may overlap.
    parallel_for(g.channels, 1, [=, &g](int64_t begin, int64_t end) {
      for (int64_t k = 0; k < count; ++k) {
        const Region region = g.region(rois, k);
        for (int64_t cell = 0; cell < cells; ++cell)
          region.each(cell / g.cells[1], cell % g.cells[1], [=, &g, &region](int64_t pixel, float weight) {
            for (int64_t c = begin; c < end; ++c)
              dx[g.at(region.image, c, pixel, g.pixels())] += weight * dy[g.at(k, c, cell, cells)];
          });
      }
    });
    return {};
  }
};

Status align_shape(Infer& in) {
  const std::string_view order = in.args.s("order");
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order must be NCHW or NHWC, is \"", order, "\"");
  PF_CHECK(in.args.i("sampling_ratio") <= 4096, argument, "sampling_ratio must be 4096 at most, found ",
           in.args.i("sampling_ratio"));
  PF_TRY(in.want_dtype(0, DType::kFloat));
  Shape y;
  PF_TRY(pooled_rois(in, order == "NHWC", &y));
  if (in.inputs() == 2) return in.set(0, y, DType::kFloat), Status();
  PF_TRY(in.want_dtype(2, DType::kFloat));
  PF_CHECK(in.shape(2) == y, shape, "dY must have the shape ", y, ", found ", in.shape(2));
  return same_as_first(in);
}

// Of a quantized picture: the sums are real numbers, and only the means are quantized again.
struct Int8RoIAlign {
  Status run(OpRun& op) {
    const Int8Tensor* x;
    Quantization q;
    PF_TRY(int8_in(op, 0, &x));
    PF_TRY(output_quantization(op.args, &q));
    const TensorType types[] = {{x->t.shape(), DType::kFloat, true}, op.in(1).type()};
    TensorType made;
    Infer infer(op.args, types, 2, nullptr, &made, 1);
    PF_CHECK(op.args.s("order") == "NHWC", argument,
             "int8 operators take images as [N, H, W, C]: order must be \"NHWC\"");
    PF_TRY(align_shape(infer));
    const Grid g(x->t.shape(), op.in(1).shape(), op.args);
    PF_TRY(check_rois(op.in(1), x->t.dim(0), g.scale));
    float* sums;
    uint8_t* y;
    PF_TRY(op.scratch(g.channels * thread_count(), &sums));
    PF_TRY(int8_out(op, 0, made.shape, q, &y));
    if (made.shape.size() == 0) return {};
    const int64_t cells = g.cells[0] * g.cells[1];
    const float *rois = op.in(1).data<float>(), unit = x->q.scale;
    const int32_t zero = x->q.zero_point;
    parallel_for(op.in(1).dim(0), 1, [=, &g](int64_t begin, int64_t end) {
      float* sum = sums + g.channels * thread_index();
      for (int64_t k = begin; k < end; ++k) {
        const Region region = g.region(rois, k);
        const uint8_t* image = x->t.data<uint8_t>() + region.image * g.channels * g.pixels();
        for (int64_t cell = 0; cell < cells; ++cell) {
          for (int64_t c = 0; c < g.channels; ++c) sum[c] = 0;
          if (g.pixels() > 0)
            region.each(cell / g.cells[1], cell % g.cells[1], [=, &g](int64_t pixel, float weight) {
              const uint8_t* in = image + pixel * g.channels;
              for (int64_t c = 0; c < g.channels; ++c) sum[c] += weight * unit * float(in[c] - zero);
            });
          uint8_t* out = y + g.at(k, 0, cell, cells);
          for (int64_t c = 0; c < g.channels; ++c) out[c] = quantize(sum[c], q);
        }
      }
    });
    return {};
  }
};

constexpr auto kArguments = [](auto& op) {
  op.arg("order", "NCHW", "NCHW or NHWC: channels first or last.")
      .arg("spatial_scale", 1.f, "Factor from the coordinates of regions to pixels of X.")
      .arg("pooled_h", 1, "Rows of the grid.")
      .arg("pooled_w", 1, "Columns of the grid.")
      .arg("sampling_ratio", -1, "Points per cell in each dimension; 0 or less: as many as the cell has pixels.");
};

PF_OP(RoIAlign)
    .doc(
        "Means over a grid of cells in each region, without rounding: some points of each cell are read from the four "
        "pixels around them. Regions are at least one pixel high and wide; points outside the picture count as 0.")
    .with(kArguments)
    .input("X", "float [N, C, H, W] or [N, H, W, C] by order.")
    .input("rois", "float [R, 5]: index of the image, x1, y1, x2, y2; or [R, 4] without the index, of image 0.")
    .output("Y", "float [R, C, pooled_h, pooled_w], or with NHWC [R, pooled_h, pooled_w, C].")
    .shape(align_shape)
    .grad([](Gradient& g) { g.op("RoIAlignGradient", {g.I(0), g.I(1), g.GO(0)}, {g.GI(0)}); })
    .cpu<RoIAlign>();

PF_OP(RoIAlignGradient)
    .doc("Gradient of RoIAlign: dY goes to the pixels that were read, in their shares.")
    .with(kArguments)
    .input("X", "The pictures; their shape counts.")
    .input("rois", "The regions.")
    .input("dY", "Gradient of Y.")
    .output("dX", "Gradient of X, its shape.")
    .shape(align_shape)
    .no_grad()
    .cpu<RoIAlignGradient>();

PF_OP(Int8RoIAlign)
    .doc("RoIAlign of quantized pictures.")
    .with(kArguments)
    .with(kQuantized)
    .object_input("X", "int8 tensor [N, H, W, C].")
    .input("rois", "float: the regions.")
    .object_output("Y", "int8 tensor [R, pooled_h, pooled_w, C].")
    .shape(no_tensor)
    .cpu<Int8RoIAlign>();

}  // namespace
}  // namespace pf
