// SPDX-License-Identifier: Apache-2.0
#include "math/int8.h"

#include <cmath>
#include <cstring>

namespace pf {
namespace {

int32_t saturate(int64_t v) { return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : int32_t(v); }

// Where tap k of the window at `out` reads, or -1 in the padding. Coordinates go by the last dimension fastest.
int64_t tap_place(const Window& w, int64_t out, int64_t tap) {
  int64_t place = 0, size = 1;
  for (int d = w.rank - 1; d >= 0; --d) {
    const int64_t at = out % w.out[d] * w.stride[d] - w.pad_head[d] + tap % w.kernel[d] * w.dilation[d];
    if (at < 0 || at >= w.in[d]) return -1;
    place += at * size;
    size *= w.in[d], out /= w.out[d], tap /= w.kernel[d];
  }
  return place;
}

}  // namespace

uint8_t quantize(float x, const Quantization& q) {
  const float scaled = std::nearbyint(x / q.scale);
  if (!(scaled > -1e6f)) return scaled != scaled ? uint8_t(q.zero_point) : 0;
  return scaled < 1e6f ? clamp_u8(int64_t(scaled) + q.zero_point) : 255;
}

Requantize::Requantize(float scale, const Quantization& y, bool relu)
    : scale_(scale), zero_point_(y.zero_point), low_(relu ? y.zero_point : 0) {
  uint32_t bits;
  std::memcpy(&bits, &scale, sizeof bits);
  // scale = multiplier / 2^31 / 2^shift
  if (scale < 1.f && scale >= 0x1p-32f) {
    multiplier_ = int32_t(((bits & 0x007FFFFFu) | 0x00800000u) << 7);
    shift_ = 127 + 31 - 32 - int32_t(bits >> 23);
  }
}

uint8_t Requantize::operator()(int32_t sum) const {
  if (!multiplier_) {
    const double scaled = std::round(double(sum) * scale_);
    return scaled > 1e6 ? 255 : clamp_u8(scaled < -1e6 ? -1000000 : int64_t(scaled) + zero_point_, low_);
  }
  const int64_t product = int64_t(sum) * multiplier_;
  const int32_t high = int32_t(uint32_t(uint64_t(product + 0x40000000) >> 31));
  const int32_t mask = int32_t((1u << shift_) - 1), remainder = (high & mask) - (high < 0);
  return clamp_u8(int64_t(high >> shift_) + (remainder > mask >> 1) + zero_point_, low_);
}

int32_t dot_i16(const int16_t* a, const int16_t* b, int64_t n) {
  int32_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += int32_t(a[i]) * b[i];
  return sum;
}

void widen(const uint8_t* x, int64_t n, int32_t zero_point, int16_t* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = int16_t(x[i] - zero_point);
}

const int16_t* Int8Weights::get(const Int8Tensor& w, bool by_tap) {
  if (version_ == w.t.version() && zero_point_ == w.q.zero_point) return values_.data();
  const int64_t n = w.t.size(), rows = w.t.dim(0), taps = rows ? n / rows : 0;
  values_.resize(size_t(n));
  widen(w.t.data<uint8_t>(), n, w.q.zero_point, values_.data());
  if (by_tap) {
    const std::vector<int16_t> by_row = values_;
    for (int64_t i = 0; i < n; ++i) values_[size_t(i % taps * rows + i / taps)] = by_row[size_t(i)];
  }
  version_ = w.t.version(), zero_point_ = w.q.zero_point;
  return values_.data();
}

Status int8_conv(OpRun& op, const ConvShape& s, const Int8Tensor& x, const int16_t* weights, const int32_t* bias,
                 const Requantize& requantize, uint8_t* y) {
  const int64_t patch = s.patch(), channels = s.in_per_group(), outs = s.out_per_group();
  PF_CHECK(patch <= kMostInt8Terms, shape, "an output sums ", patch, " products; there may be ", kMostInt8Terms);
  const bool depthwise = s.depthwise();
  const int64_t room = depthwise ? s.out_channels : patch;
  int32_t* sums;
  int16_t* rows;
  PF_TRY(op.scratch(room * thread_count(), &sums));
  PF_TRY(op.scratch(room * thread_count(), &rows));
  const uint8_t* in = x.t.data<uint8_t>();
  const int32_t zero = x.q.zero_point;
  parallel_for(s.batch * s.out_size, 1 + 65536 / (patch * s.out_channels + 1), [=](int64_t begin, int64_t end) {
    int32_t* sum = sums + room * thread_index();
    int16_t* row = rows + room * thread_index();
    for (int64_t i = begin; i < end; ++i) {
      const uint8_t* image = in + i / s.out_size * s.in_size * s.in_channels;
      uint8_t* out = y + i * s.out_channels;
      if (depthwise) {
        for (int64_t c = 0; c < s.out_channels; ++c) sum[c] = 0;
        for (int64_t k = 0; k < s.taps; ++k) {
          const int64_t place = tap_place(s, i % s.out_size, k);
          if (place < 0) continue;
          const uint8_t* from = image + place * s.in_channels;
          const int16_t* w = weights + k * s.out_channels;
          for (int64_t c = 0; c < s.out_channels; ++c) sum[c] += int32_t(from[c] - zero) * w[c];
        }
        for (int64_t c = 0; c < s.out_channels; ++c)
          out[c] = requantize(bias ? saturate(int64_t(sum[c]) + bias[c]) : sum[c]);
        continue;
      }
      for (int64_t g = 0; g < s.group; ++g) {
        for (int64_t k = 0; k < s.taps; ++k) {
          const int64_t place = tap_place(s, i % s.out_size, k);
          if (place < 0)
            std::memset(row + k * channels, 0, size_t(channels) * sizeof *row);
          else
            widen(image + place * s.in_channels + g * channels, channels, zero, row + k * channels);
        }
        for (int64_t m = g * outs; m < (g + 1) * outs; ++m) {
          const int32_t dot = dot_i16(row, weights + m * patch, patch);
          out[m] = requantize(bias ? saturate(int64_t(dot) + bias[m]) : dot);
        }
      }
    }
  });
  return {};
}

Status int8_conv_transpose(OpRun& op, const ConvShape& s, const Int8Tensor& x, const int16_t* weights,
                           const int32_t* bias, const Requantize& requantize, uint8_t* y) {
  PF_CHECK(s.out_channels * s.taps <= kMostInt8Terms, shape, "an output may sum ", s.out_channels * s.taps,
           " products; there may be ", kMostInt8Terms);
  const int64_t size = s.in_size * s.in_channels;
  int32_t* sums;
  PF_TRY(op.scratch(size, &sums));
  const uint8_t* in = x.t.data<uint8_t>();
  for (int64_t n = 0; n < s.batch; ++n, y += size) {
    for (int64_t i = 0; i < size; ++i) sums[i] = bias ? saturate(bias[i % s.in_channels]) : 0;
    for (int64_t i = 0; i < s.out_size; ++i, in += s.out_channels) {
      for (int64_t k = 0; k < s.taps; ++k) {
        const int64_t place = tap_place(s, i, k);
        if (place < 0) continue;
        int32_t* to = sums + place * s.in_channels;
        for (int64_t c = 0; c < s.out_channels; ++c) {
          const int32_t v = in[c] - x.q.zero_point;
          const int16_t* w = weights + (c * s.taps + k) * s.in_channels;
          for (int64_t m = 0; m < s.in_channels; ++m) to[m] = int32_t(uint32_t(to[m]) + uint32_t(v * w[m]));
        }
      }
    }
    for (int64_t i = 0; i < size; ++i) y[i] = requantize(sums[i]);
  }
  return {};
}

}  // namespace pf
