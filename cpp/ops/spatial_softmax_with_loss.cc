// SPDX-License-Identifier: Apache-2.0
// SpatialSoftmaxWithLoss: softmax over the channels of every pixel and its weighted mean cross entropy; and its
// gradient. Pixels with the label -1 count for nothing.
// build: loops
#include <cmath>

#include "core/op.h"
#include "math/vector_math.h"

namespace pf {
namespace {

constexpr int32_t kIgnored = -1;
constexpr float kSmallest = 1e-20f;

struct Batch {
  int64_t count, classes, pixels;
  explicit Batch(const Shape& x) : count(x[0]), classes(x[1]), pixels(x.from(2)) {}
};

// Logits, labels and, where there are some, weights are inputs 0, 1 and 2 forwards and backwards.
Status check_inputs(Infer& in, bool weighted) {
  const Args& args = in.args;
  PF_CHECK(args.s("order") == "NCHW", argument, "order must be NCHW, found ", args.s("order"));
  PF_CHECK(args.f("scale") >= 0, argument, "scale must not be negative, found ", args.f("scale"));
  PF_TRY(in.want_dtype(0, DType::kFloat));
  PF_TRY(in.want_rank(0, 4));
  PF_TRY(in.want_dtype(1, DType::kInt32));
  const Shape& x = in.shape(0);
  const Shape map{x[0], x[2], x[3]};
  PF_CHECK(in.shape(1) == map, shape, "there must be one label for each pixel, ", map, "; found ", in.shape(1));
  if (!weighted) return {};
  PF_TRY(in.want_dtype(2, DType::kFloat));
  PF_CHECK(in.shape(2) == map, shape, "there must be one weight for each pixel, ", map, "; found ", in.shape(2));
  return {};
}

Status check_labels(const Batch& b, const int32_t* label) {
  for (int64_t i = 0; i < b.count * b.pixels; ++i)
    PF_CHECK(label[i] == kIgnored || (label[i] >= 0 && label[i] < b.classes), value, "label ", i, " is ", label[i],
             ", expected 0 to ", b.classes - 1, ", or -1 to ignore the pixel");
  return {};
}

double total_weight(const Batch& b, const int32_t* label, const float* weights) {
  double total = 0;
  for (int64_t i = 0; i < b.count * b.pixels; ++i)
    if (label[i] != kIgnored) total += weights ? weights[i] : 1;
  return total;
}

// Softmax over x[c * step] for c below n.
void softmax_pixel(int64_t n, int64_t step, const float* x, float* y) {
  float top = x[0], sum = 0;
  for (int64_t c = 1; c < n; ++c)
    if (x[c * step] > top) top = x[c * step];
  for (int64_t c = 0; c < n; ++c) sum += y[c * step] = exp_one(x[c * step] - top);
  for (int64_t c = 0; c < n; ++c) y[c * step] /= sum;
}

struct SpatialSoftmaxWithLoss {
  Status run(OpRun& op) {
    const Batch b(op.in(0).shape());
    const float* x = op.in(0).data<float>();
    const int32_t* label = op.in(1).data<int32_t>();
    const float* weights = op.inputs() > 2 ? op.in(2).data<float>() : nullptr;
    float* y = op.out(0).data<float>();
    PF_TRY(check_labels(b, label));
    if (b.classes > 0)
      parallel_for(b.count * b.pixels, 1 + 2048 / (b.classes + 1), [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t at = i / b.pixels * b.classes * b.pixels + i % b.pixels;
          softmax_pixel(b.classes, b.pixels, x + at, y + at);
        }
      });
    double loss = 0;
    for (int64_t i = 0; i < b.count * b.pixels; ++i) {
      if (label[i] == kIgnored) continue;
      const float p = y[(i / b.pixels * b.classes + label[i]) * b.pixels + i % b.pixels];
      loss -= (weights ? weights[i] : 1.f) * log_one(p < kSmallest ? kSmallest : p);
    }
    const double total = total_weight(b, label, weights);
    op.out(1).data<float>()[0] = total != 0 ? float(loss * op.args.f("scale") / total) : 0.f;
    return {};
  }
};

struct SpatialSoftmaxWithLossGradient {
  Status run(OpRun& op) {
    const Batch b(op.in(0).shape());
    const int32_t* label = op.in(1).data<int32_t>();
    const float* weights = op.inputs() > 4 ? op.in(2).data<float>() : nullptr;
    const float* p = op.in(op.inputs() - 2).data<float>();
    float* dx = op.out(0).data<float>();
    PF_TRY(check_labels(b, label));
    const double total = total_weight(b, label, weights);
    // Caffe2 leaves out scale and mean where the weights do not sum to more than 0.
    const float scale = float((total > 0 ? op.args.f("scale") / total : 1) * op.in(op.inputs() - 1).data<float>()[0]);
    parallel_for(b.count * b.classes, 1 + 8192 / (b.pixels + 1), [=](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        const int64_t c = plane % b.classes, labels = plane / b.classes * b.pixels, at = plane * b.pixels;
        for (int64_t i = 0; i < b.pixels; ++i) {
          const int32_t l = label[labels + i];
          const float factor = weights ? scale * weights[labels + i] : scale;
          dx[at + i] = l == kIgnored ? 0.f : (p[at + i] - (l == c ? 1.f : 0.f)) * factor;
        }
      }
    });
    return {};
  }
};

