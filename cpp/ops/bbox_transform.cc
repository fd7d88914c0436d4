// SPDX-License-Identifier: Apache-2.0
// BBoxTransform: boxes of proposals moved by what a detector says of each class.
#include <cmath>

#include "math/boxes.h"

namespace pf {
namespace {

struct BBoxTransform {
  std::vector<float> weights;
  const int64_t wide;  // numbers of a box
  const AngleBounds bounds;
  const float most_turned;
  explicit BBoxTransform(const Args& args)
      : weights(args.floats("weights")),
        wide(args.b("rotated") ? 5 : 4),
        bounds(angle_bounds(args)),
        most_turned(args.f("clip_angle_thresh")) {
    if (weights.empty()) weights.assign(4, 1.f);
  }
  Status run(OpRun& op) {
    const int64_t count = op.in(0).dim(0), columns = op.in(0).dim(1), classes = op.in(1).dim(1) / wide;
    const int64_t images = op.in(2).dim(0);
    const float *rois = op.in(0).data<float>(), *delta = op.in(1).data<float>(), *info = op.in(2).data<float>();
    const bool indexed = columns == wide + 1, scaled = op.args.b("apply_scale"),
               correct = op.args.b("correct_transform_coords");
    float* y = op.out(0).data<float>();
    float* splits;
    PF_TRY(op.scratch(images, &splits));
    for (int64_t i = 0; i < images; ++i) splits[i] = indexed ? 0.f : float(count);
    int64_t before = 0;
    for (int64_t k = 0; k < count; ++k) {
      const float* r = rois + k * columns;
      PF_CHECK(!indexed || (r[0] > -1 && r[0] < float(images)), value, "box ", k, " is in image ", r[0], ", there are ",
               images);
      const int64_t image = indexed ? int64_t(r[0]) : 0;
      PF_CHECK(image >= before, value, "boxes must be grouped by image; box ", k, " of image ", image,
               " comes after one of image ", before);
      before = image;
      if (indexed) ++splits[image], ++r;
      const float scale = info[image * 3 + 2], factor = scaled ? scale : 1.f;
      PF_CHECK(scale > 0, value, "the scale of image ", image, " must be positive, is ", scale);
      const float height = std::trunc(info[image * 3] / scale + .5f),
                  width = std::trunc(info[image * 3 + 1] / scale + .5f);
      if (wide == 5) {
        const RotatedBox box{r[0] / scale, r[1] / scale, r[2] / scale, r[3] / scale, r[4]};
        for (int64_t j = k * classes; j < (k + 1) * classes; ++j) {
          const RotatedBox b = clip(decode(box, delta + 5 * j, weights.data(), bounds), height, width, most_turned);
          float* to = y + 5 * j;
          to[0] = b.x * factor, to[1] = b.y * factor, to[2] = b.width * factor, to[3] = b.height * factor;
          to[4] = b.angle;
        }
        continue;
      }
      const Box box{r[0] / scale, r[1] / scale, r[2] / scale, r[3] / scale};
      for (int64_t j = k * classes; j < (k + 1) * classes; ++j) {
        const Box b = clip(decode(box, delta + 4 * j, weights.data(), correct), height, width);
        y[4 * j] = b.x1 * factor, y[4 * j + 1] = b.y1 * factor;
        y[4 * j + 2] = b.x2 * factor, y[4 * j + 3] = b.y2 * factor;
      }
    }
    for (int64_t i = 0; op.outputs() > 1 && i < images; ++i) op.out(1).data<float>()[i] = splits[i];
    return {};
  }
};

PF_OP(BBoxTransform)
    .doc(
        "Moves each box by [dx, dy, dw, dh] of each class: its centre by dx widths and dy heights, its size by exp(dw) "
        "and exp(dh), which are 62.5 at most; then clips it to the picture. Boxes are divided by the scale of their "
        "image first.")
    .optional_arg("weights", ArgType::kFloats, "Four divisors of dx, dy, dw, dh (1).")
    .arg("apply_scale", true, "Multiply the result by the scale of the image.")
    .arg("correct_transform_coords", false, "Take 1 off x2 and y2, as Detectron does.")
    .arg("rotated", false, "Boxes with an angle: [x, y, width, height, degrees] of their centres, counter-clockwise.")
    .arg("angle_bound_on", true, "Of rotated boxes: bring angles between the bounds.")
    .arg("angle_bound_lo", -90, "Least angle, in degrees.")
    .arg("angle_bound_hi", 90, "Largest angle, a multiple of 180 degrees above.")
    .arg("clip_angle_thresh", 1.f, "Rotated boxes turned by more degrees than this are not clipped.")
    .input("rois",
           "float [R, 5]: index of the image, x1, y1, x2, y2, grouped by image; or [R, 4] of one image. Rotated: [R, "
           "6] or [R, 5].")
    .input("deltas", "float [R, 4 classes]; rotated: [R, 5 classes], the last by how many radians to turn.")
    .input("im_info", "float [N, 3]: height, width and scale of each image.")
    .output("boxes", "float, the shape of deltas.")
    .optional_output("roi_batch_splits", "float [N]: how many boxes each image has.")
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < 3; ++i) {
        PF_TRY(in.want_dtype(i, DType::kFloat));
        PF_TRY(in.want_rank(i, 2));
      }
      const Shape &rois = in.shape(0), &delta = in.shape(1), &info = in.shape(2);
      const size_t weights = in.args.floats("weights").size();
      const int64_t wide = in.args.b("rotated") ? 5 : 4;
      PF_TRY(check_angle_bounds(in.args));
      PF_CHECK(weights == 0 || weights == 4, argument, "weights must have 4 numbers, has ", weights);
      PF_CHECK(rois[1] == wide || rois[1] == wide + 1, shape, "rois must have the shape [R, ", wide + 1, "] or [R, ",
               wide, "], found ", rois);
      PF_CHECK(delta[0] == rois[0] && delta[1] % wide == 0, shape, "deltas must have the shape [", rois[0], ", ", wide,
               " classes], found ", delta);
      PF_CHECK(info[1] == 3 && (rois[1] == wide + 1 || info[0] == 1), shape, "im_info must have the shape [",
               rois[1] == wide + 1 ? "N" : "1", ", 3], found ", info);
      in.set(0, delta, DType::kFloat);
      in.set(1, Shape{info[0]}, DType::kFloat);
      return {};
    })
    .refuse_grad("Caffe2 defines none for BBoxTransform")
    .cpu<BBoxTransform>();

}  // namespace
}  // namespace pf
