// SPDX-License-Identifier: Apache-2.0
// Convolution of each channel of a quantized image with a filter of its own. Vectors run along eight channels; two taps
// meet in a dot product of int16 pairs, of 3 x 3 those of the first two rows that lie above each other, so that a pair
// serves all the pixels whose window it is in.
#include <cstring>

#include "core/parallel.h"
#include "math/int8_conv.h"

namespace pf {
namespace {

bool three_by_three(const ConvShape& s) {
  return s.kernel[0] == 3 && s.kernel[1] == 3 && s.dilation[1] == 1 && s.stride[1] <= 2;
}
int64_t pairs_of(const ConvShape& s) { return (s.taps + 1) / 2; }
int64_t blocks_of(const ConvShape& s) { return (s.in_channels + 7) / 8; }

// Which tap comes i-th, -1 for none.
int64_t tap_at(const ConvShape& s, int64_t i) {
  constexpr int8_t kPaired[] = {0, 3, 1, 4, 2, 5, 6, 7, 8, -1};
  if (three_by_three(s)) return kPaired[i];
  return i < s.taps ? i : -1;
}

// One row of output pixels.
struct RowJob {
  const Int8Conv* c;
  const int16_t* w;      // of each block of eight channels: its pairs of taps, eight of the first then of the last four
  const int32_t* start;  // what sums begin with
  const FloatRequantize* fast;
  const uint8_t *image, *padding;  // the latter as long as a row of the image
  int64_t top;
  uint8_t* y;

  const uint8_t* row(int64_t ky) const {
    const ConvShape& s = c->shape;
    const int64_t at = top + ky * s.dilation[0];
    return at < 0 || at >= s.in[0] ? padding : image + at * s.in[1] * s.in_channels;
  }
};

// Of eight channels.
struct Sums {
#if defined(__AVX2__)
  __m256i all;
  PF_INLINE explicit Sums(const int32_t* start) : all(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(start))) {}
  PF_INLINE void add(const BytePairs& pairs, const int16_t* w) {
    const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
    all = _mm256_add_epi32(all, _mm256_madd_epi16(pairs.all, weights));
  }
  PF_INLINE i32x4 first() const { return {(RawI32x4)_mm256_castsi256_si128(all)}; }
  PF_INLINE i32x4 last() const { return {(RawI32x4)_mm256_extracti128_si256(all, 1)}; }
#else
  i32x4 low, high;
  PF_INLINE explicit Sums(const int32_t* start) : low(i32x4::load(start)), high(i32x4::load(start + 4)) {}
  PF_INLINE void add(const BytePairs& pairs, const int16_t* w) {
    low = low + dot(pairs.first, i16x8::load(w));
    high = high + dot(pairs.last, i16x8::load(w + 8));
  }
  PF_INLINE i32x4 first() const { return low; }
  PF_INLINE i32x4 last() const { return high; }
#endif
};

PF_INLINE void finish(const RowJob& job, const Sums& sum, int64_t pixel, int64_t channel) {
  const int64_t channels = job.c->shape.in_channels;
  uint8_t* const y = job.y + pixel * channels + channel;
  if (job.fast->exact && channel + 8 <= channels) return FloatFinish<true>(*job.fast).store(sum.first(), sum.last(), y);
  int32_t sums[8];
  sum.first().store(sums), sum.last().store(sums + 4);
  job.c->requantize(sums, channels - channel < 8 ? channels - channel : 8, y);
}

// Two neighbouring pixels under 3 x 3 taps, nowhere in the padding at left or right.
template <int kStride, bool kSigned>
PF_INLINE void two_pixels(const RowJob& job, const uint8_t* const* rows, int64_t pixel, int64_t block) {
  constexpr int kColumns = kStride + 3;
  const ConvShape& s = job.c->shape;
  const int64_t channels = s.in_channels, c = block * 8;
  const int64_t from = (pixel * kStride - s.pad_head[1]) * channels + c;
  const int16_t* const w = job.w + block * 80;
  Sums sum[2] = {Sums(job.start + c), Sums(job.start + c)};
  PF_UNROLL
  for (int x = 0; x < kColumns; ++x) {
    const BytePairs pairs(load_eight(rows[0] + from + x * channels), load_eight(rows[1] + from + x * channels));
    if (x < 3) sum[0].add(pairs, w + x * 16);
    if (x >= kStride) sum[1].add(pairs, w + (x - kStride) * 16);
  }
  RawU8x16 third[kColumns];
  PF_UNROLL
  for (int x = 0; x < kColumns; ++x) third[x] = load_eight(rows[2] + from + x * channels);
  PF_UNROLL
  for (int x = 0; x < kColumns; ++x) {
    if (x % kStride && x != 2) continue;
    // What follows the last column meets weights of 0.
    const BytePairs pairs(third[x], third[x + 1 < kColumns ? x + 1 : x]);
    if (x == 0) sum[0].add(pairs, w + 48);
    if (x == 2) sum[0].add(pairs, w + 64);
    if (x == kStride) sum[1].add(pairs, w + 48);
    if (x == kStride + 2) sum[1].add(pairs, w + 64);
  }
  if (job.fast->exact && c + 8 <= channels) {
    uint8_t* const y = job.y + pixel * channels + c;
    FloatFinish<kSigned>(*job.fast).store(sum[0].first(), sum[0].last(), sum[1].first(), sum[1].last(), y,
                                          y + channels);
  } else {
    finish(job, sum[0], pixel, c);
    finish(job, sum[1], pixel + 1, c);
  }
}

// Any pixel under any taps; `taps`: where each reads.
void one_pixel(const RowJob& job, int64_t pixel, const uint8_t** taps) {
  const ConvShape& s = job.c->shape;
  const int64_t pairs = pairs_of(s), left = pixel * s.stride[1] - s.pad_head[1];
  for (int64_t i = 0; i < 2 * pairs; ++i) {
    const int64_t t = tap_at(s, i), x = left + t % s.kernel[1] * s.dilation[1];
    taps[i] = t < 0 || x < 0 || x >= s.in[1] ? job.padding : job.row(t / s.kernel[1]) + x * s.in_channels;
  }
  for (int64_t c = 0; c < s.in_channels; c += 8) {
    Sums sum(job.start + c);
    const int16_t* const w = job.w + c * 2 * pairs;
    for (int64_t p = 0; p < pairs; ++p) {
      sum.add(BytePairs(load_eight(taps[2 * p] + c), load_eight(taps[2 * p + 1] + c)), w + p * 16);
    }
    finish(job, sum, pixel, c);
  }
}

template <int kStride, bool kSigned>
int64_t run_inner(const RowJob& job, int64_t pixel, int64_t end) {
  const uint8_t* const rows[] = {job.row(0), job.row(1), job.row(2)};
  const int64_t blocks = blocks_of(job.c->shape);
  for (; pixel + 2 <= end; pixel += 2)
    for (int64_t b = 0; b < blocks; ++b) two_pixels<kStride, kSigned>(job, rows, pixel, b);
  return pixel;
}

void run_row(const RowJob& job, const uint8_t** taps) {
  const ConvShape& s = job.c->shape;
  const int64_t width = s.out[1], stride = s.stride[1];
  int64_t pixel = 0;
  if (three_by_three(s)) {
    for (; pixel < width && pixel * stride < s.pad_head[1]; ++pixel) one_pixel(job, pixel, taps);
    int64_t end = pixel;
    while (end < width && end * stride - s.pad_head[1] + 3 <= s.in[1]) ++end;
    if (job.fast->sign)
      pixel = stride == 1 ? run_inner<1, true>(job, pixel, end) : run_inner<2, true>(job, pixel, end);
    else
      pixel = stride == 1 ? run_inner<1, false>(job, pixel, end) : run_inner<2, false>(job, pixel, end);
  }
  for (; pixel < width; ++pixel) one_pixel(job, pixel, taps);
}

// Bytes behind the last channel that vectors may read.
constexpr int64_t kSlack = 16;

struct DepthwiseScratch {
  uint8_t* padding;
  const uint8_t** taps;
  int64_t pointers, total;  // of one thread; int32s of all
  DepthwiseScratch(const ConvShape& s, int32_t* block) : pointers(2 * pairs_of(s)) {
    const int64_t row = (s.in[1] * s.in_channels + kSlack + 7) / 8 * 2;
    padding = reinterpret_cast<uint8_t*>(block);
    taps = reinterpret_cast<const uint8_t**>(block + row);
    total = row + pointers * thread_count() * int64_t(sizeof *taps / sizeof *block);
  }
};

}  // namespace

