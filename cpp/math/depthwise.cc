// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel with a filter of its own: too little arithmetic per load for the packed product.
#include <cstring>

#include "core/parallel.h"
#include "core/simd.h"
#include "math/conv.h"
#include "math/patches.h"

namespace pf {
namespace {

template <int kStride>
PF_INLINE f32x4 load_strided(const float* p, int64_t stride) {
  if constexpr (kStride == 1) return f32x4::load(p);
  if constexpr (kStride == 2) return even_lanes(f32x4::load(p), f32x4::load(p + 4));
  return {RawF32x4{p[0], p[stride], p[2 * stride], p[3 * stride]}};
}

struct PlaneJob {
  const PatchLayout* layout;
  int64_t taps, pixels;
  const float *image, *w;
  float bias, low, high;
  float* y;
};

// kTaps: the number of taps when it is known, so that their weights stay in registers; 0 otherwise.
template <int kStride, int kTaps>
void run_plane(const PlaneJob& job) {
  const PatchLayout& l = *job.layout;
  const int64_t width = l.out[l.rank - 1], stride = l.stride[l.rank - 1], taps = kTaps ? kTaps : job.taps;
  const f32x4 bias = f32x4::splat(job.bias), low = f32x4::splat(job.low), high = f32x4::splat(job.high);
  for (int64_t p = 0; p < job.pixels; p += width) {
    const float* row = job.image + l.base(p);
    for (int64_t i = 0; i < width; i += 4) {
      f32x4 sum = bias;
#pragma GCC unroll 9
      for (int64_t t = 0; t < taps; ++t)
        sum =
            madd(f32x4::load_splat(job.w + t), load_strided<kStride>(row + i * stride + l.tap_offset[t], stride), sum);
      sum = min(max(sum, low), high);
      if (i + 4 <= width) {
        sum.store(job.y + p + i);
      } else {
        for (int64_t c = 0; c < width - i; ++c) job.y[p + i + c] = sum.lane(int(c));
      }
    }
  }
}

void run_plane_of(int64_t stride, const PlaneJob& job) {
  const bool nine = job.taps == 9;
  if (stride == 1) return nine ? run_plane<1, 9>(job) : run_plane<1, 0>(job);
  if (stride == 2) return nine ? run_plane<2, 9>(job) : run_plane<2, 0>(job);
  run_plane<0, 0>(job);
}

// Layout of one plane; NCHW has batch * channels of them.
PatchLayout plane_layout(const ConvShape& s, int32_t* tap_offset) { return patch_layout(s, 1, false, tap_offset); }

// A stride beyond 2 may read past the last output of a row, up to three strides further.
int64_t plane_room(const ConvShape& s, const PatchLayout& l) { return l.plane + 16 + 4 * s.stride[s.rank - 1]; }

void planes_first(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                  float* scratch) {
  Carver carve(scratch);
  const PatchLayout l = plane_layout(s, carve.ints(s.taps));
  const int64_t room = plane_room(s, l);
  float* const planes = carve.floats(room * thread_count());
  const bool copied = l.padded || s.stride[s.rank - 1] > 2;
  parallel_for(s.batch * s.in_channels, 1 + 16384 / (s.out_size * s.taps + 1), [&](int64_t begin, int64_t end) {
    float* own = planes + room * thread_index();
    for (int64_t i = begin; i < end; ++i) {
      const float* image = x + i * s.in_size;
      if (l.padded)
        pad_images(s, l, i, i + 1, x, own);
      else if (copied)
        std::memcpy(own, image, size_t(s.in_size) * sizeof(float));
      const int64_t c = i % s.in_channels;
      run_plane_of(s.stride[s.rank - 1],
                   {&l, s.taps, s.out_size, copied ? own : image, packed + c * s.taps,
                    finish.bias ? finish.bias[c] : 0.f, finish.low, finish.high, y + i * s.out_size});
    }
  });
}

// NHWC: vectors run along the channels. One row of output pixels, whose inputs under tap t begin at image +
// tap_offset[t].
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

void channels_last(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                   float* scratch) {
  Carver carve(scratch);
  const PatchLayout l = patch_layout(s, s.in_channels, true, carve.ints(s.taps));
  float* const padded = carve.floats(l.image_size());
  const int64_t width = s.out[s.rank - 1], row = width * s.in_channels;
  for (int64_t n = 0; n < s.batch; ++n) {
    const float* image = x + n * s.in_channels * s.in_size;
    if (l.padded) pad_images(s, l, n, n + 1, x, padded), image = padded;
    const int64_t first = n * s.in_channels * s.out_size;
    parallel_for(s.out_size / width, 1 + 16384 / (row * s.taps + 1), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t at = first + r * row;
        run_row({&s, &l, image + l.base(r * width), packed, &finish, finish.add ? finish.add + at : nullptr, y + at,
                 l.stride[l.rank - 1] * s.in_channels});
      }
    });
  }
}

}  // namespace

int64_t depthwise_scratch(const ConvShape& s) {
  Carver carve(nullptr);
  carve.ints(s.taps);
  if (s.channels_last)
    carve.floats(patch_layout(s, s.in_channels, true, nullptr).image_size());
  else
    carve.floats(plane_room(s, plane_layout(s, nullptr)) * thread_count());
  return carve.total;
}

void depthwise_forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                       float* scratch) {
  if (s.channels_last)
    channels_last(s, x, packed, finish, y, scratch);
  else
    planes_first(s, x, packed, finish, y, scratch);
}

}  // namespace pf
