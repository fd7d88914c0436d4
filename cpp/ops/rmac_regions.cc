// SPDX-License-Identifier: Apache-2.0
// RMACRegions: a fixed grid of squares of several sizes over a picture, as regions for RoIPool (Tolias, Sicre, Jégou:
// "Particular object retrieval with integral max-pooling of CNN activations", 2016).
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

struct Grid {
  int64_t height, width, shorter, rows_more = 0, columns_more = 0;

  Grid(const Shape& x, float overlap) : height(x[2]), width(x[3]), shorter(height < width ? height : width) {
    if (height == width) return;
    // How many more squares along the longer side bring their overlap nearest to what is asked for.
    float best = HUGE_VALF;
    int64_t more = 0;
    for (int64_t k = 1; k <= 6; ++k) {
      const float step = float(double(height > width ? height - width : width - height) / double(k));
      const float square = float(shorter) * float(shorter);
      const float off = std::fabs((square - float(shorter) * step) / square - overlap);
      if (off < best) best = off, more = k;
    }
    (width > height ? columns_more : rows_more) = more;
  }
  int64_t side(int64_t level) const { return 2 * shorter / (level + 1); }
  int64_t rows(int64_t level) const { return level + rows_more; }
  int64_t columns(int64_t level) const { return level + columns_more; }
};

int64_t levels_of(const Grid& grid, int64_t scales) {
  return scales < 2 * grid.shorter - 1 ? scales : 2 * grid.shorter - 1;  // further squares would be empty
}

// Corner of the i-th of `count` squares along a dimension.
int64_t corner(int64_t i, int64_t count, int64_t side, int64_t size) {
  const float step = count > 1 ? float(double(size - side) / double(count - 1)) : 0.f;
  const int64_t at = int64_t(step * float(i));
  return at + side > size ? size - side : at;
}

struct RMACRegions {
  Status run(OpRun& op) {
    if (op.out(0).size() == 0) return {};
    const Shape& x = op.in(0).shape();
    const Grid grid(x, op.args.f("overlap"));
    float *first = op.out(0).data<float>(), *y = first;
    for (int64_t level = 1; level <= levels_of(grid, op.args.i("scales")); ++level) {
      const int64_t side = grid.side(level);
      for (int64_t i = 0; i < grid.columns(level); ++i) {
        for (int64_t j = 0; j < grid.rows(level); ++j, y += 5) {
          const int64_t left = corner(i, grid.columns(level), side, grid.width);
          const int64_t top = corner(j, grid.rows(level), side, grid.height);
          y[0] = 0, y[1] = float(left), y[2] = float(top);
          y[3] = float(left + side - 1), y[4] = float(top + side - 1);
        }
      }
    }
    const int64_t size = y - first;
    for (int64_t n = 1; n < x[0]; ++n)
      for (int64_t i = 0; i < size; ++i) y[(n - 1) * size + i] = i % 5 ? first[i] : float(n);
    return {};
  }
};

PF_OP(RMACRegions)
    .doc(
        "Squares of several sizes over a picture. Those of scale l have the side `2 min(H, W) / (l + 1)`; there are l "
        "along the shorter side and more along the longer one, so many that neighbours overlap by about `overlap`.")
    .arg("scales", 3, "How many sizes.")
    .arg("overlap", 0.4f, "Share of a square that its neighbour covers too, at the largest scale.")
    .input("X", "[N, C, H, W]; only the shape counts.")
    .output("rois", "float [R, 5]: index of the image, x1, y1, x2, y2; the same regions for each image.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_rank(0, 4));
      const Shape& x = in.shape(0);
      int64_t count = 0;
      if (x.size() > 0) {
        const Grid grid(x, in.args.f("overlap"));
        PF_CHECK(grid.height < 1 << 20 && grid.width < 1 << 20, shape, "the picture is too large: ", x);
        for (int64_t level = 1; level <= levels_of(grid, in.args.i("scales")); ++level)
          count += grid.rows(level) * grid.columns(level);
      }
      in.set(0, Shape{saturating_product(count, x[0]), 5}, DType::kFloat);
      return {};
    })
    .refuse_grad("the regions depend on the shape of X only")
    .cpu<RMACRegions>();

}  // namespace
}  // namespace pf
