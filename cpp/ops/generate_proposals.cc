// SPDX-License-Identifier: Apache-2.0
// GenerateProposals: regions that may hold an object, from the scores and box changes of every anchor at every place of
// a feature map.
#include "math/boxes.h"

namespace pf {
namespace {

class GenerateProposals {
 public:
  explicit GenerateProposals(const Args& args)
      : step_(1.f / args.f("spatial_scale")),
        before_(args.i("pre_nms_topN")),
        after_(args.i("post_nms_topN")),
        threshold_(args.f(args.has("nms_thres") ? "nms_thres" : "nms_thresh")),
        least_(args.f("min_size")),
        correct_(args.b("correct_transform_coords")),
        wide_(args.b("rotated") ? 5 : 4),
        bounds_(angle_bounds(args)),
        most_turned_(args.f("clip_angle_thresh")) {}

  Status run(OpRun& op) {
    const Tensor& scores = op.in(0);
    const int64_t images = scores.dim(0);
    anchors_ = scores.dim(1), height_ = scores.dim(2), width_ = scores.dim(3);
    const int64_t all = anchors_ * height_ * width_, most = before_ > 0 && before_ < all ? before_ : all;
    PF_TRY(op.scratch(all, &score_));
    PF_TRY(op.scratch(all, &order_));
    PF_TRY(op.scratch(all, &spare_));
    PF_TRY(op.scratch(most * wide_, &boxes_));
    found_.clear();
    for (int64_t i = 0; i < images; ++i) {
      const float* s = scores.data<float>() + i * all;
      // In the order rows, columns, anchors, which decides between equal scores.
      for (int64_t k = 0; k < all; ++k) score_[k] = s[k % anchors_ * height_ * width_ + k / anchors_];
      order_by_score(all, score_, 1, order_, spare_);
      propose(op, i, most);
    }
    return write(op);
  }

 private:
  struct Found {
    float image, box[5], score;
  };

  // The box of place and anchor k, moved by its delta and clipped; false if it is too small or centred outside.
  bool box_at(const float* anchors, int64_t k, const float* delta, const float* info, float* to) const {
    const float weights[4] = {1, 1, 1, 1}, least = least_ * info[2];
    const float* a = anchors + k % anchors_ * wide_;
    const float x = float(k / anchors_ % width_) * step_, y = float(k / anchors_ / width_) * step_;
    if (wide_ == 5) {
      const RotatedBox anchor{a[0] + x, a[1] + y, a[2], a[3], a[4]};
      const RotatedBox b = clip(decode(anchor, delta, weights, bounds_), info[0], info[1], most_turned_);
      to[0] = b.x, to[1] = b.y, to[2] = b.width, to[3] = b.height, to[4] = b.angle;
      return b.width >= least && b.height >= least && b.x < info[1] && b.y < info[0];
    }
    const Box anchor{a[0] + x, a[1] + y, a[2] + x, a[3] + y};
    const Box b = clip(decode(anchor, delta, weights, correct_), info[0], info[1]);
    to[0] = b.x1, to[1] = b.y1, to[2] = b.x2, to[3] = b.y2;
    return b.width() >= least && b.height() >= least && b.x1 + b.width() / 2 < info[1] &&
           b.y1 + b.height() / 2 < info[0];
  }

  // Decodes, clips, drops and suppresses the `most` best of image i.
  void propose(OpRun& op, int64_t i, int64_t most) {
    const int64_t plane = height_ * width_;
    const float *anchors = op.in(3).data<float>(), *info = op.in(2).data<float>() + i * op.in(2).dim(1);
    const float* deltas = op.in(1).data<float>() + i * anchors_ * wide_ * plane;
    int64_t n = 0;
    for (int64_t rank = 0; rank < most; ++rank) {
      const int64_t k = order_[rank];
      const float* d = deltas + k % anchors_ * wide_ * plane + k / anchors_;
      float delta[5];
      for (int64_t c = 0; c < wide_; ++c) delta[c] = d[c * plane];
      if (box_at(anchors, k, delta, info, boxes_ + wide_ * n)) spare_[n++] = int32_t(k);
    }
    for (int64_t k = 0; k < n; ++k) order_[k] = int32_t(k);
    const int64_t kept = suppress({boxes_, wide_, wide_ == 5}, order_, n, threshold_, after_ > 0 ? after_ : -1);
    for (int64_t k = 0; k < kept; ++k) {
      Found found{float(i), {}, score_[spare_[order_[k]]]};
      for (int64_t c = 0; c < wide_; ++c) found.box[c] = boxes_[wide_ * order_[k] + c];
      found_.push_back(found);
    }
  }

