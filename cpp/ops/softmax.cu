// SPDX-License-Identifier: Apache-2.0
// Softmax, SoftmaxWithLoss, LabelCrossEntropy, CrossEntropy, Accuracy and their gradients on CUDA. A label that is no
// class is noted for the next time the host waits (CudaDevice::Fault) and counts as none.
#include "device/cuda.h"
#include "device/rows.h"

namespace pf {
namespace {

using rows::each_row;
using rows::join;
using Fault = CudaDevice::Fault;

constexpr float kSmallest = 1e-20f;
__device__ float at_least(float x) { return x < kSmallest ? kSmallest : x; }  // a NaN stays one

__device__ bool is_class(int32_t label, int64_t classes, int64_t row, Fault* fault) {
  if (label >= 0 && label < classes) return true;
  note_fault(fault, CudaDevice::kLabel, row, label, int(classes), 0);
  return false;
}

struct Batch {
  int64_t rows, classes;
};
Batch along_axis(const OpRun& op) {
  const Shape& x = op.in(0).shape();
  const int axis = x.axis(op.args.i("axis"));
  return {x.upto(axis), x.from(axis)};
}
Batch by_first(const Shape& x) { return x.rank() > 1 ? Batch{x[0], x.from(1)} : Batch{1, x[0]}; }

// Softmax of a row, and of its loss against labels or label probabilities where there are some.
struct SoftmaxRow {
  const float* x;
  float* y;
  int64_t n;
  const int32_t* label = nullptr;
  const float* shares = nullptr;
  float* losses = nullptr;
  Fault* fault = nullptr;
  __device__ void operator()(int64_t row) const {
    const float* in = x + row * n;
    float* out = y + row * n;
    float top = -INFINITY;
    for (int64_t j = threadIdx.x; j < n; j += rows::kThreads) top = fmaxf(top, in[j]);
    top = join(top, rows::Larger());
    float sum = 0;
    for (int64_t j = threadIdx.x; j < n; j += rows::kThreads) sum += expf(in[j] - top);
    sum = join(sum, rows::Plus());
    float loss = 0;
    for (int64_t j = threadIdx.x; j < n; j += rows::kThreads) {
      const float p = expf(in[j] - top) / sum;
      // Read before it is overwritten: y may be x.
      if (label && j == label[row]) losses[row] = top + logf(sum) - in[j];
      if (shares && shares[row * n + j] != 0.f) loss -= shares[row * n + j] * logf(at_least(p));
      out[j] = p;
    }
    if (label && threadIdx.x == 0 && !is_class(label[row], n, row, fault)) losses[row] = 0;
    if (shares) {
      loss = join(loss, rows::Plus());
      if (threadIdx.x == 0) losses[row] = loss;
      check_shares(row);
    }
  }
  // Label probabilities are not negative and sum to 1.
  __device__ void check_shares(int64_t row) const {
    float sum = 0;
    for (int64_t j = threadIdx.x; j < n; j += rows::kThreads) {
      const float share = shares[row * n + j];
      sum += share;
      if (share < 0.f) note_fault(fault, CudaDevice::kNegativeShare, row, int(j), 0, share);
    }
    sum = join(sum, rows::Plus());
    if (threadIdx.x == 0 && !(fabsf(sum - 1.f) < 1e-5f)) note_fault(fault, CudaDevice::kSumOfShares, row, 0, 0, sum);
  }
};

struct Softmax {
  Status run(OpRun& op) {
    const Batch b = along_axis(op);
    if (b.classes) each_row(op, b.rows, SoftmaxRow{op.in(0).data<float>(), op.out(0).data<float>(), b.classes});
    return {};
  }
};

struct GradientRow {
  const float *y, *dy;
  float* dx;
  int64_t n;
  __device__ void operator()(int64_t row) const {
    float sum = 0;
    for (int64_t j = threadIdx.x; j < n; j += rows::kThreads) sum += y[row * n + j] * dy[row * n + j];
    sum = join(sum, rows::Plus());
    for (int64_t j = threadIdx.x; j < n; j += rows::kThreads)
      dx[row * n + j] = (dy[row * n + j] - sum) * y[row * n + j];
  }
};

struct SoftmaxGradient {
  Status run(OpRun& op) {
    const Batch b = along_axis(op);
    each_row(op, b.rows,
             GradientRow{op.in(0).data<float>(), op.in(1).data<float>(), op.out(0).data<float>(), b.classes});
    return {};
  }
};

// The weighted mean of the losses, by one block.
struct MeanLoss {
  const float *losses, *weights;
  int64_t count;
  float scale;
  float *loss, *total;
  __device__ void operator()(int64_t) const {
    float sum = 0, weight = 0;
    for (int64_t i = threadIdx.x; i < count; i += rows::kThreads) {
      const float w = weights ? weights[i] : 1.f;
      sum += losses ? w * losses[i] : 0.f, weight += w;
    }
    sum = join(sum, rows::Plus());
    weight = join(weight, rows::Plus());
    if (threadIdx.x != 0) return;
    if (loss) *loss = weight != 0.f ? sum * scale / weight : 0.f;
    if (total) *total = weight;
  }
};

struct SoftmaxWithLoss {
  Status run(OpRun& op) {
    const Batch b = along_axis(op);
    float* losses;
    PF_TRY(op.scratch(b.rows, &losses));
    const bool probabilities = op.args.b("label_prob");
    SoftmaxRow row{op.in(0).data<float>(), op.out(0).data<float>(), b.classes};
    row.losses = losses, row.fault = device_of(op).fault();
    if (probabilities)
      row.shares = op.in(1).data<float>();
    else
      row.label = op.in(1).data<int32_t>();
    each_row(op, b.rows, row);
    each_row(op, 1,
             MeanLoss{losses, op.inputs() > 2 ? op.in(2).data<float>() : nullptr, b.rows, op.args.f("scale"),
                      op.out(1).data<float>(), nullptr});
    return {};
  }
};

struct LossGradientAt {
  const float *p, *shares, *weights, *total, *dloss;
  const int32_t* label;
  float* dx;
  int64_t n;
  float scale;
  Fault* fault;
  __device__ void operator()(int64_t i) const {
    const int64_t row = i / n, j = i % n;
    // Caffe2 leaves the gradient unscaled where the weights do not sum to more than 0.
    const float common = *total > 0.f ? scale / *total * *dloss : 1.f;
    float difference = p[i];
    if (shares)
      difference -= shares[i];
    else if (j == label[row])
      difference -= 1.f;
    if (label && j == 0) is_class(label[row], n, row, fault);
    dx[i] = difference * (weights ? weights[row] * common : common);
  }
};

struct SoftmaxWithLossGradient {
  Status run(OpRun& op) {
    const Batch b = along_axis(op);
    float* total;
    PF_TRY(op.scratch(1, &total));
    const bool probabilities = op.args.b("label_prob");
    const float* weights = op.inputs() > 4 ? op.in(2).data<float>() : nullptr;
    each_row(op, 1, MeanLoss{nullptr, weights, b.rows, 1, nullptr, total});
    Cuda::each(
        op, b.rows * b.classes,
        LossGradientAt{op.in(op.inputs() - 2).data<float>(), probabilities ? op.in(1).data<float>() : nullptr, weights,
                       total, op.in(op.inputs() - 1).data<float>(), probabilities ? nullptr : op.in(1).data<int32_t>(),
                       op.out(0).data<float>(), b.classes, op.args.f("scale"), device_of(op).fault()});
    return {};
  }
};

struct EntropyAt {
  const float* x;
  const int32_t* label;
  float* y;
  int64_t n;
  Fault* fault;
  __device__ void operator()(int64_t i) const {
    y[i] = is_class(label[i], n, i, fault) ? -logf(at_least(x[i * n + label[i]])) : 0.f;
  }
};
struct LabelCrossEntropy {
  Status run(OpRun& op) {
    const Batch b = by_first(op.in(0).shape());
    Cuda::each(op, b.rows,
               EntropyAt{op.in(0).data<float>(), op.in(1).data<int32_t>(), op.out(0).data<float>(), b.classes,
                         device_of(op).fault()});
    return {};
  }
};

struct EntropyGradientAt {
  const float *x, *dy;
  const int32_t* label;
  float* dx;
  int64_t n;
  Fault* fault;
  __device__ void operator()(int64_t i) const {
    const int64_t row = i / n;
    if (i % n == 0) is_class(label[row], n, row, fault);
    dx[i] = i % n == label[row] ? -dy[row] / at_least(x[i]) : 0.f;
  }
};
struct LabelCrossEntropyGradient {
  Status run(OpRun& op) {
    const Batch b = by_first(op.in(0).shape());
    Cuda::each(op, b.rows * b.classes,
               EntropyGradientAt{op.in(0).data<float>(), op.in(2).data<float>(), op.in(1).data<int32_t>(),
                                 op.out(0).data<float>(), b.classes, device_of(op).fault()});
    return {};
  }
};

// Hits of a row: fewer than top_k classes before the label, equal scores in the order of their classes.
struct HitAt {
  const float* scores;
  const int32_t* label;
  float* hits;
  int64_t n, top_k;
  Fault* fault;
  __device__ void operator()(int64_t row) const {
    const float* in = scores + row * n;
    if (!is_class(label[row], n, row, fault)) {
      if (threadIdx.x == 0) hits[row] = 0;
      return;
    }
    const float own = in[label[row]];
    float before = 0;
    for (int64_t j = threadIdx.x; j < n; j += rows::kThreads) before += in[j] > own || (in[j] == own && j < label[row]);
    before = join(before, rows::Plus());
    if (threadIdx.x == 0) hits[row] = before < float(top_k);
  }
};
struct Accuracy {
  Status run(OpRun& op) {
    const int64_t count = op.in(0).dim(0), classes = op.in(0).dim(1);
    float* hits;
    PF_TRY(op.scratch(count, &hits));
    float* y = op.out(0).data<float>();
    if (!count) return Cuda::fill(op, 1, y, NAN), Status();  // of no rows, as in Caffe2
    each_row(op, count,
             HitAt{op.in(0).data<float>(), op.in(1).data<int32_t>(), hits, classes, op.args.i("top_k"),
                   device_of(op).fault()});
    each_row(op, 1, MeanLoss{hits, nullptr, count, 1, y, nullptr});
    return {};
  }
};

PF_CUDA_OP(Softmax, Softmax);
PF_CUDA_OP(SoftmaxGradient, SoftmaxGradient);
PF_CUDA_OP(SoftmaxWithLoss, SoftmaxWithLoss);
PF_CUDA_OP(SoftmaxWithLossGradient, SoftmaxWithLossGradient);
PF_CUDA_OP(LabelCrossEntropy, LabelCrossEntropy);
PF_CUDA_OP(LabelCrossEntropyGradient, LabelCrossEntropyGradient);
PF_CUDA_OP(Accuracy, Accuracy);

}  // namespace
}  // namespace pf
