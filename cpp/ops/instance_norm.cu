// SPDX-License-Identifier: Apache-2.0
// InstanceNorm and its gradient on CUDA: a block for each channel of each image.
#include "device/cuda.h"
#include "device/rows.h"

namespace pf {
namespace {

using rows::each_row;
using rows::join;

// Channel k % channels of image k / channels, whose elements lie `step` apart.
struct Layout {
  int64_t images, channels, inner;
  bool last;
  explicit Layout(const OpRun& op) : last(op.args.s("order") == "NHWC") {
    const Shape& x = op.in(0).shape();
    images = x[0], channels = last ? x[x.rank() - 1] : x[1];
    inner = images && channels ? x.size() / images / channels : 0;
  }
  __device__ int64_t at(int64_t k, int64_t i) const {
    return last ? (k / channels * inner + i) * channels + k % channels : k * inner + i;
  }
};

// The sum of f(place) over a channel of an image, for all threads.
template <class F>
__device__ float sum_over(const Layout& l, int64_t k, F f) {
  float sum = 0;
  for (int64_t i = threadIdx.x; i < l.inner; i += rows::kThreads) sum += f(l.at(k, i));
  return join(sum, rows::Plus());
}

struct Moments {
  float mean, inverse;
};
__device__ Moments moments_of(const Layout& l, int64_t k, const float* x, float epsilon) {
  const float mean = sum_over(l, k, [&](int64_t i) { return x[i]; }) / float(l.inner);
  const float square = sum_over(l, k, [&](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
  return {mean, rsqrtf(square / float(l.inner) + epsilon)};
}

struct ForwardRow {
  Layout l;
  const float *x, *scale, *bias;
  float *y, *mean, *inverse;
  float epsilon;
  __device__ void operator()(int64_t k) const {
    const Moments m = moments_of(l, k, x, epsilon);
    const float a = m.inverse * scale[k % l.channels], b = bias[k % l.channels] - m.mean * a;
    for (int64_t i = threadIdx.x; i < l.inner; i += rows::kThreads) y[l.at(k, i)] = a * x[l.at(k, i)] + b;
    if (threadIdx.x != 0) return;
    if (mean) mean[k] = m.mean;
    if (inverse) inverse[k] = m.inverse;
  }
};

struct InstanceNorm {
  Status run(OpRun& op) {
    const Layout l(op);
    auto out = [&](int j) { return j < op.outputs() ? op.out(j).data<float>() : nullptr; };
    each_row(op, l.images * l.channels,
             ForwardRow{l, op.in(0).data<float>(), op.in(1).data<float>(), op.in(2).data<float>(), out(0), out(1),
                        out(2), op.args.f("epsilon")});
    return {};
  }
};

// With r = 1 / sqrt(variance + epsilon), s = sum dy and p = sum dy (x - mean) over a channel of an image:
//   dx = scale r (dy - s / inner - (x - mean) r^2 p / inner)
struct BackwardRow {
  Layout l;
  const float *x, *scale, *dy, *mean, *inverse;
  float *dx, *s, *pr;
  float epsilon;
  __device__ void operator()(int64_t k) const {
    Moments m;
    if (mean && inverse)
      m = {mean[k], inverse[k]};
    else
      m = moments_of(l, k, x, epsilon);
    const float sum = sum_over(l, k, [&](int64_t i) { return dy[i]; });
    const float product = sum_over(l, k, [&](int64_t i) { return dy[i] * (x[i] - m.mean); });
    const float share = 1.f / float(l.inner), a = scale[k % l.channels] * m.inverse;
    for (int64_t j = threadIdx.x; j < l.inner; j += rows::kThreads) {
      const int64_t i = l.at(k, j);
      dx[i] = a * (dy[i] - share * (sum + (x[i] - m.mean) * m.inverse * m.inverse * product));
    }
    if (threadIdx.x == 0) s[k] = sum, pr[k] = product * m.inverse;
  }
};

struct ParameterGradients {
  Layout l;
  const float *s, *pr;
  float *dscale, *dbias;
  __device__ void operator()(int64_t c) const {
    float scale = 0, bias = 0;
    for (int64_t n = 0; n < l.images; ++n) scale += pr[n * l.channels + c], bias += s[n * l.channels + c];
    dscale[c] = scale, dbias[c] = bias;
  }
};

struct InstanceNormGradient {
  Status run(OpRun& op) {
    const Layout l(op);
    const int64_t count = l.images * l.channels;
    float *s, *pr;
    PF_TRY(op.scratch(count, &s));
    PF_TRY(op.scratch(count, &pr));
    auto in = [&](int i) { return i < op.inputs() ? op.in(i).data<float>() : nullptr; };
    each_row(op, count,
             BackwardRow{l, in(0), in(1), in(3), in(4), in(5), op.out(0).data<float>(), s, pr, op.args.f("epsilon")});
    Cuda::each(op, l.channels, ParameterGradients{l, s, pr, op.out(1).data<float>(), op.out(2).data<float>()});
    return {};
  }
};

PF_CUDA_OP(InstanceNorm, InstanceNorm);
PF_CUDA_OP(InstanceNormGradient, InstanceNormGradient);

}  // namespace
}  // namespace pf
