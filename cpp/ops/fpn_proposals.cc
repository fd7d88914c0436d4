// SPDX-License-Identifier: Apache-2.0
// CollectAndDistributeFpnRpnProposals: proposals of all levels of a feature pyramid, the best of them sorted by size to
// the levels that look at them.
#include <cmath>

#include "math/boxes.h"

namespace pf {
namespace {

struct Levels {
  int64_t rpn, roi;  // how many
  explicit Levels(const Args& args)
      : rpn(args.i("rpn_max_level") - args.i("rpn_min_level") + 1),
        roi(args.i("roi_max_level") - args.i("roi_min_level") + 1) {}
};

struct Distribute {
  Status run(OpRun& op) {
    const Levels levels(op.args);
    int64_t count = 0;
    for (int64_t l = 0; l < levels.rpn; ++l) count += op.in(int(l)).dim(0);
    float *rois, *scores, *level;
    int32_t *order, *spare;
    PF_TRY(op.scratch(count * 5, &rois));
    PF_TRY(op.scratch(count, &scores));
    PF_TRY(op.scratch(count, &level));
    PF_TRY(op.scratch(count, &order));
    PF_TRY(op.scratch(count, &spare));
    for (int64_t l = 0, at = 0; l < levels.rpn; ++l) {
      const Tensor &boxes = op.in(int(l)), &score = op.in(int(levels.rpn + l));
      Cpu::copy(op, boxes.byte_size(), rois + at * 5, boxes.data<float>());
      Cpu::copy(op, score.byte_size(), scores + at, score.data<float>());
      at += boxes.dim(0);
    }
    order_by_score(count, scores, 1, order, spare);
    const int64_t limit = op.args.i("post_nms_topN");
    if (limit > 0 && limit < count) count = limit;
    PF_TRY(op.resize(0, Shape{count, 5}, DType::kFloat));
    float* best = op.out(0).data<float>();
    for (int64_t k = 0; k < count; ++k) {
      for (int i = 0; i < 5; ++i) best[5 * k + i] = rois[5 * int64_t(order[k]) + i];
      PF_TRY(level_of(op.args, best + 5 * k, &level[k]));
    }
    return spread(op, levels, count, level);
  }

  // floor(canonical_level + log2(sqrt(area) / canonical_scale)), within the levels there are.
  static Status level_of(const Args& args, const float* roi, float* out) {
    const Box box{roi[1], roi[2], roi[3], roi[4]};
    const float area = box.width() * box.height();
    PF_CHECK(area >= 0, value, "a proposal has the area ", area);
    const float ratio = std::sqrt(area) / float(args.i("roi_canonical_scale")) + 1e-6f;
    const float level = std::floor(float(args.i("roi_canonical_level")) + std::log(ratio) / float(std::log(2.0)));
    const float least = float(args.i("roi_min_level")), most = float(args.i("roi_max_level"));
    *out = level < most ? level > least ? level : least : most;
    return {};
  }

  // The rows of each level, and where each row of output 0 is among them.
  static Status spread(OpRun& op, const Levels& levels, int64_t count, const float* level) {
    const int last = op.outputs() - 1;
    const float* best = op.out(0).data<float>();
    PF_TRY(op.resize(last, Shape{count}, DType::kInt32));
    int32_t* restore = op.out(last).data<int32_t>();
    int32_t place = 0;
    for (int64_t l = 0; l < levels.roi; ++l) {
      const float wanted = float(op.args.i("roi_min_level") + l);
      int64_t rows = 0;
      for (int64_t k = 0; k < count; ++k) rows += level[k] == wanted;
      PF_TRY(op.resize(int(l + 1), Shape{rows, 5}, DType::kFloat));
      float* to = op.out(int(l + 1)).data<float>();
      for (int64_t k = 0; k < count; ++k) {
        if (level[k] != wanted) continue;
        for (int i = 0; i < 5; ++i) *to++ = best[5 * k + i];
        restore[k] = place++;
      }
    }
    return {};
  }
};

PF_OP(CollectAndDistributeFpnRpnProposals)
    .doc(
        "Joins the proposals of all levels of a feature pyramid, best score first, and gives each to the level `floor("
        "canonical_level + log2(sqrt(area) / canonical_scale))`, bounded by the levels there are.")
    .arg("roi_canonical_scale", 224, "Side of the squares that belong to the canonical level.")
    .arg("roi_canonical_level", 4, "Their level.")
    .arg("roi_max_level", 5, "Highest level of regions.")
    .arg("roi_min_level", 2, "Lowest level of regions.")
    .arg("rpn_max_level", 6, "Highest level of proposals.")
    .arg("rpn_min_level", 2, "Lowest level of proposals.")
    .arg("post_nms_topN", 2000, "How many proposals are kept.")
    .optional_arg("rpn_post_nms_topN", ArgType::kInt, "Has no effect, as in Caffe2; post_nms_topN limits.")
    .variadic_input("rois_and_scores", "float [n, 5] proposals of each level, then float [n] scores of each level.")
    .variadic_output("rois",
                     "float [n, 5] all; then those of each level; then int32 [n]: for each of all, its row among "
                     "the levels' one after the other.")
    .shape_unknown("the boxes tell how many go to each level")
    .shape([](Infer& in) -> Status {
      const Args& args = in.args;
      for (const char* name : {"roi_max_level", "roi_min_level", "rpn_max_level", "rpn_min_level"})
        PF_CHECK(args.i(name) >= 0 && args.i(name) < 64, argument, name, " must be 0 to 63, is ", args.i(name));
      PF_CHECK(args.i("roi_canonical_scale") > 0, argument, "roi_canonical_scale must be positive, is ",
               args.i("roi_canonical_scale"));
      const Levels levels(args);
      PF_CHECK(levels.rpn > 0 && in.inputs() == 2 * levels.rpn, argument,
               "there must be proposals and scores for each of the ", levels.rpn, " levels, found ", in.inputs(),
               " inputs");
      PF_CHECK(levels.roi > 0 && in.outputs() == levels.roi + 2, argument, "there must be ", levels.roi,
               " outputs for the levels and two more, found ", in.outputs());
      for (int i = 0; i < in.inputs(); ++i) PF_TRY(in.want_dtype(i, DType::kFloat));
      for (int l = 0; l < int(levels.rpn); ++l) {
        const Shape &rois = in.shape(l), &scores = in.shape(int(levels.rpn) + l);
        PF_CHECK(rois.rank() == 2 && rois[1] == 5 && scores.size() == rois[0], shape, "level ", l,
                 " must have proposals [n, 5] and n scores, found ", rois, " and ", scores);
      }
      return {};  // the proposals tell how many each level gets
    })
    .refuse_grad("Caffe2 defines none: only inference is supported")
    .cpu<Distribute>();

}  // namespace
}  // namespace pf
