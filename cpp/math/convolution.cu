// SPDX-License-Identifier: Apache-2.0
#include "device/columns.h"
#include "device/cuda.h"
#include "math/convolution.h"
#include "math/cudnn_plan.h"
#include "math/matmul.h"

namespace pf {
namespace {

using columns::set;
using columns::to_float;

// The plain versions: one thread for an element of the result, which it sums in float. Neighbouring threads have
// neighbouring channels, so that depthwise convolutions read whole lines.
struct Place {
  int64_t at[kMaxSpatial];
};
template <class N>
__device__ Place place_of(const Window& s, const int64_t* dims, N flat) {
  Place p;
  for (int d = s.rank - 1; d >= 0; --d) p.at[d] = flat % N(dims[d]), flat /= N(dims[d]);
  return p;
}

// The input under tap `tap` of output o, or -1 in the padding.
__device__ int64_t input_under(const Window& s, const Place& o, const Place& tap) {
  int64_t flat = 0;
  for (int d = 0; d < s.rank; ++d) {
    const int64_t i = o.at[d] * s.stride[d] - s.pad_head[d] + tap.at[d] * s.dilation[d];
    if (i < 0 || i >= s.in[d]) return -1;
    flat = flat * s.in[d] + i;
  }
  return flat;
}

// The output whose tap `tap` lies on input i, or -1 where there is none.
__device__ int64_t output_over(const Window& s, const Place& i, const Place& tap) {
  int64_t flat = 0;
  for (int d = 0; d < s.rank; ++d) {
    const int64_t from = i.at[d] + s.pad_head[d] - tap.at[d] * s.dilation[d];
    if (from < 0 || from % s.stride[d]) return -1;
    const int64_t o = from / s.stride[d];
    if (o >= s.out[d]) return -1;
    flat = flat * s.out[d] + o;
  }
  return flat;
}

template <class T>
struct ForwardAt {
  ConvShape s;
  const T *x, *w, *add;
  const float* bias;
  T* y;
  bool relu;
  __device__ void operator()(int64_t i) const {
    const int64_t m = i % s.out_channels, pixel = i / s.out_channels, n = pixel / s.out_size;
    const int64_t width = s.in_per_group(), group = m / s.out_per_group();
    const Place o = place_of(s, s.out, pixel % s.out_size);
    float sum = bias ? bias[m] : 0.f;
    if (add) sum += to_float(add[i]);
    for (int64_t t = 0; t < s.taps; ++t) {
      const int64_t at = input_under(s, o, place_of(s, s.kernel, t));
      if (at < 0) continue;
      const T* from = x + (n * s.in_size + at) * s.in_channels + group * width;
      const T* filter = w + (m * s.taps + t) * width;
      for (int64_t c = 0; c < width; ++c) sum += to_float(from[c]) * to_float(filter[c]);
    }
    set(y[i], relu && sum < 0.f ? 0.f : sum);
  }
};

template <class T>
struct InputAt {
  ConvShape s;
  const T *dy, *w;
  T* dx;
  __device__ void operator()(int64_t i) const {
    const int64_t c = i % s.in_channels, pixel = i / s.in_channels, n = pixel / s.in_size;
    const int64_t width = s.in_per_group(), outs = s.out_per_group(), group = c / width;
    const Place in = place_of(s, s.in, pixel % s.in_size);
    float sum = 0;
    for (int64_t t = 0; t < s.taps; ++t) {
      const int64_t at = output_over(s, in, place_of(s, s.kernel, t));
      if (at < 0) continue;
      const T* from = dy + (n * s.out_size + at) * s.out_channels;
      for (int64_t m = group * outs; m < (group + 1) * outs; ++m)
        sum += to_float(from[m]) * to_float(w[(m * s.taps + t) * width + c % width]);
    }
    set(dx[i], sum);
  }
};

// Outputs are cut into `parts`; each sums its own, and the parts are summed after. Channels of dW lie along threads.
template <class T>
struct FilterPart {
  ConvShape s;
  const T *x, *dy;
  float* partial;
  int64_t parts;
  __device__ void operator()(int64_t i) const {
    // Threads along m for depthwise filters, whose c has one value, else along c.
    const int64_t width = s.in_per_group(), size = s.out_channels * s.taps * width;
    const int64_t part = i / size, e = i % size;
    int64_t m, t, c;
    if (width == 1)
      m = e % s.out_channels, t = e / s.out_channels, c = 0;
    else
      c = e % width, t = e / width % s.taps, m = e / width / s.taps;
    const Place tap = place_of(s, s.kernel, t);
    const int64_t channel = m / s.out_per_group() * width + c, pixels = s.batch * s.out_size;
    float sum = 0;
    for (int64_t p = pixels * part / parts; p < pixels * (part + 1) / parts; ++p) {
      const int64_t at = input_under(s, place_of(s, s.out, p % s.out_size), tap);
      if (at < 0) continue;
      sum += to_float(x[(p / s.out_size * s.in_size + at) * s.in_channels + channel]) *
             to_float(dy[p * s.out_channels + m]);
    }
    partial[part * size + (m * s.taps + t) * width + c] = sum;
  }
};
template <class T>
struct FilterSum {
  const float* partial;
  T* dw;
  int64_t parts, size;
  __device__ void operator()(int64_t i) const {
    float sum = 0;
    for (int64_t k = 0; k < parts; ++k) sum += partial[k * size + i];
    set(dw[i], sum);
  }
};

template <class T>
Status plainly(OpRun& op, Pass pass, const ConvShape& s, const ConvTensors& t) {
  T *x = static_cast<T*>(t.x), *w = static_cast<T*>(t.w), *y = static_cast<T*>(t.y);
  const int64_t outputs = s.batch * s.out_size * s.out_channels, size = s.out_channels * s.patch();
  switch (pass) {
    case Pass::kForward:
      Cuda::each(op, outputs,
                 ForwardAt<T>{s, x, w, static_cast<const T*>(t.add), static_cast<const float*>(t.bias), y, t.relu});
      break;
    case Pass::kInput:
      Cuda::each(op, s.batch * s.in_size * s.in_channels, InputAt<T>{s, y, w, x});
      break;
    case Pass::kFilter: {
      constexpr int64_t kThreadsWanted = 1 << 18;
      int64_t parts = size ? kThreadsWanted / size : 1;
      const int64_t most = s.batch * s.out_size / 16;
      parts = parts > most ? most : parts;
      if (parts < 1) parts = 1;
      float* partial;
      PF_TRY(op.scratch(parts * size, &partial));
      Cuda::each(op, parts * size, FilterPart<T>{s, x, y, partial, parts});
      Cuda::each(op, size, FilterSum<T>{partial, w, parts, size});
    }
  }
  return {};
}

// y (+ add) (+ bias), with `relu` no less than 0: what cuDNN has no plan for together with the convolution.
template <class T>
struct Finish {
  const T* add;
  const float* bias;
  T* y;
  int64_t channels;
  bool relu;
  template <int V>
  struct At {
    const T* add;
    T* y;
    int64_t channels;
    bool relu;
    float bias[V];
    using Words = columns::Pack<T, V>;
    struct Loaded {
      Words y, add;
    };
    __device__ Loaded load(int64_t row) const {
      Loaded in;
      in.y = *reinterpret_cast<const Words*>(y + row * channels);
      if (add) in.add = *reinterpret_cast<const Words*>(add + row * channels);
      return in;
    }
    __device__ void apply(int64_t row, const Loaded& in) const {
      Words r;
#pragma unroll
      for (int v = 0; v < V; ++v) {
        const float sum = to_float(in.y.v[v]) + bias[v] + (add ? to_float(in.add.v[v]) : 0.f);
        set(r.v[v], relu && sum < 0.f ? 0.f : sum);
      }
      *reinterpret_cast<Words*>(y + row * channels) = r;
    }
  };
  template <int V>
  __device__ At<V> at(int64_t channel) const {
    At<V> a{add ? add + channel : nullptr, y + channel, channels, relu, {}};
    for (int v = 0; v < V; ++v) a.bias[v] = bias ? bias[channel + v] : 0.f;
    return a;
  }
};

template <class T>
Status finish(OpRun& op, const ConvShape& s, const ConvTensors& t) {
  const Finish<T> f{static_cast<const T*>(t.add), static_cast<const float*>(t.bias), static_cast<T*>(t.y),
                    s.out_channels, t.relu};
  return columns::with_width<T>(s.out_channels, [&](auto width) {
    return columns::map_rows<width()>(op, s.batch * s.out_size, s.out_channels, f), Status();
  });
}

// All that lies under each output, tap by tap, with zeros in the padding. V channels are one word.
template <int V>
struct PatchAt {
  using Words = columns::Pack<float, V>;
  Window s;
  const Words* x;
  Words* patches;
  unsigned words;  // of a place
  __device__ void operator()(int64_t i) const {
    unsigned at = unsigned(i);  // 32 bits divide several times faster
    const unsigned word = at % words;
    at /= words;
    const unsigned tap = at % unsigned(s.taps), pixel = at / unsigned(s.taps), outs = unsigned(s.out_size);
    const int64_t from = input_under(s, place_of(s, s.out, pixel % outs), place_of(s, s.kernel, tap));
    patches[i] = from < 0 ? Words{} : x[(pixel / outs * s.in_size + from) * words + word];
  }
};
Status gather(OpRun& op, const ConvShape& s, const void* x, void** out) {
  return columns::with_width<float>(s.in_channels, [&](auto width) -> Status {
    using At = PatchAt<width()>;
    const int64_t words = s.in_channels / width(), count = s.batch * s.out_size * s.taps * words;
    typename At::Words* patches;
    PF_TRY(op.scratch(count, &patches));
    Cuda::each(op, count, At{s, static_cast<const typename At::Words*>(x), patches, unsigned(words)});
    *out = patches;
    return {};
  });
}

// Whether the outputs are too few to keep a GPU busy, unless their sums are shared out as well.
bool has_few_outputs(const ConvShape& s) {
  constexpr int64_t kFew = 1 << 20, kMostGathered = 1 << 24;  // floats
  const int64_t pixels = s.batch * s.out_size;
  return pixels * s.out_channels <= kFew && pixels * s.patch() <= kMostGathered;
}

// A convolution that mixes the channels of each place alone is a product of matrices, and so is another one once its
// patches are gathered. With float32 operands that is faster by cuBLAS, whose kernels for them are better than cuDNN's
// with the channels last and cut long sums into parts.
Status as_product(OpRun& op, Pass pass, const ConvShape& s, const ConvTensors& t) {
  const int64_t rows = s.batch * s.out_size;
  Matmul p;
  switch (pass) {
    case Pass::kForward:
      p.m = rows, p.n = s.out_channels, p.k = s.patch(), p.b_turned = true;
      p.a = t.x, p.b = t.w, p.c = t.y, p.bias = static_cast<const float*>(t.bias), p.relu = t.relu && !t.add;
      break;
    case Pass::kInput:
      p.m = rows, p.n = s.in_channels, p.k = s.out_channels;
      p.a = t.y, p.b = t.w, p.c = t.x;
      break;
    case Pass::kFilter:
      p.m = s.out_channels, p.n = s.in_channels, p.k = rows, p.a_turned = true;
      p.a = t.y, p.b = t.x, p.c = t.w;
  }
  PF_TRY(matmul(op, p));
  ConvTensors rest = t;
  rest.bias = nullptr;
  return pass == Pass::kForward && t.add ? finish<float>(op, s, rest) : Status();
}

}  // namespace

Status convolve(OpRun& op, Pass pass, const ConvShape& s, const ConvTensors& t) {
  const bool empty = !s.batch || !s.in_size || !s.out_size || !s.in_channels || !s.out_channels;
  const bool exact = !t.half && !device_of(op).tf32();
  if (!empty && exact && s.group == 1 && cublas_lt().open().ok()) {
    if (s.pointwise()) return as_product(op, pass, s, t);
    if (pass == Pass::kForward && has_few_outputs(s)) {
      ConvTensors gathered = t;
      PF_TRY(gather(op, s, t.x, &gathered.x));
      return as_product(op, pass, s, gathered);
    }
  }
  // One multiplication an output and tap: nothing for matrix units to win.
  if (!empty && !s.depthwise() && cudnn().open().ok()) {
    bool found = false;
    PF_TRY(convolve_by_cudnn(op, pass, s, t, &found));
    if (found) return {};
    if (t.bias || t.add || t.relu) {
      ConvTensors bare = t;
      bare.bias = bare.add = nullptr, bare.relu = false;
      PF_TRY(convolve_by_cudnn(op, pass, s, bare, &found));
      if (found) return t.half ? finish<__half>(op, s, t) : finish<float>(op, s, t);
    }
  }
  return t.half ? plainly<__half>(op, pass, s, t) : plainly<float>(op, pass, s, t);
}

}  // namespace pf
