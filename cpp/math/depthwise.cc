// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel with a filter of its own: too little arithmetic per load for the packed product. Vectors
// run along the channels; images with channels first are transposed before and after, as loops of their own would pay
// only where nobody waits for them: planned nets keep channels last.
#include "core/parallel.h"
#include "core/simd.h"
#include "math/conv.h"
#include "math/patches.h"
#include "math/transpose.h"

namespace pf {
namespace {

// One row of output pixels; the inputs of the first under tap t begin at image + tap_offset[t].
struct RowJob {
  const ConvShape* s;
  const PatchLayout* layout;
  const float *image, *w;
  const ConvFinish* finish;
  const float* add;
  float* y;
  int64_t step;  // from the input of a pixel to that of the next
};

PF_INLINE void finish_pixel(const RowJob& job, int64_t at, f32x4 sum) {
  if (job.add) sum += f32x4::load(job.add + at);
  min(max(sum, f32x4::splat(job.finish->low)), f32x4::splat(job.finish->high)).store(job.y + at);
}

PF_INLINE f32x4 first_sum(const RowJob& job, int64_t c) {
  return job.finish->bias ? f32x4::load(job.finish->bias + c) : f32x4::zero();
}

// Four pixels under three taps of three rows: each input is loaded once for all the taps of its row.
template <int kStride>
PF_INLINE void four_pixels_of_nine_taps(const RowJob& job, int64_t pixel, int64_t c) {
  const int64_t channels = job.s->in_channels;
  f32x4 sum[4];
  sum[0] = sum[1] = sum[2] = sum[3] = first_sum(job, c);
  for (int64_t row = 0; row < 3; ++row) {
    const float* const from = job.image + pixel * job.step + job.layout->tap_offset[3 * row] + c;
    f32x4 x[3 * kStride + 3];
    PF_UNROLL
    for (int i = 0; i < 3 * kStride + 3; ++i) x[i] = f32x4::load(from + i * channels);
    PF_UNROLL
    for (int t = 0; t < 3; ++t) {
      const f32x4 w = f32x4::load(job.w + (3 * row + t) * channels + c);
      PF_UNROLL
      for (int i = 0; i < 4; ++i) sum[i] = madd(w, x[i * kStride + t], sum[i]);
    }
  }
  PF_UNROLL
  for (int i = 0; i < 4; ++i) finish_pixel(job, (pixel + i) * channels + c, sum[i]);
}

PF_INLINE void one_pixel(const RowJob& job, int64_t pixel, int64_t c) {
  const int64_t channels = job.s->in_channels, at = pixel * channels + c;
  f32x4 sum = first_sum(job, c);
  for (int64_t t = 0; t < job.s->taps; ++t)
    sum = madd(f32x4::load(job.w + t * channels + c),
               f32x4::load(job.image + pixel * job.step + job.layout->tap_offset[t] + c), sum);
  finish_pixel(job, at, sum);
}

// The channels that fill no vector.
void last_channels(const RowJob& job, int64_t pixel, int64_t c) {
  const int64_t channels = job.s->in_channels;
  for (; c < channels; ++c) {
    float sum = job.finish->bias ? job.finish->bias[c] : 0.f;
    for (int64_t t = 0; t < job.s->taps; ++t)
      sum += job.w[t * channels + c] * job.image[pixel * job.step + job.layout->tap_offset[t] + c];
    const int64_t at = pixel * channels + c;
    sum += job.add ? job.add[at] : 0.f;
    sum = sum < job.finish->low ? job.finish->low : sum;
    job.y[at] = job.finish->high < sum ? job.finish->high : sum;
  }
}

// Taps that lie side by side in rows of three, as four_pixels_of_nine_taps() reads them.
bool three_by_three(const ConvShape& s) {
  return s.rank == 2 && s.kernel[0] == 3 && s.kernel[1] == 3 && s.dilation[1] == 1;
}

void run_row(const RowJob& job) {
  const int64_t channels = job.s->in_channels, width = job.s->out[job.s->rank - 1];
  const int64_t stride = three_by_three(*job.s) ? job.s->stride[1] : 0, whole = channels / 4 * 4;
  int64_t pixel = 0;
  for (; stride == 1 && pixel + 4 <= width; pixel += 4)
    for (int64_t c = 0; c < whole; c += 4) four_pixels_of_nine_taps<1>(job, pixel, c);
  for (; stride == 2 && pixel + 4 <= width; pixel += 4)
    for (int64_t c = 0; c < whole; c += 4) four_pixels_of_nine_taps<2>(job, pixel, c);
  for (; pixel < width; ++pixel)
    for (int64_t c = 0; c < whole; c += 4) one_pixel(job, pixel, c);
  for (pixel = 0; whole < channels && pixel < width; ++pixel) last_channels(job, pixel, whole);
}

struct DepthwiseScratch {
  int32_t* tap_offset;
  float *padded, *x, *y;
  int64_t total;
  DepthwiseScratch(const ConvShape& s, float* block) {
    Carver carve(block);
    tap_offset = carve.ints(s.taps);
    padded = carve.floats(patch_layout(s, s.in_channels, true, nullptr).image_size());
    x = carve.floats(s.channels_last ? 0 : s.in_channels * s.in_size);
    y = carve.floats(s.channels_last ? 0 : s.in_channels * s.out_size);
    total = carve.total;
  }
};

// One image, channels last.
void run_image(const ConvShape& s, const PatchLayout& l, const float* image, const float* packed,
               const ConvFinish& finish, float* y) {
  const int64_t width = s.out[s.rank - 1], row = width * s.in_channels;
  parallel_for(s.out_size / width, 1 + 16384 / (row * s.taps + 1), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      run_row({&s, &l, image + l.base(r * width), packed, &finish, finish.add ? finish.add + r * row : nullptr,
               y + r * row, l.stride[l.rank - 1] * s.in_channels});
  });
}

}  // namespace

int64_t depthwise_scratch(const ConvShape& s) { return DepthwiseScratch(s, nullptr).total; }

void depthwise_forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                       float* scratch) {
  const DepthwiseScratch part(s, scratch);
  ConvShape last = s;
  last.channels_last = true;
  const PatchLayout l = patch_layout(last, s.in_channels, true, part.tap_offset);
  const int64_t in_step = s.in_channels * s.in_size, out_step = s.in_channels * s.out_size;
  for (int64_t n = 0; n < s.batch; ++n, x += in_step, y += out_step) {
    const float* image = x;
    if (!s.channels_last) transpose_matrices(1, s.in_channels, s.in_size, x, part.x), image = part.x;
    if (l.padded) pad_images(last, l, 0, 1, image, part.padded), image = part.padded;
    ConvFinish one = finish;
    if (one.add) one.add += n * out_step;
    run_image(last, l, image, packed, one, s.channels_last ? y : part.y);
    if (!s.channels_last) transpose_matrices(1, s.out_size, s.in_channels, part.y, y);
  }
}

}  // namespace pf
