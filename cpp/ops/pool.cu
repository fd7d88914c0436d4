// SPDX-License-Identifier: Apache-2.0
// MaxPool, AveragePool and their gradients on CUDA: channels last, a thread for each place and pack of channels.
// Gradients gather what reaches their place, so that nothing depends on an order of additions.
#include "device/columns.h"
#include "device/cuda.h"
#include "math/pooling.h"

namespace pf {
namespace {

using columns::Pack;
using columns::set;
using columns::to_float;

struct Range {
  int64_t begin, end;
};
struct Box {
  Range r[kMaxSpatial];
  int64_t count = 1;
};

// What the window of output `flat` covers of the input, counted in taps.
__device__ Box covered(const Window& w, int64_t flat) {
  Box box;
  for (int d = w.rank - 1; d >= 0; --d) {
    const int64_t start = flat % w.out[d] * w.stride[d] - w.pad_head[d];
    flat /= w.out[d];
    const int64_t step = w.dilation[d];
    int64_t begin = start < 0 ? (-start + step - 1) / step : 0, end = w.kernel[d];
    if (start + (end - 1) * step >= w.in[d]) end = (w.in[d] - start + step - 1) / step;
    if (end < begin) end = begin;
    box.r[d] = {start + begin * step, start + end * step};
    box.count *= end - begin;
  }
  return box;
}

// f(place) for every input place in the box.
template <class F>
__device__ void each_place(const Window& w, const Box& box, F f) {
  if (box.count <= 0) return;
  int64_t at[kMaxSpatial];
  for (int d = 0; d < w.rank; ++d) at[d] = box.r[d].begin;
  for (int64_t k = 0; k < box.count; ++k) {
    int64_t flat = 0;
    for (int d = 0; d < w.rank; ++d) flat = flat * w.in[d] + at[d];
    f(flat);
    for (int d = w.rank - 1; d >= 0 && (at[d] += w.dilation[d]) >= box.r[d].end; --d) at[d] = box.r[d].begin;
  }
}

// f(output) for every output whose window covers input place `flat`.
template <class F>
__device__ void each_window(const Window& w, int64_t flat, F f) {
  Range outs[kMaxSpatial];
  int64_t in[kMaxSpatial], at[kMaxSpatial], total = 1;
  for (int d = w.rank - 1; d >= 0; --d) {
    in[d] = flat % w.in[d] + w.pad_head[d], flat /= w.in[d];
    const int64_t reach = w.dilation[d] * (w.kernel[d] - 1);
    const int64_t begin = in[d] > reach ? (in[d] - reach + w.stride[d] - 1) / w.stride[d] : 0;
    int64_t end = in[d] / w.stride[d] + 1;
    if (end > w.out[d]) end = w.out[d];
    outs[d] = {begin, end}, at[d] = begin;
    total *= end > begin ? end - begin : 0;
  }
  for (int64_t k = 0; k < total; ++k) {
    int64_t o = 0;
    bool hit = true;
    for (int d = 0; d < w.rank; ++d) {
      o = o * w.out[d] + at[d];
      hit = hit && (in[d] - at[d] * w.stride[d]) % w.dilation[d] == 0;
    }
    if (hit) f(o);
    for (int d = w.rank - 1; d >= 0 && ++at[d] >= outs[d].end; --d) at[d] = outs[d].begin;
  }
}

template <class T, int V, bool kMax>
struct ForwardAt {
  Window w;
  const T* x;
  T* y;
  int64_t channels;
  __device__ void operator()(int64_t i) const {
    const int64_t packs = channels / V, c = i % packs * V, n = i / packs / w.out_size, o = i / packs % w.out_size;
    const Box box = covered(w, o);
    float sum[V];
    for (int v = 0; v < V; ++v) sum[v] = kMax ? -3.402823466e38f : 0.f;
    each_place(w, box, [&](int64_t place) {
      const auto p = *reinterpret_cast<const Pack<T, V>*>(x + (n * w.in_size + place) * channels + c);
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const float e = to_float(p.v[v]);
        if (kMax)
          sum[v] = e > sum[v] ? e : sum[v];
        else
          sum[v] += e;
      }
    });
    Pack<T, V> r;
    const float share = kMax || box.count < 1 ? 1.f : 1.f / float(box.count);
    for (int v = 0; v < V; ++v) set(r.v[v], sum[v] * share);
    *reinterpret_cast<Pack<T, V>*>(y + (n * w.out_size + o) * channels + c) = r;
  }
};

template <class T, int V, bool kMax>
struct BackwardAt {
  Window w;
  const T *x, *y, *dy;
  T* dx;
  int64_t channels;
  __device__ void operator()(int64_t i) const {
    const int64_t packs = channels / V, c = i % packs * V, n = i / packs / w.in_size, place = i / packs % w.in_size;
    const int64_t here = (n * w.in_size + place) * channels + c;
    float sum[V] = {};
    Pack<T, V> mine;
    if (kMax) mine = *reinterpret_cast<const Pack<T, V>*>(x + here);
    each_window(w, place, [&](int64_t o) {
      const int64_t at = (n * w.out_size + o) * channels + c;
      const auto g = *reinterpret_cast<const Pack<T, V>*>(dy + at);
      if (kMax) {
        const auto p = *reinterpret_cast<const Pack<T, V>*>(y + at);
#pragma unroll
        for (int v = 0; v < V; ++v)
          if (to_float(p.v[v]) == to_float(mine.v[v])) sum[v] += to_float(g.v[v]);
      } else {
        const float share = 1.f / float(covered(w, o).count);
#pragma unroll
        for (int v = 0; v < V; ++v) sum[v] += to_float(g.v[v]) * share;
      }
    });
    Pack<T, V> r;
    for (int v = 0; v < V; ++v) set(r.v[v], sum[v]);
    *reinterpret_cast<Pack<T, V>*>(dx + here) = r;
  }
};

// Pictures without dilation, which is what nets have: a block has one row of one picture, so that nothing is divided
// but the places of a row by the packs of a place, and windows are plain loops.
struct Flat {
  int in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, packs;
  explicit Flat(const Window& w, int64_t packs)
      : in_h(int(w.in[0])),
        in_w(int(w.in[1])),
        out_h(int(w.out[0])),
        out_w(int(w.out[1])),
        kernel_h(int(w.kernel[0])),
        kernel_w(int(w.kernel[1])),
        stride_h(int(w.stride[0])),
        stride_w(int(w.stride[1])),
        pad_h(int(w.pad_head[0])),
        pad_w(int(w.pad_head[1])),
        packs(int(packs)) {}
};
bool is_flat(const Window& w, int64_t batch, int64_t packs) {
  if (w.rank != 2 || w.dilation[0] != 1 || w.dilation[1] != 1 || batch > 65535) return false;
  if (!w.in_size || !w.out_size || !packs || w.in_size * packs >= 1 << 30) return false;
  return w.in[0] <= 65535 && w.out[0] <= 65535 && (w.in[1] > w.out[1] ? w.in[1] : w.out[1]) * packs < 1 << 24;
}

template <class T, int V, bool kMax>
__global__ void __launch_bounds__(256) flat_forward(Flat f, const Pack<T, V>* x, Pack<T, V>* y) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= f.out_w * f.packs) return;
  const int c = i % f.packs, ow = i / f.packs, oh = int(blockIdx.y);
  const int top = oh * f.stride_h - f.pad_h, left = ow * f.stride_w - f.pad_w;
  const int h0 = top < 0 ? 0 : top, w0 = left < 0 ? 0 : left;
  const int h1 = min(top + f.kernel_h, f.in_h), w1 = min(left + f.kernel_w, f.in_w);
  const Pack<T, V>* from = x + int64_t(blockIdx.z) * f.in_h * f.in_w * f.packs + c;
  float sum[V];
