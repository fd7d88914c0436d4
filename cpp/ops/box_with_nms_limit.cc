// SPDX-License-Identifier: Apache-2.0
// BoxWithNMSLimit: of the boxes a detector found, those that no better one of their class overlaps, and of these the
// best.
#include "math/boxes.h"

namespace pf {
namespace {

class BoxWithNMSLimit {
 public:
  explicit BoxWithNMSLimit(const Args& args)
      : least_(args.f("score_thresh")),
        threshold_(args.f("nms")),
        limit_(args.i("detections_per_im")),
        soft_(args.b("soft_nms_enabled")),
        wide_(args.b("rotated") ? 5 : 4) {
    const std::string_view method = args.s("soft_nms_method");
    softly_ = {method == "linear"     ? SoftMethod::kLinear
               : method == "gaussian" ? SoftMethod::kGaussian
                                      : SoftMethod::kHard,
               args.f("soft_nms_sigma"), threshold_, args.f("soft_nms_min_score_thres")};
  }

  Status run(OpRun& op) {
    const int64_t count = op.in(0).dim(0), classes = op.in(0).dim(1);
    const int64_t images = op.inputs() > 2 ? op.in(2).dim(0) : 1;
    const float whole = float(count);
    const float* splits = op.inputs() > 2 ? op.in(2).data<float>() : &whole;
    PF_TRY(check_splits(splits, images, count));
    PF_TRY(op.scratch(count * classes, &score_));
    PF_TRY(op.scratch(count, &spare_));
    PF_TRY(op.scratch(count, &order_));
    kept_.clear();
    sizes_.assign(size_t(images * classes), 0);
    std::vector<size_t> ends;
    int64_t first = 0;
    for (int64_t i = 0; i < images; ++i) {
      const int64_t size = op.inputs() > 2 ? int64_t(splits[i]) : count;
      select(op, first, size, classes, sizes_.data() + i * classes);
      ends.push_back(kept_.size());
      first += size;
    }
    return write(op, ends, images, classes);
  }

 private:
  struct Kept {
    int64_t box;       // of all images
    int32_t in_image;  // of its own
    int32_t cls;
    float score;
  };

  static Status check_splits(const float* splits, int64_t images, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < images; ++i) {
      PF_CHECK(splits[i] >= 0 && splits[i] == float(int64_t(splits[i] < 1e9f ? splits[i] : -1)), value,
               "batch_splits must be whole numbers, found ", splits[i]);
      sum += splits[i];
    }
    PF_CHECK(images == 1 || sum == double(count), value, "batch_splits must sum to the ", count, " boxes, make ", sum);
    PF_CHECK(images != 1 || splits[0] == float(count), value, "batch_splits must sum to the ", count, " boxes, make ",
             splits[0]);
    return {};
  }

  // Adds what is kept of one image, boxes [first, first + count).
  void select(OpRun& op, int64_t first, int64_t count, int64_t classes, int32_t* sizes) {
    const float* given = op.in(0).data<float>() + first * classes;
    const float* boxes = op.in(1).data<float>() + first * classes * wide_;
    const size_t begin = kept_.size();
    for (int64_t c = 1; c < classes; ++c) {
      const BoxList list{boxes + wide_ * c, wide_ * classes, wide_ == 5};
      for (int64_t i = 0; i < count; ++i) score_[i] = given[i * classes + c];
      int64_t n = 0;
      if (soft_) {
        for (int64_t i = 0; i < count; ++i)
          if (score_[i] > least_) order_[n++] = int32_t(i);
        n = suppress_softly(list, score_, 1, order_, n, softly_);
      } else {
        order_by_score(count, score_, 1, order_, spare_);
        for (int64_t i = 0; i < count; ++i)
          if (score_[order_[i]] > least_) order_[n++] = order_[i];
        n = suppress(list, order_, n, threshold_, -1);
      }
      for (int64_t k = 0; k < n; ++k) kept_.push_back({first + order_[k], order_[k], int32_t(c), score_[order_[k]]});
    }
    limit(begin);
    for (size_t k = begin; k < kept_.size(); ++k) ++sizes[kept_[k].cls];
  }

  // Of what an image keeps, from `begin` on, only the best of all classes; all that equal the last of them stay.
  void limit(size_t begin) {
    const size_t n = kept_.size() - begin;
    if (limit_ <= 0 || n <= size_t(limit_)) return;
    std::vector<float> scores;
    for (size_t k = begin; k < kept_.size(); ++k) scores.push_back(kept_[k].score);
    std::vector<int32_t> order(n), spare(n);
    order_by_score(int64_t(n), scores.data(), 1, order.data(), spare.data());
    const float last = scores[size_t(order[size_t(limit_) - 1])];
    size_t to = begin;
    for (size_t k = begin; k < kept_.size(); ++k)
      if (kept_[k].score >= last) kept_[to++] = kept_[k];
    kept_.resize(to);
  }

