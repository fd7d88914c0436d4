// SPDX-License-Identifier: Apache-2.0
// One row of pixels of a depthwise convolution, written once over a vector type V. No include guard on purpose, as in
// math/gemm_kernel.h.

template <class V>
PF_INLINE V depthwise_start(const ::pf::DepthwiseRow& row, int64_t c) {
  return row.finish->bias ? V::load(row.finish->bias + c) : V::zero();
}

template <class V>
PF_INLINE void depthwise_store(const ::pf::DepthwiseRow& row, int64_t at, V sum) {
  if (row.add) sum = sum + V::load(row.add + at);
  min(max(sum, V::splat(row.finish->low)), V::splat(row.finish->high)).store(row.y + at);
}

// Pixels side by side under rows of three taps, all within the image: an input is loaded once for all taps of its row.
template <class V, int kStride, int kPixels>
void depthwise_pixels(const ::pf::DepthwiseRow& row, int64_t pixel, int64_t begin, int64_t end) {
  constexpr int kInputs = (kPixels - 1) * kStride + 3;
  const int64_t channels = row.channels, first = (pixel * kStride - row.pad) * channels;
  for (int64_t c = begin; c < end; c += V::kLanes) {
    V sum[kPixels];
    PF_UNROLL
    for (int i = 0; i < kPixels; ++i) sum[i] = depthwise_start<V>(row, c);
    for (int64_t r = 0; r < row.count; ++r) {
      const float *in = row.in[r] + first + c, *w = row.w[r] + c;
      V x[kInputs];
      PF_UNROLL
      for (int i = 0; i < kInputs; ++i, in += channels) x[i] = V::load(in);
      PF_UNROLL
      for (int t = 0; t < 3; ++t, w += channels) {
        const V weight = V::load(w);
        PF_UNROLL
        for (int i = 0; i < kPixels; ++i) sum[i] = madd(weight, x[i * kStride + t], sum[i]);
      }
    }
    PF_UNROLL
    for (int i = 0; i < kPixels; ++i) depthwise_store(row, (pixel + i) * channels + c, sum[i]);
  }
}

// One pixel, wherever its taps lie.
template <class V>
void depthwise_pixel(const ::pf::DepthwiseRow& row, int64_t pixel, int64_t begin, int64_t end) {
  const int64_t first = pixel * row.stride - row.pad;
  for (int64_t c = begin; c < end; c += V::kLanes) {
    V sum = depthwise_start<V>(row, c);
    for (int64_t t = 0; t < row.kernel; ++t) {
      const int64_t at = first + t * row.dilation;
      if (at < 0 || at >= row.inputs) continue;
      for (int64_t r = 0; r < row.count; ++r)
        sum = madd(V::load(row.w[r] + t * row.channels + c), V::load(row.in[r] + at * row.channels + c), sum);
    }
    depthwise_store(row, pixel * row.channels + c, sum);
  }
}

template <class V>
void depthwise_row(const ::pf::DepthwiseRow& row, int64_t begin, int64_t end) {
  // Pixels [pixel, inner) have all their taps within the image.
  const int64_t room = row.inputs + row.pad - row.dilation * (row.kernel - 1) - 1;
  int64_t pixel = 0, inner = room < 0 ? 0 : room / row.stride + 1;
  if (inner > row.outputs) inner = row.outputs;
  for (; pixel < inner && pixel * row.stride < row.pad; ++pixel) depthwise_pixel<V>(row, pixel, begin, end);
  if (V::kLanes > 1 && row.kernel == 3 && row.dilation == 1) {
    for (; row.stride == 1 && pixel + 4 <= inner; pixel += 4) depthwise_pixels<V, 1, 4>(row, pixel, begin, end);
    for (; row.stride == 2 && pixel + 2 <= inner; pixel += 2) depthwise_pixels<V, 2, 2>(row, pixel, begin, end);
  }
  for (; pixel < row.outputs; ++pixel) depthwise_pixel<V>(row, pixel, begin, end);
}