#pragma unroll
  for (int v = 0; v < V; ++v) sum[v] = kMax ? -3.402823466e38f : 0.f;
  for (int h = h0; h < h1; ++h)
    for (int w = w0; w < w1; ++w) {
      const auto p = from[int64_t(h * f.in_w + w) * f.packs];
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const float e = to_float(p.v[v]);
        sum[v] = kMax ? (e > sum[v] ? e : sum[v]) : sum[v] + e;
      }
    }
  const int count = (h1 - h0) * (w1 - w0);
  const float share = kMax || h1 <= h0 || w1 <= w0 ? 1.f : 1.f / float(count);
  Pack<T, V> r;
#pragma unroll
  for (int v = 0; v < V; ++v) set(r.v[v], sum[v] * share);
  y[(int64_t(blockIdx.z) * f.out_h + oh) * f.out_w * f.packs + i] = r;
}

template <class T, int V, bool kMax>
__global__ void __launch_bounds__(256)
    flat_backward(Flat f, const Pack<T, V>* x, const Pack<T, V>* y, const Pack<T, V>* dy, Pack<T, V>* dx) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= f.in_w * f.packs) return;
  const int c = i % f.packs, w = i / f.packs + f.pad_w, h = int(blockIdx.y) + f.pad_h;
  // Outputs whose windows reach here.
  const int h0 = h < f.kernel_h ? 0 : (h - f.kernel_h) / f.stride_h + 1, h1 = min(h / f.stride_h + 1, f.out_h);
  const int w0 = w < f.kernel_w ? 0 : (w - f.kernel_w) / f.stride_w + 1, w1 = min(w / f.stride_w + 1, f.out_w);
  const int64_t here = (int64_t(blockIdx.z) * f.in_h + blockIdx.y) * f.in_w * f.packs + i;
  const int64_t image = int64_t(blockIdx.z) * f.out_h * f.out_w * f.packs + c;
  Pack<T, V> mine;
  if (kMax) mine = x[here];
  float sum[V] = {};
  for (int oh = h0; oh < h1; ++oh)
    for (int ow = w0; ow < w1; ++ow) {
      const int64_t at = image + int64_t(oh * f.out_w + ow) * f.packs;
      const auto g = dy[at];
      if (kMax) {
        const auto p = y[at];
#pragma unroll
        for (int v = 0; v < V; ++v)
          if (to_float(p.v[v]) == to_float(mine.v[v])) sum[v] += to_float(g.v[v]);
      } else {
        const int top = oh * f.stride_h - f.pad_h, left = ow * f.stride_w - f.pad_w;
        const int rows = min(top + f.kernel_h, f.in_h) - max(top, 0),
                  columns = min(left + f.kernel_w, f.in_w) - max(left, 0);
        const float share = 1.f / float(rows * columns);
#pragma unroll
        for (int v = 0; v < V; ++v) sum[v] += to_float(g.v[v]) * share;
      }
    }
  Pack<T, V> r;
