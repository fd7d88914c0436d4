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
        correct_(args.b("correct_transform_coords")) {}

  Status run(OpRun& op) {
    const Tensor& scores = op.in(0);
    const int64_t images = scores.dim(0);
    anchors_ = scores.dim(1), height_ = scores.dim(2), width_ = scores.dim(3);
    const int64_t all = anchors_ * height_ * width_, most = before_ > 0 && before_ < all ? before_ : all;
    PF_TRY(op.scratch(all, &score_));
    PF_TRY(op.scratch(all, &order_));
    PF_TRY(op.scratch(all, &spare_));
    PF_TRY(op.scratch(most * 4, &boxes_));
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
    float image, x1, y1, x2, y2, score;
  };

  Box anchor_at(const float* anchors, int64_t k) const {
    const float* a = anchors + k % anchors_ * 4;
    const float x = float(k / anchors_ % width_) * step_, y = float(k / anchors_ / width_) * step_;
    return {a[0] + x, a[1] + y, a[2] + x, a[3] + y};
  }

  // Decodes, clips, drops and suppresses the `most` best of image i.
  void propose(OpRun& op, int64_t i, int64_t most) {
    const int64_t plane = height_ * width_;
    const float *anchors = op.in(3).data<float>(), *info = op.in(2).data<float>() + i * op.in(2).dim(1);
    const float* deltas = op.in(1).data<float>() + i * anchors_ * 4 * plane;
    const float weights[4] = {1, 1, 1, 1}, least = least_ * info[2];
    int64_t n = 0;
    for (int64_t rank = 0; rank < most; ++rank) {
      const int64_t k = order_[rank];
      const float* d = deltas + k % anchors_ * 4 * plane + k / anchors_;
      const float delta[4] = {d[0], d[plane], d[2 * plane], d[3 * plane]};
      const Box b = clip(decode(anchor_at(anchors, k), delta, weights, correct_), info[0], info[1]);
      if (!(b.width() >= least && b.height() >= least)) continue;
      if (!(b.x1 + b.width() / 2 < info[1] && b.y1 + b.height() / 2 < info[0])) continue;
      float* to = boxes_ + 4 * n;
      to[0] = b.x1, to[1] = b.y1, to[2] = b.x2, to[3] = b.y2;
      spare_[n++] = int32_t(k);
    }
    for (int64_t k = 0; k < n; ++k) order_[k] = int32_t(k);
    const int64_t kept = suppress({boxes_, 4}, order_, n, threshold_, after_ > 0 ? after_ : -1);
    for (int64_t k = 0; k < kept; ++k) {
      const float* b = boxes_ + 4 * int64_t(order_[k]);
      found_.push_back({float(i), b[0], b[1], b[2], b[3], score_[spare_[order_[k]]]});
    }
  }

  Status write(OpRun& op) const {
    const int64_t n = int64_t(found_.size());
    PF_TRY(op.resize(0, Shape{n, 5}, DType::kFloat));
    PF_TRY(op.resize(1, Shape{n}, DType::kFloat));
    for (int64_t k = 0; k < n; ++k) {
      const Found& f = found_[size_t(k)];
      float* roi = op.out(0).data<float>() + 5 * k;
      roi[0] = f.image, roi[1] = f.x1, roi[2] = f.y1, roi[3] = f.x2, roi[4] = f.y2;
      op.out(1).data<float>()[k] = f.score;
    }
    return {};
  }

  float step_;
  int64_t before_, after_;
  float threshold_, least_;
  bool correct_;
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
  const Shape deltas{s[0], saturating_product(4, s[1]), s[2], s[3]}, info{s[0], 3}, boxes{s[1], 4};
  PF_CHECK(in.args.f("spatial_scale") > 0, argument, "spatial_scale must be positive, found ",
           in.args.f("spatial_scale"));
  PF_CHECK(!in.args.b("rotated"), argument, "rotated boxes are not supported");
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
      .arg("rotated", false, "Only 0: boxes with an angle are not supported.")
      .arg("angle_bound_on", true, "For rotated boxes.")
      .arg("angle_bound_lo", -90, "For rotated boxes.")
      .arg("angle_bound_hi", 90, "For rotated boxes.")
      .arg("clip_angle_thresh", 1.f, "For rotated boxes.")
      .input("scores", "float [N, A, H, W].")
      .input("bbox_deltas", "float [N, 4 A, H, W]: dx, dy, dw, dh of each anchor.")
      .input("im_info", "float [N, 3]: height, width and scale of each image.")
      .input("anchors", "float [A, 4]: x1, y1, x2, y2 at the first place of the map.")
      .output("rois", "float [n, 5]: index of the image, x1, y1, x2, y2.")
      .output("rois_probs", "float [n].")
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
