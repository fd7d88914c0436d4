// SPDX-License-Identifier: Apache-2.0
// Accuracy: the share of rows whose label is among the top_k scores.
#include "core/op.h"

namespace pf {
namespace {

// How many classes come before `label` when the row is sorted by score, equal scores by index.
int64_t rank_of(int64_t classes, const float* scores, int64_t label) {
  const float own = scores[label];
  int64_t before = 0;
  for (int64_t j = 0; j < classes; ++j) before += scores[j] > own || (scores[j] == own && j < label);
  return before;
}

struct Accuracy {
  int64_t top_k;
  explicit Accuracy(const Args& args) : top_k(args.i("top_k")) {}
  Status run(OpRun& op) {
    const int64_t rows = op.in(0).dim(0), classes = op.in(0).dim(1);
    const float* scores = op.in(0).data<float>();
    const int32_t* labels = op.in(1).data<int32_t>();
    int64_t correct = 0;
    for (int64_t i = 0; i < rows; ++i) {
      PF_CHECK(labels[i] >= 0 && labels[i] < classes, value, "label of row ", i, " is ", labels[i], ", expected 0 to ",
               classes - 1);
      correct += rank_of(classes, scores + i * classes, labels[i]) < top_k;
    }
    op.out(0).data<float>()[0] = float(correct) / float(rows);  // of no rows: NaN, as in Caffe2
    return {};
  }
};

PF_OP(Accuracy)
    .doc(
        "The share of rows whose label is among their `top_k` highest scores. Of equal scores the lower class"
        " counts as the higher.")
    .arg("top_k", 1, "How many of the highest scores count as a hit.")
    .input("predictions", "float [N, D], a score for each of D classes.")
    .input("labels", "int32 [N], the class of each row, from 0 on.")
    .output("accuracy", "float scalar, 0 to 1.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(in.want_dtype(1, DType::kInt32));
      PF_TRY(in.want_rank(0, 2));
      PF_TRY(in.want_rank(1, 1));
      PF_CHECK(in.shape(0)[0] == in.shape(1)[0], shape, "there must be one label for each row of the predictions ",
               in.shape(0), ", found labels of shape ", in.shape(1));
      in.set(0, Shape{}, DType::kFloat);
      return {};
    })
    .refuse_grad("Accuracy has no gradient: train on a loss such as SoftmaxWithLoss")
    .cpu<Accuracy>();

}  // namespace
}  // namespace pf