#pragma unroll
  for (int v = 0; v < V; ++v) set(r.v[v], sum[v]);
  dx[here] = r;
}

// One window over everything: a mean of rows, in parallel over them.
template <class T>
struct MeanOfRows {
  const T* x;
  T* y;
  int64_t places, channels;
  __device__ void operator()(int64_t i) const {
    const int64_t n = i / channels, c = i % channels;
    float sum = 0;
    for (int64_t p = 0; p < places; ++p) sum += to_float(x[(n * places + p) * channels + c]);
    set(y[i], sum / float(places));
  }
};

struct Pooling {
  WindowArgs window;
  bool max, first = true;
  explicit Pooling(const Args& args) : window(args), max(args.schema.name[0] == 'M') {}
  // `partial`: the window leaves out inputs that are there.
  Status geometry(const Shape& x, Window* w, int64_t* batch, int64_t* channels, bool* partial) {
    PF_TRY(pool_window(window, x, 0, w));
    const Activation a(x, window.channels_last);
    *batch = a.batch, *channels = a.channels;
    const int64_t in_size = w->in_size;
    if (first && window.global && window.channels_last && x.size()) as_in_first_run(window, w);
    first = false, *partial = w->in_size != in_size;
    return {};
  }
};

struct Forward : Pooling {
  static constexpr bool kPicksForms = true;
  using Pooling::Pooling;

  template <class T, int V, bool kMax>
  static void launch(OpRun& op, const Window& w, int64_t batch, int64_t channels, const View& x, void* y) {
    const auto* from = static_cast<const T*>(x.data);
    auto* to = static_cast<T*>(y);
    if (!kMax && w.out_size == 1 && w.taps == w.in_size)
      Cuda::each(op, batch * channels, MeanOfRows<T>{from, to, w.in_size, channels});
    else if (batch && is_flat(w, batch, channels / V))
      flat_forward<T, V, kMax><<<dim3(cuda::blocks(w.out[1] * (channels / V)), unsigned(w.out[0]), unsigned(batch)),
                                 cuda::kThreads, 0, device_of(op).queue()>>>(
          Flat(w, channels / V), reinterpret_cast<const Pack<T, V>*>(from), reinterpret_cast<Pack<T, V>*>(to));
    else
      Cuda::each(op, batch * w.out_size * (channels / V), ForwardAt<T, V, kMax>{w, from, to, channels});
  }

