// SPDX-License-Identifier: Apache-2.0
// One row of pixels of a depthwise convolution, written once over a vector type V. No include guard on purpose, as in
// math/gemm_kernel.h.

// Where sums begin and end. A copy for each loop: after a store the compiler would read it all anew from the row.
template <class V>
struct DepthwiseEnds {
  const float* bias;
  float* y;          // of the first pixel
  const float* add;  // likewise, or null
  V low, high;
  PF_INLINE DepthwiseEnds(const ::pf::DepthwiseRow& row, int64_t pixel)
      : bias(row.finish->bias),
        y(row.y + pixel * row.channels),
        add(row.add ? row.add + pixel * row.channels : nullptr),
        low(V::splat(row.finish->low)),
        high(V::splat(row.finish->high)) {}
  PF_INLINE V start(ptrdiff_t c) const { return bias ? V::load(bias + c) : V::zero(); }
  PF_INLINE void store(ptrdiff_t at, V sum) const {
    if (add) sum = sum + V::load(add + at);
    min(max(sum, low), high).store(y + at);
  }
};

// Pixels side by side under rows of three taps, an input loaded once for all taps of its row. Those beyond the border,
// at an edge, count as zeros.
template <class V, int kStride, int kPixels, bool kEdge>
void depthwise_pixels(const ::pf::DepthwiseRow& row, int64_t pixel, int64_t begin, int64_t end) {
  constexpr int kInputs = (kPixels - 1) * kStride + 3;
  const int64_t first = pixel * kStride - row.pad, outputs = row.outputs - pixel;
  const ptrdiff_t channels = ptrdiff_t(row.channels), count = ptrdiff_t(row.count), start = ptrdiff_t(first) * channels;
  unsigned inside = 0;
  for (int i = 0; i < kInputs; ++i) inside |= unsigned(first + i >= 0 && first + i < row.inputs) << i;
  const float* const* const rows = row.in;
  const float* const* const weights = row.w;
  const DepthwiseEnds<V> ends(row, pixel);
  for (ptrdiff_t c = ptrdiff_t(begin); c < ptrdiff_t(end); c += V::kLanes) {
    V sum[kPixels];
    sum[0] = ends.start(c);
    PF_UNROLL
    for (int i = 1; i < kPixels; ++i) sum[i] = sum[0];
    const ptrdiff_t from = start + c;
    for (ptrdiff_t r = 0; r < count; ++r) {
      const float *in = rows[r] + from, *w = weights[r] + c;
      V x[kInputs];
      PF_UNROLL
      for (int i = 0; i < kInputs; ++i, in += channels) x[i] = !kEdge || inside >> i & 1 ? V::load(in) : V::zero();
      PF_UNROLL
      for (int t = 0; t < 3; ++t, w += channels) {
        const V weight = V::load(w);
        PF_UNROLL
        for (int i = 0; i < kPixels; ++i) sum[i] = madd(weight, x[i * kStride + t], sum[i]);
      }
    }
    ptrdiff_t to = c;
    PF_UNROLL
    for (int i = 0; i < kPixels; ++i, to += channels)
      if (!kEdge || i < outputs) ends.store(to, sum[i]);
  }
}

// Pixels before `inner` have no tap beyond the last one of the row.
template <class V, int kStride, int kPixels>
void depthwise_three_taps(const ::pf::DepthwiseRow& row, int64_t inner, int64_t begin, int64_t end) {
  for (int64_t pixel = 0; pixel < row.outputs; pixel += kPixels) {
    const bool whole = pixel * kStride >= row.pad && pixel + kPixels <= inner;
    if (whole)
      depthwise_pixels<V, kStride, kPixels, false>(row, pixel, begin, end);
    else
      depthwise_pixels<V, kStride, kPixels, true>(row, pixel, begin, end);
  }
}

// One pixel, wherever its taps lie.
template <class V>
void depthwise_pixel(const ::pf::DepthwiseRow& row, int64_t pixel, int64_t begin, int64_t end) {
  const int64_t first = pixel * row.stride - row.pad;
  const DepthwiseEnds<V> ends(row, pixel);
  for (int64_t c = begin; c < end; c += V::kLanes) {
    V sum = ends.start(ptrdiff_t(c));
    for (int64_t t = 0; t < row.kernel; ++t) {
      const int64_t at = first + t * row.dilation;
      if (at < 0 || at >= row.inputs) continue;
      for (int64_t r = 0; r < row.count; ++r)
        sum = madd(V::load(row.w[r] + t * row.channels + c), V::load(row.in[r] + at * row.channels + c), sum);
    }
    ends.store(ptrdiff_t(c), sum);
  }
}

template <class V>
void depthwise_row(const ::pf::DepthwiseRow& row, int64_t begin, int64_t end) {
  const int64_t room = row.inputs + row.pad - row.dilation * (row.kernel - 1) - 1;
  const int64_t inner = room < 0 ? 0 : room / row.stride + 1;
  if (V::kLanes > 1 && row.kernel == 3 && row.dilation == 1) {
    if (row.stride == 1) return depthwise_three_taps<V, 1, 4>(row, inner, begin, end);
    if (row.stride == 2) return depthwise_three_taps<V, 2, 2>(row, inner, begin, end);
  }
  for (int64_t pixel = 0; pixel < row.outputs; ++pixel) depthwise_pixel<V>(row, pixel, begin, end);
}