int64_t int8_depthwise_packed_size(const ConvShape& s) { return blocks_of(s) * 8 * (pairs_of(s) + 1); }

void int8_depthwise_pack(const Int8Conv& c, int32_t* packed) {
  const ConvShape& s = c.shape;
  const int64_t pairs = pairs_of(s), channels = blocks_of(s) * 8;
  auto* const pair = reinterpret_cast<int16_t*>(packed + channels);
  std::memset(packed, 0, size_t(int8_depthwise_packed_size(s)) * sizeof *packed);
  for (int64_t m = 0; m < s.out_channels; ++m) {
    int64_t sum = 0;
    for (int64_t i = 0; i < 2 * pairs; ++i) {
      const int64_t t = tap_at(s, i);
      if (t < 0) continue;
      const int32_t w = c.w[m * s.taps + t] - c.w_zero;
      sum += w;
      pair[(m / 8 * pairs + i / 2) * 16 + m % 8 * 2 + i % 2] = int16_t(w);
    }
    // The zero point of X is still on where it is read, in the padding too.
    packed[m] = int32_t(uint32_t(uint64_t((c.bias ? c.bias[m] : 0) - c.x_zero * sum)));
  }
}

int64_t int8_depthwise_scratch(const ConvShape& s) { return DepthwiseScratch(s, nullptr).total; }

void int8_depthwise(const Int8Conv& c, const int32_t* packed, const FloatRequantize& fast, uint8_t* y,
                    int32_t* scratch) {
  const ConvShape& s = c.shape;
  const DepthwiseScratch room(s, scratch);
  std::memset(room.padding, c.x_zero, size_t(s.in[1] * s.in_channels + kSlack));
  const auto* const w = reinterpret_cast<const int16_t*>(packed + blocks_of(s) * 8);
  const int64_t width = s.out[1] * s.in_channels;
  parallel_for(s.batch * s.out[0], 1 + 32768 / (width * s.taps + 1), [&](int64_t begin, int64_t end) {
    const uint8_t** const taps = room.taps + room.pointers * thread_index();
    for (int64_t i = begin; i < end; ++i) {
      const uint8_t* const image = c.x + i / s.out[0] * s.in_size * s.in_channels;
      const int64_t top = i % s.out[0] * s.stride[0] - s.pad_head[0];
      run_row({&c, w, packed, &fast, image, room.padding, top, y + i * width}, taps);
    }
  });
}

}  // namespace pf
