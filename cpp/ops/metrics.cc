// SPDX-License-Identifier: Apache-2.0
// What tells how good predictions are: MultiClassAccuracy, Perplexity, APMeter.
#include <cmath>

#include "core/op.h"

namespace pf {
namespace {

struct MultiClassAccuracy {
  Status run(OpRun& op) {
    const int64_t rows = op.in(0).dim(0), classes = op.in(0).dim(1);
    const float* x = op.in(0).data<float>();
    const int32_t* label = op.in(1).data<int32_t>();
    float* accuracy = op.out(0).data<float>();
    int32_t* amount = op.out(1).data<int32_t>();
    for (int64_t j = 0; j < classes; ++j) accuracy[j] = 0, amount[j] = 0;
    for (int64_t i = 0; i < rows; ++i) {
      PF_CHECK(label[i] >= 0 && label[i] < classes, value, "label of row ", i, " is ", label[i], ", expected 0 to ",
               classes - 1);
      int64_t best = 0;
      for (int64_t j = 1; j < classes; ++j)
        if (x[i * classes + j] > x[i * classes + best]) best = j;
      accuracy[label[i]] += best == label[i];
      ++amount[label[i]];
    }
    for (int64_t j = 0; j < classes; ++j)
      if (amount[j]) accuracy[j] /= float(amount[j]);
    return {};
  }
};

struct Perplexity {
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    const float* p = op.in(0).data<float>();
    double product = 1;
    for (int64_t i = 0; i < n; ++i) product *= std::pow(double(p[i]), -1.0 / double(n));
    op.out(0).data<float>()[0] = float(product);
    return {};
  }
};

// Keeps the predictions of earlier runs. Those of each class are sorted by score after every run, so that what makes
// room when the buffer is full are the best scores: Caffe2 does the same.
class APMeter {
 public:
  explicit APMeter(const Args& args) : limit_(size_t(args.i("buffer_size"))) {}

  Status run(OpRun& op) {
    const size_t rows = size_t(op.in(0).dim(0)), classes = size_t(op.in(0).dim(1));
    const float* x = op.in(0).data<float>();
    const int32_t* label = op.in(1).data<int32_t>();
    PF_CHECK(buffers_.empty() || buffers_.size() == classes, shape, "there were ", buffers_.size(),
             " classes in earlier runs, now there are ", classes);
    buffers_.resize(classes);
    const size_t first = rows > limit_ ? rows - limit_ : 0;
    for (size_t c = 0; c < classes; ++c) {
      Buffer& buffer = buffers_[c];
      const size_t wanted = buffer.size() + rows - first;
      if (wanted > limit_) buffer.erase(buffer.begin(), buffer.begin() + int64_t(wanted - limit_));
      for (size_t i = first; i < rows; ++i) buffer.push_back({x[i * classes + c], label[i * classes + c]});
      sort(buffer);
      op.out(0).data<float>()[c] = average_precision(buffer);
    }
    return {};
  }

 private:
  struct Prediction {
    float score;
    int32_t label;
  };
  using Buffer = std::vector<Prediction>;

  // Merges runs of doubling length, largest score first; equal ones keep their order.
  void sort(Buffer& buffer) {
    spare_.resize(buffer.size());
    const size_t n = buffer.size();
    for (size_t width = 1; width < n; width *= 2) {
      for (size_t begin = 0; begin < n; begin += 2 * width) {
        const size_t middle = begin + width < n ? begin + width : n, end = middle + width < n ? middle + width : n;
        size_t a = begin, b = middle;
        for (size_t i = begin; i < end; ++i)
          spare_[i] = a < middle && (b == end || !(buffer[b].score > buffer[a].score)) ? buffer[a++] : buffer[b++];
      }
      buffer.swap(spare_);
    }
  }

  static float average_precision(const Buffer& buffer) {
    double hits = 0, sum = 0;
    int64_t positives = 0;
    for (size_t i = 0; i < buffer.size(); ++i) {
      hits += buffer[i].label;
      if (buffer[i].label == 1) ++positives, sum += hits / double(i + 1);
    }
    return float(sum / double(positives ? positives : 1));
  }

  size_t limit_;
  std::vector<Buffer> buffers_;
  Buffer spare_;
};

PF_OP(MultiClassAccuracy)
    .doc("For each class, the share of its rows for which it has the largest score.")
    .input("scores", "float [N, D].")
    .input("labels", "int32 [N].")
    .output("accuracies", "float [D]; 0 for a class that no row has.")
    .output("amounts", "int32 [D]: how many rows have the class.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(in.want_dtype(1, DType::kInt32));
      PF_TRY(in.want_rank(0, 2));
      PF_TRY(in.want_rank(1, 1));
      PF_CHECK(in.shape(1)[0] == in.shape(0)[0], shape, "there must be one label for each row of the scores ",
               in.shape(0), ", found ", in.shape(1));
      in.set(0, Shape{in.shape(0)[1]}, DType::kFloat);
      in.set(1, Shape{in.shape(0)[1]}, DType::kInt32);
      return {};
    })
    .refuse_grad("an accuracy has no useful gradient")
    .cpu<MultiClassAccuracy>();

PF_OP(Perplexity)
    .doc("How surprising a batch is, `prod_i p_i^(-1/N)`.")
    .input("probabilities", "float [N].")
    .output("perplexity", "float scalar.")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(in.want_rank(0, 1));
      in.set(0, Shape{}, DType::kFloat);
      return {};
    })
    .refuse_grad("Caffe2 defines none for Perplexity")
    .cpu<Perplexity>();

PF_OP(APMeter)
    .doc(
        "Average precision of each class over the predictions of this and earlier runs: the mean, over all positives, "
        "of the share of positives among the scores at least as high.")
    .arg("buffer_size", 1000, "How many predictions are kept.")
    .optional_arg("num_classes", ArgType::kInt, "Not needed: the inputs tell.")
    .input("predictions", "float [N, D]: scores.")
    .input("labels", "int32 [N, D]: 1 for a positive, else 0.")
    .output("AP", "float [D].")
    .shape([](Infer& in) -> Status {
      PF_TRY(in.want_dtype(0, DType::kFloat));
      PF_TRY(in.want_dtype(1, DType::kInt32));
      PF_TRY(in.want_rank(0, 2));
      PF_TRY(in.want_same_shape(0, 1));
      PF_CHECK(in.args.i("buffer_size") > 0, argument, "buffer_size must be positive, found ",
               in.args.i("buffer_size"));
      in.set(0, Shape{in.shape(0)[1]}, DType::kFloat);
      return {};
    })
    .refuse_grad("a precision has no useful gradient")
    .cpu<APMeter>();

}  // namespace
}  // namespace pf
