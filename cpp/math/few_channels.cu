// SPDX-License-Identifier: Apache-2.0
#include "device/columns.h"
#include "device/cuda.h"
#include "math/few_channels.h"

namespace pf {
namespace {

// Steps through a picture's elements, in whatever order they lie.
struct Picture {
  const void* data;
  int64_t image, row, column, channel;
  int height, width, channels;
  bool half;
  __device__ float at(int64_t n, int h, int w, int c) const {
    const int64_t i = n * image + h * row + w * column + c * channel;
    return half ? __half2float(static_cast<const __half*>(data)[i]) : static_cast<const float*>(data)[i];
  }
};

// One word of V channels of one place: channel (dh * block + dw) * channels + c is channel c of the place (dh, dw) in
// the block.
template <class T, int V>
struct ArrangedAt {
  Picture x;
  columns::Pack<T, V>* y;
  int height, width, words, block, pad_h, pad_w;
  __device__ void operator()(int64_t i) const {
    const int word = int(i % words), w = int(i / words % width), h = int(i / words / width % height);
    const int64_t n = i / words / width / height;
    columns::Pack<T, V> r;
#pragma unroll
    for (int v = 0; v < V; ++v) {
      const int q = word * V + v, c = q % x.channels, d = q / x.channels;
      const int from_h = h * block + d / block - pad_h, from_w = w * block + d % block - pad_w;
      const bool there = d < block * block && from_h >= 0 && from_h < x.height && from_w >= 0 && from_w < x.width;
      columns::set(r.v[v], there ? x.at(n, from_h, from_w, c) : 0.f);
    }
    y[i] = r;
  }
};

// Where the weight of output m, tap (h, w), channel c lies in the rearranged filter.
struct FilterOrder {
  int channels, kernel_h, kernel_w, block, taps_h, taps_w, wide;
  __device__ int64_t arranged(int64_t i) const {
    const int c = int(i % channels), w = int(i / channels % kernel_w), h = int(i / channels / kernel_w % kernel_h);
    const int64_t m = i / channels / kernel_w / kernel_h;
    const int q = (h % block * block + w % block) * channels + c;
    return ((m * taps_h + h / block) * taps_w + w / block) * wide + q;
  }
};
template <class T, bool kBack>
struct FilterAt {
  FilterOrder order;
  const T* from;
  T* to;
  __device__ void operator()(int64_t i) const {
    if (kBack)
      to[i] = from[order.arranged(i)];
    else
      to[order.arranged(i)] = from[i];
  }
};

}  // namespace

bool has_few_channels(const OpRun& op, const ConvShape& s, bool half) {
  constexpr int64_t kPays = 1 << 16, kMany = 4;
  if (s.rank != 2 || s.group != 1 || s.in_channels > kMany || s.batch * s.out_size < kPays) return false;
  if (s.stride[0] != s.stride[1] || s.stride[0] > 2 || s.dilation[0] != 1 || s.dilation[1] != 1) return false;
  return (half || device_of(op).tf32()) && s.in_size < 1 << 28;
}

FewChannels::FewChannels(const ConvShape& s, bool half) : shape(s), from_(s), half_(half), block_(int(s.stride[0])) {
  const int64_t unit = half ? 8 : 4;
  shape.in_channels = (block_ * block_ * s.in_channels + unit - 1) / unit * unit;
  shape.in_size = shape.taps = 1;
  for (int d = 0; d < 2; ++d) {
    shape.kernel[d] = (s.kernel[d] + block_ - 1) / block_;
    shape.in[d] = s.out[d] + shape.kernel[d] - 1;
    shape.stride[d] = 1, shape.pad_head[d] = shape.pad_tail[d] = 0;
    shape.in_size *= shape.in[d], shape.taps *= shape.kernel[d];
  }
}

Status FewChannels::arrange_input(OpRun& op, const View& x, void** out) const {
  const bool last = from_.channels_last || x.form.last;
  const int64_t channels = from_.in_channels, width = from_.in[1];
  const Picture picture{x.data,
                        channels * from_.in_size,
                        last ? width * channels : width,
                        last ? channels : 1,
                        last ? 1 : from_.in_size,
                        int(from_.in[0]),
                        int(width),
                        int(channels),
                        x.form.half};
  Form form;
  form.half = half_;
  return with_element(form, [&](auto e) -> Status {
    using T = decltype(e);
    constexpr int V = columns::kWidest<T>;
    const int64_t words = shape.in_channels / V, count = shape.batch * shape.in_size * words;
    columns::Pack<T, V>* y;
    PF_TRY(op.scratch(count, &y));
    Cuda::each(op, count,
               ArrangedAt<T, V>{picture, y, int(shape.in[0]), int(shape.in[1]), int(words), block_,
                                int(from_.pad_head[0]), int(from_.pad_head[1])});
    *out = y;
    return {};
  });
}

Status FewChannels::arrange_filter(OpRun& op, const void* filter, void** out) const {
  const FilterOrder order{int(from_.in_channels), int(from_.kernel[0]), int(from_.kernel[1]),  block_,
                          int(shape.kernel[0]),   int(shape.kernel[1]), int(shape.in_channels)};
  Form form;
  form.half = half_;
  return with_element(form, [&](auto e) -> Status {
    using T = decltype(e);
    T* y;
    PF_TRY(op.scratch(filter_size(), &y));
    Cuda::fill(op, filter_size(), y, T(0));
    Cuda::each(op, from_.out_channels * from_.patch(), FilterAt<T, false>{order, static_cast<const T*>(filter), y});
    *out = y;
    return {};
  });
}

Status FewChannels::restore_filter(OpRun& op, const void* arranged, void* filter) const {
  const FilterOrder order{int(from_.in_channels), int(from_.kernel[0]), int(from_.kernel[1]),  block_,
                          int(shape.kernel[0]),   int(shape.kernel[1]), int(shape.in_channels)};
  Form form;
  form.half = half_;
  return with_element(form, [&](auto e) {
    using T = decltype(e);
    Cuda::each(op, from_.out_channels * from_.patch(),
               FilterAt<T, true>{order, static_cast<const T*>(arranged), static_cast<T*>(filter)});
    return Status();
  });
}

}  // namespace pf
