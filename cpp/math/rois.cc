// SPDX-License-Identifier: Apache-2.0
#include "math/rois.h"

#include <cmath>

namespace pf {

Status pooled_rois(Infer& in, bool channels_last, Shape* y) {
  const Shape &x = in.shape(0), &rois = in.shape(1);
  const int64_t rows = in.args.i("pooled_h"), columns = in.args.i("pooled_w");
  PF_TRY(in.want_dtype(1, DType::kFloat));
  PF_TRY(in.want_rank(0, 4));
  PF_CHECK(rois.rank() == 2 && (rois[1] == 4 || rois[1] == 5), shape, "rois must have the shape [R, 5] or [R, 4], is ",
           rois);
  PF_CHECK(rows > 0 && columns > 0 && rows < 1 << 20 && columns < 1 << 20, argument,
           "pooled_h and pooled_w must be positive, found ", rows, " and ", columns);
  PF_CHECK(in.args.f("spatial_scale") > 0, argument, "spatial_scale must be positive, found ",
           in.args.f("spatial_scale"));
  *y = channels_last ? Shape{rois[0], rows, columns, x[3]} : Shape{rois[0], x[1], rows, columns};
  return {};
}

Status check_rois(const Tensor& rois, int64_t images, float scale) {
  const float* r = rois.data<float>();
  const int64_t columns = rois.dim(1);
  for (int64_t i = 0; i < rois.dim(0); ++i, r += columns) {
    const float image = columns == 5 ? r[0] : 0.f;
    PF_CHECK(image > -1 && image < float(images), value, "region ", i, " is in image ", image, ", there are ", images);
    for (int64_t j = columns - 4; j < columns; ++j)
      PF_CHECK(std::fabs(r[j] * scale) < 1e9f, value, "region ", i, " has the coordinate ", r[j]);
  }
  return {};
}

}  // namespace pf