PF_OP(SpatialSoftmaxWithLoss)
    .doc(
        "Softmax over the channels of each pixel and the mean cross entropy against a map of labels: `loss = scale * "
        "sum_i w_i l_i / sum_i w_i` over all pixels i not labelled -1, `l_i = -log(softmax_i[label_i])`. The loss is "
        "0 where the weights sum to 0.")
    .arg("scale", 1.f, "Factor of the loss.")
    .arg("order", "NCHW", "Only NCHW.")
    .input("logits", "float [N, classes, H, W].")
    .input("labels", "int32 [N, H, W]: a class from 0 on, or -1 for a pixel that does not count.")
    .optional_input("weights", "float [N, H, W], one weight per pixel.")
    .output("softmax", "Probabilities, shape of the logits.")
    .output("loss", "float scalar.")
    .shape([](Infer& in) -> Status {
      PF_TRY(check_inputs(in, in.inputs() > 2));
      in.set(0, in.shape(0), DType::kFloat);
      in.set(1, Shape{}, DType::kFloat);
      return {};
    })
    .grad([](Gradient& g) {
      std::vector<std::string> in = {g.I(0), g.I(1)};
      if (g.inputs() > 2) in.push_back(g.I(2));
      in.push_back(g.O(0));
      in.push_back(g.GO(1));
      g.op("SpatialSoftmaxWithLossGradient", in, {g.GI(0)});
    })
    .cpu<SpatialSoftmaxWithLoss>();

PF_OP(SpatialSoftmaxWithLossGradient)
    .doc(
        "Gradient of SpatialSoftmaxWithLoss: `(softmax - 1 at the label) * w * scale / sum w * d_loss`, 0 for pixels "
        "labelled -1.")
    .arg("scale", 1.f, "As given to SpatialSoftmaxWithLoss.")
    .arg("order", "NCHW", "Only NCHW.")
    .input("logits", "The logits given to SpatialSoftmaxWithLoss.")
    .input("labels", "The labels given to it.")
    .variadic_input("rest", "The weights, where there were some; then softmax; then d_loss, the gradient of the loss.")
    .output("d_logits", "Gradient of the logits, their shape.")
    .shape([](Infer& in) -> Status {
      const int last = in.inputs() - 1;
      PF_CHECK(last == 3 || last == 4, argument, "takes 4 inputs, or 5 with weights, found ", last + 1);
      PF_TRY(check_inputs(in, last == 4));
      PF_TRY(in.want_dtype(last - 1, DType::kFloat));
      PF_TRY(in.want_dtype(last, DType::kFloat));
      PF_TRY(in.want_same_shape(0, last - 1));
      PF_CHECK(in.shape(last).size() == 1, shape, "the gradient of the loss must be one number, found the shape ",
               in.shape(last));
      in.set(0, in.shape(0), DType::kFloat);
      return {};
    })
    .no_grad()
    .cpu<SpatialSoftmaxWithLossGradient>();

}  // namespace
}  // namespace pf
