// SPDX-License-Identifier: Apache-2.0
// LRN and its gradient on CUDA: a thread for each element, which sums its window of channels.
#include "device/cuda.h"
#include "device/forms.h"

namespace pf {
namespace {

struct Layout {
  int64_t channels, inner, half, size;
  float alpha, beta, bias;
  explicit Layout(const OpRun& op)
      : half((op.args.i("size") - 1) / 2),
        size(op.args.i("size")),
        alpha(op.args.f("alpha")),
        beta(op.args.f("beta")),
        bias(op.args.f("bias")) {
    const Shape& x = op.in(0).shape();
    const bool last = op.args.s("order") == "NHWC";
    channels = last ? x[3] : x[1], inner = last ? 1 : x[2] * x[3];
  }
  // f(place of the element d channels away), for all channels of the window that there are.
  template <class F>
  __device__ void window(int64_t i, F f) const {
    const int64_t c = i / inner % channels;
    const int64_t low = c < half ? -c : -half, high = channels - 1 - c < half ? channels - 1 - c : half;
    for (int64_t d = low; d <= high; ++d) f(i + d * inner);
  }
};

struct ForwardAt {
  Layout l;
  const float* x;
  float *y, *scale;
  __device__ void operator()(int64_t i) const {
    float sum = 0;
    l.window(i, [&](int64_t at) { sum += x[at] * x[at]; });
    const float s = l.bias + l.alpha / float(l.size) * sum;
    scale[i] = s;
    y[i] = x[i] * powf(s, -l.beta);
  }
};

struct LRN {
  Status run(OpRun& op) {
    const int64_t n = op.in(0).size();
    float* scale;
    if (op.outputs() > 1)
      scale = op.out(1).data<float>();
    else
      PF_TRY(op.scratch(n, &scale));
    Cuda::each(op, n, ForwardAt{Layout(op), op.in(0).data<float>(), op.out(0).data<float>(), scale});
    return {};
  }
};

// dx = dy s^-beta - 2 alpha beta / size x (sum over the window of dy y / s)
struct BackwardAt {
  Layout l;
  const float *x, *y, *scale, *dy;
  float* dx;
  __device__ void operator()(int64_t i) const {
    float sum = 0;
    l.window(i, [&](int64_t at) { sum += dy[at] * y[at] / scale[at]; });
    dx[i] = dy[i] * powf(scale[i], -l.beta) - 2.f * l.alpha * l.beta / float(l.size) * x[i] * sum;
  }
};

struct ScaleAt {
  Layout l;
  const float* x;
  float* scale;
  __device__ void operator()(int64_t i) const {
    float sum = 0;
    l.window(i, [&](int64_t at) { sum += x[at] * x[at]; });
    scale[i] = l.bias + l.alpha / float(l.size) * sum;
  }
};

struct LRNGradient {
  Status run(OpRun& op) {
    const Layout l(op);
    const int64_t n = op.in(0).size();
    const float* x = op.in(0).data<float>();
    float* scale;
    PF_TRY(op.scratch(n, &scale));
    Cuda::each(op, n, ScaleAt{l, x, scale});
    Cuda::each(op, n, BackwardAt{l, x, op.in(1).data<float>(), scale, op.in(2).data<float>(), op.out(0).data<float>()});
    return {};
  }
};

PF_CUDA_OP(LRN, LRN);
PF_CUDA_OP(LRNGradient, LRNGradient);

}  // namespace
}  // namespace pf