  Status write(OpRun& op) const {
    const int64_t n = int64_t(found_.size());
    PF_TRY(op.resize(0, Shape{n, wide_ + 1}, DType::kFloat));
    PF_TRY(op.resize(1, Shape{n}, DType::kFloat));
    for (int64_t k = 0; k < n; ++k) {
      const Found& f = found_[size_t(k)];
      float* roi = op.out(0).data<float>() + (wide_ + 1) * k;
      roi[0] = f.image;
      for (int64_t c = 0; c < wide_; ++c) roi[1 + c] = f.box[c];
      op.out(1).data<float>()[k] = f.score;
    }
    return {};
  }

  float step_;
  int64_t before_, after_;
  float threshold_, least_;
  bool correct_;
  int64_t wide_;  // numbers of a box
  AngleBounds bounds_;
  float most_turned_;
  int64_t anchors_ = 0, height_ = 0, width_ = 0;
  float *score_ = nullptr, *boxes_ = nullptr;
  int32_t *order_ = nullptr, *spare_ = nullptr;
  std::vector<Found> found_;
};

Status proposals_shape(Infer& in) {
  static const int kRanks[] = {4, 4, 2, 2};
  for (int i = 0; i < 4; ++i) {
    PF_TRY(in.want_dtype(i, DType::kFloat));
    PF_TRY(in.want_rank(i, kRanks[i]));
  }
  const Shape &s = in.shape(0), &anchors = in.shape(3);
  const int64_t wide = in.args.b("rotated") ? 5 : 4;
  const Shape deltas{s[0], saturating_product(wide, s[1]), s[2], s[3]}, info{s[0], 3}, boxes{s[1], wide};
  PF_CHECK(in.args.f("spatial_scale") > 0, argument, "spatial_scale must be positive, found ",
           in.args.f("spatial_scale"));
  PF_TRY(check_angle_bounds(in.args));
  PF_CHECK(in.shape(1) == deltas, shape, "bbox_deltas must have the shape ", deltas, ", found ", in.shape(1));
  PF_CHECK(in.shape(2) == info, shape, "im_info must have the shape ", info, ", found ", in.shape(2));
  PF_CHECK(anchors == boxes, shape, "anchors must have the shape ", boxes, ", found ", anchors);
  PF_CHECK(s.from(1) < INT32_MAX, shape, "there are too many anchors: ", s);
  return {};  // the scores tell how many proposals there are
}

constexpr auto kDeclare = [](auto& op) {
  op.arg("spatial_scale", 0.0625f, "Size of the feature map, from that of the picture.")
      .arg("pre_nms_topN", 6000, "How many of the best scores are decoded; 0 or less: all.")
      .arg("post_nms_topN", 300, "At most so many proposals per image; 0 or less: all.")
      .arg("nms_thresh", 0.7f, "The overlap that suppresses.")
      .optional_arg("nms_thres", ArgType::kFloat, "nms_thresh by the name that some nets give it.")
      .arg("min_size", 16.f, "Least height and width, in pixels of the picture before it was scaled.")
      .arg("correct_transform_coords", false, "Take 1 off x2 and y2, as Detectron does.")
      .arg("rotated", false, "Boxes with an angle: [x, y, width, height, degrees] of their centres, counter-clockwise.")
      .arg("angle_bound_on", true, "Of rotated boxes: bring angles between the bounds.")
      .arg("angle_bound_lo", -90, "Least angle, in degrees.")
      .arg("angle_bound_hi", 90, "Largest angle, a multiple of 180 degrees above.")
      .arg("clip_angle_thresh", 1.f, "Rotated boxes turned by more degrees than this are not clipped.")
      .input("scores", "float [N, A, H, W].")
      .input("bbox_deltas", "float [N, 4 A, H, W]: dx, dy, dw, dh of each anchor; rotated: [N, 5 A, H, W].")
      .input("im_info", "float [N, 3]: height, width and scale of each image.")
      .input("anchors", "float [A, 4]: x1, y1, x2, y2 at the first place of the map; rotated: [A, 5].")
      .output("rois", "float [n, 5]: index of the image, x1, y1, x2, y2; rotated: [n, 6].")
      .output("rois_probs", "float [n].")
      .shape_unknown("the scores tell how many proposals there are")
      .shape(proposals_shape)
      .refuse_grad("Caffe2 defines none for GenerateProposals")
      .template cpu<GenerateProposals>();
};

PF_OP(GenerateProposals)
    .doc(
        "Proposals of a region proposal network. Anchors are moved to every place of the map and by its deltas, as in "
        "BBoxTransform, and clipped to the picture; those too small or centred outside go; of the rest, from the best "
        "score down, those that a kept one overlaps by more than nms_thresh go.")
    .with(kDeclare);
PF_OP(GenerateProposalsCPP).doc("GenerateProposals under its older name.").with(kDeclare);

}  // namespace
}  // namespace pf
