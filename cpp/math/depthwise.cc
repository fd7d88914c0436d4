// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel with a filter of its own: too little arithmetic per load for the packed product, and
// bound by memory, so nothing is copied: taps beyond the border are left out. Vectors run along the channels; images
// with channels first are transposed before and after, as loops of their own would pay only where nobody waits for
// them: planned nets keep channels last.
#include "math/depthwise.h"

#include "core/parallel.h"
#include "core/simd.h"
#include "math/transpose.h"

namespace pf {
namespace {
#include "math/depthwise_kernel.h"

// The channels that fill no vector.
struct f32x1 {
  static constexpr int kLanes = 1;
  float v;
  static f32x1 load(const float* p) { return {*p}; }
  static f32x1 splat(float x) { return {x}; }
  static f32x1 zero() { return {0}; }
  void store(float* p) const { *p = v; }
};
f32x1 operator+(f32x1 a, f32x1 b) { return {a.v + b.v}; }
f32x1 madd(f32x1 a, f32x1 b, f32x1 c) { return {a.v * b.v + c.v}; }
f32x1 min(f32x1 a, f32x1 b) { return b.v < a.v ? b : a; }
f32x1 max(f32x1 a, f32x1 b) { return a.v < b.v ? b : a; }

void run_channels(const DepthwiseRow& row) {
  const DepthwiseKernel& kernel = depthwise_kernel();
  const int64_t wide = row.channels / kernel.lanes * kernel.lanes, whole = row.channels / 4 * 4;
  if (wide) kernel.run(row, 0, wide);
  if (wide < whole) depthwise_row<f32x4>(row, wide, whole);
  if (whole < row.channels) depthwise_row<f32x1>(row, whole, row.channels);
}

// Finds the rows of X under the window of output row r of one image, and their weights; answers how many there are.
int64_t find_rows(const ConvShape& s, int64_t r, const float* image, const float* w, const float** in,
                  const float** weights) {
  const int last = s.rank - 1;
  const int64_t row = s.in[last] * s.in_channels, taps = s.taps / s.kernel[last];
  int64_t first[kMaxSpatial], count = 0;
  for (int d = last - 1; d >= 0; r /= s.out[d--]) first[d] = r % s.out[d] * s.stride[d] - s.pad_head[d];
  for (int64_t tap = 0; tap < taps; ++tap, w += s.kernel[last] * s.in_channels) {
    int64_t rest = tap, place = 0, step = 1;
    bool inside = true;
    for (int d = last - 1; d >= 0; rest /= s.kernel[d], step *= s.in[d--]) {
      const int64_t at = first[d] + rest % s.kernel[d] * s.dilation[d];
      inside = inside && at >= 0 && at < s.in[d];
      place += at * step;
    }
    if (inside) in[count] = image + place * row, weights[count++] = w;
  }
  return count;
}

struct DepthwiseScratch {
  float *rows, *x, *y;
  int64_t step, total;  // floats that hold the pointers to rows of one thread
  DepthwiseScratch(const ConvShape& s, float* block) {
    Carver carve(block);
    step = 2 * int64_t(sizeof(void*)) / int64_t(sizeof(float)) * (s.taps / s.kernel[s.rank - 1]);
    rows = carve.floats(step * thread_count());
    x = carve.floats(s.channels_last ? 0 : s.in_channels * s.in_size);
    y = carve.floats(s.channels_last ? 0 : s.in_channels * s.out_size);
    total = carve.total;
  }
};

// One image, channels last.
void run_image(const ConvShape& s, const DepthwiseScratch& part, const float* image, const float* packed,
               const ConvFinish& finish, float* y) {
  const int last = s.rank - 1;
  const int64_t size = s.out[last] * s.in_channels;
  parallel_for(s.out_size / s.out[last], 1 + 16384 / (size * s.taps + 1), [&](int64_t begin, int64_t end) {
    auto* const in = reinterpret_cast<const float**>(part.rows + thread_index() * part.step);
    const float** const w = in + s.taps / s.kernel[last];
    for (int64_t r = begin; r < end; ++r) {
      const int64_t count = find_rows(s, r, image, packed, in, w);
      run_channels({s.in_channels, s.kernel[last], s.stride[last], s.dilation[last], s.pad_head[last], s.in[last],
                    s.out[last], count, in, w, &finish, finish.add ? finish.add + r * size : nullptr, y + r * size});
    }
  });
}

}  // namespace

#if !defined(__x86_64__)
const DepthwiseKernel& depthwise_kernel() {
  static constexpr DepthwiseKernel kKernel = {4, depthwise_row<f32x4>};
  return kKernel;
}
#endif

int64_t depthwise_scratch(const ConvShape& s) { return DepthwiseScratch(s, nullptr).total; }

void depthwise_forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                       float* scratch) {
  const DepthwiseScratch part(s, scratch);
  const int64_t in_step = s.in_channels * s.in_size, out_step = s.in_channels * s.out_size;
  for (int64_t n = 0; n < s.batch; ++n, x += in_step, y += out_step) {
    if (!s.channels_last) transpose_matrices(1, s.in_channels, s.in_size, x, part.x);
    ConvFinish one = finish;
    if (one.add) one.add += n * out_step;
    run_image(s, part, s.channels_last ? x : part.x, packed, one, s.channels_last ? y : part.y);
    if (!s.channels_last) transpose_matrices(1, s.out_size, s.in_channels, part.y, y);
  }
}

}  // namespace pf