  Status run(OpRun& op) {
    Window w;
    int64_t batch, channels;
    bool partial;
    PF_TRY(geometry(op.in(0).shape(), &w, &batch, &channels, &partial));
    View x;
    void* y;
    PF_TRY(read_form(op, 0, preferred(op, op.in(0).shape(), window.channels_last), &x));
    PF_TRY(write_form(op, 0, preferred(op, op.out(0).shape(), window.channels_last), &y));
    return with_element(x.form, [&](auto e) {
      using T = decltype(e);
      return columns::with_width<T>(channels, [&](auto width) {
        if (max)
          launch<T, width(), true>(op, w, batch, channels, x, y);
        else
          launch<T, width(), false>(op, w, batch, channels, x, y);
        return Status();
      });
    });
  }
};

struct Backward : Pooling {
  static constexpr bool kPicksForms = true;
  using Pooling::Pooling;

  template <class T, int V, bool kMax>
  static void launch(OpRun& op, const Window& w, int64_t batch, int64_t channels, const View* in, void* dx) {
    auto data = [&](int i) { return static_cast<const T*>(in[i].data); };
    auto packs = [&](int i) { return static_cast<const Pack<T, V>*>(in[i].data); };
    if (batch && is_flat(w, batch, channels / V))
      flat_backward<T, V, kMax><<<dim3(cuda::blocks(w.in[1] * (channels / V)), unsigned(w.in[0]), unsigned(batch)),
                                  cuda::kThreads, 0, device_of(op).queue()>>>(Flat(w, channels / V), packs(0), packs(1),
                                                                              packs(2), static_cast<Pack<T, V>*>(dx));
    else
      Cuda::each(op, batch * w.in_size * (channels / V),
                 BackwardAt<T, V, kMax>{w, data(0), data(1), data(2), static_cast<T*>(dx), channels});
  }

  Status run(OpRun& op) {
    Window w;
    int64_t batch, channels;
    bool partial;
    PF_TRY(geometry(op.in(0).shape(), &w, &batch, &channels, &partial));
    View in[3];
    Form form = preferred(op, op.in(0).shape(), window.channels_last);
    if (max) {
      PF_TRY(read_form(op, 0, form, &in[0]));
      PF_TRY(read_form(op, 1, preferred(op, op.in(1).shape(), window.channels_last), &in[1]));
    }
    Form form_y = preferred(op, op.in(2).shape(), window.channels_last);
    form_y.scale = int8_t(device_of(op).options.loss_scale);
    PF_TRY(read_form(op, 2, form_y, &in[2]));
    form.scale = in[2].form.scale;
    void* dx;
    PF_TRY(write_form(op, 0, form, &dx));
    return with_element(form, [&](auto e) {
      using T = decltype(e);
      if (partial) PF_CUDA(cudaMemsetAsync(dx, 0, size_t(op.out(0).size()) * sizeof(T), device_of(op).queue()));
      return columns::with_width<T>(channels, [&](auto width) {
        if (max)
          launch<T, width(), true>(op, w, batch, channels, in, dx);
        else
          launch<T, width(), false>(op, w, batch, channels, in, dx);
        return Status();
      });
    });
  }
};

PF_CUDA_OP(MaxPool, Forward);
PF_CUDA_OP(MaxPool1D, Forward);
PF_CUDA_OP(MaxPool2D, Forward);
PF_CUDA_OP(MaxPool3D, Forward);
PF_CUDA_OP(AveragePool, Forward);
PF_CUDA_OP(AveragePool1D, Forward);
PF_CUDA_OP(AveragePool2D, Forward);
PF_CUDA_OP(AveragePool3D, Forward);
PF_CUDA_OP(MaxPoolGradient, Backward);
PF_CUDA_OP(MaxPool1DGradient, Backward);
PF_CUDA_OP(MaxPool2DGradient, Backward);
PF_CUDA_OP(MaxPool3DGradient, Backward);
PF_CUDA_OP(AveragePoolGradient, Backward);
PF_CUDA_OP(AveragePool1DGradient, Backward);
PF_CUDA_OP(AveragePool2DGradient, Backward);
PF_CUDA_OP(AveragePool3DGradient, Backward);

}  // namespace
}  // namespace pf