  Status write(OpRun& op, const std::vector<size_t>& ends, int64_t images, int64_t classes) {
    const int64_t n = int64_t(kept_.size());
    PF_TRY(op.resize(0, Shape{n}, DType::kFloat));
    PF_TRY(op.resize(1, Shape{n, wide_}, DType::kFloat));
    PF_TRY(op.resize(2, Shape{n}, DType::kFloat));
    if (op.outputs() > 4) PF_TRY(op.resize(4, Shape{n}, DType::kInt32));
    for (int64_t k = 0; k < n; ++k) {
      const Kept& kept = kept_[size_t(k)];
      op.out(0).data<float>()[k] = kept.score;
      op.out(2).data<float>()[k] = float(kept.cls);
      const float* box = op.in(1).data<float>() + (kept.box * classes + kept.cls) * wide_;
      for (int64_t i = 0; i < wide_; ++i) op.out(1).data<float>()[wide_ * k + i] = box[i];
      if (op.outputs() > 4) op.out(4).data<int32_t>()[k] = kept.in_image;
    }
    for (int64_t i = 0; op.outputs() > 3 && i < images; ++i)
      op.out(3).data<float>()[i] = float(ends[size_t(i)] - (i ? ends[size_t(i) - 1] : 0));
    for (int64_t i = 0; op.outputs() > 5 && i < images * classes; ++i) op.out(5).data<int32_t>()[i] = sizes_[size_t(i)];
    return {};
  }

  float least_, threshold_;
  int64_t limit_;
  bool soft_;
  int64_t wide_;  // numbers of a box
  SoftSuppression softly_;
  std::vector<Kept> kept_;
  std::vector<int32_t> sizes_;
  float* score_ = nullptr;
  int32_t *order_ = nullptr, *spare_ = nullptr;
};

// [n, columns], or the same with two dimensions of 1 behind.
bool is_table(const Shape& x, int64_t columns) {
  return (x.rank() == 2 || (x.rank() == 4 && x[2] == 1 && x[3] == 1)) && (columns < 0 || x[1] == columns);
}

PF_OP(BoxWithNMSLimit)
    .doc(
        "Non-maximum suppression of the boxes of each class but 0, the background: from the best score down, a box "
        "goes "
        "that a kept one overlaps by more than nms (intersection over union). Then the best detections_per_im of all "
        "classes. Soft suppression lowers scores instead: by `1 - overlap` (linear) or `exp(-overlap^2 / sigma)` "
        "(gaussian).")
    .arg("score_thresh", 0.05f, "Only scores above this count.")
    .arg("nms", 0.3f, "The overlap that suppresses.")
    .arg("detections_per_im", 100, "At most so many boxes of an image; 0 or less: all.")
    .arg("soft_nms_enabled", false, "Lower scores instead of dropping boxes.")
    .arg("soft_nms_method", "linear", "linear or gaussian.")
    .arg("soft_nms_sigma", 0.5f, "For gaussian.")
    .arg("soft_nms_min_score_thres", 0.001f, "Boxes whose score fell below this go.")
    .arg("rotated", false, "Boxes with an angle: [x, y, width, height, degrees] of their centres, counter-clockwise.")
    .input("scores", "float [R, classes].")
    .input("boxes", "float [R, 4 classes]; rotated: [R, 5 classes].")
    .optional_input("batch_splits", "float [N]: how many rows each image has; without it there is one image.")
    .output("scores", "float [n].")
    .output("boxes", "float [n, 4]; rotated: [n, 5].")
    .output("classes", "float [n].")
    .optional_output("batch_splits", "float [N]: how many are left of each image.")
    .optional_output("keeps", "int32 [n]: rows within the image.")
    .optional_output("keeps_size", "int32 [N, classes]: how many are left of each class.")
    .shape_unknown("the scores tell how many boxes are left")
    .shape([](Infer& in) -> Status {
      for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      const Shape &scores = in.shape(0), &boxes = in.shape(1);
      const std::string_view method = in.args.s("soft_nms_method");
      const int64_t wide = in.args.b("rotated") ? 5 : 4;
      PF_CHECK(method == "linear" || method == "gaussian", argument,
               "soft_nms_method must be linear or gaussian, found \"", method, "\"");
      PF_CHECK(is_table(scores, -1), shape, "scores must have the shape [R, classes], found ", scores);
      PF_CHECK(is_table(boxes, saturating_product(wide, scores[1])) && boxes[0] == scores[0], shape,
               "boxes must have the shape [", scores[0], ", ", wide, " * ", scores[1], "], found ", boxes);
      PF_CHECK(scores[0] < INT32_MAX, shape, "there are too many boxes: ", scores);
      if (in.inputs() > 2) PF_TRY(in.want_rank(2, 1));
      const int64_t images = in.inputs() > 2 ? in.shape(2)[0] : 1;
      in.set(3, Shape{images}, DType::kFloat);
      in.set(5, Shape{images, scores[1]}, DType::kInt32);
      return {};  // the scores tell how many are left
    })
    .refuse_grad("Caffe2 defines none for BoxWithNMSLimit")
    .cpu<BoxWithNMSLimit>();

}  // namespace
}  // namespace pf
