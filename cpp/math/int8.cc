// SPDX-License-Identifier: Apache-2.0
#include "math/int8.h"

#include <cmath>

#include "math/int8_vector.h"

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

void quantize(const float* x, int64_t n, const Quantization& q, uint8_t* y) {
  const f32x4 scale = f32x4::splat(q.scale), low = f32x4::splat(-1000), high = f32x4::splat(1000);
  const i16x8 zero = i16x8::splat(int16_t(q.zero_point));
  // Behind this number floats are whole: what is added to it is rounded, halves to even, into its last bits.
  const float magic = 0x1.8p23f;
  const auto whole = [&](const float* p) {
    const f32x4 t = f32x4::load(p) / scale;
    const f32x4 number = from_bits(bits(t) & (t == t));
    return bits(min(max(number, low), high) + f32x4::load_splat(&magic)) - bits(f32x4::load_splat(&magic));
  };
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    RawU8x16 bytes;
    narrow_u8(narrow(whole(x + i), whole(x + i + 4)) + zero, narrow(whole(x + i + 8), whole(x + i + 12)) + zero, 0,
              &bytes);
    std::memcpy(y + i, &bytes, 16);
  }
  for (; i < n; ++i) y[i] = quantize(x[i], q);
}

void dequantize(const uint8_t* x, int64_t n, const Quantization& q, float* y) {
  const f32x4 scale = f32x4::splat(q.scale);
  const i16x8 zero = i16x8::splat(int16_t(q.zero_point)), none = i16x8::splat(0);
  const auto number = [scale](i16x8 pairs) { return scale * to_float(i32x4{(RawI32x4)pairs.v} >> 16); };
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const i16x8 v = i16x8::load_u8(x + i) - zero;
    number(first_pairs(none, v)).store(y + i);
    number(last_pairs(none, v)).store(y + i + 4);
  }
  for (; i < n; ++i) y[i] = q.scale * float(x[i] - q.zero_point);
}

const int16_t* Int8Weights::get(const Int8Tensor& w) {
  if (version_ == w.t.version() && zero_point_ == w.q.zero_point) return values_.data();
  const int64_t n = w.t.size();
  values_.resize(size_t(n));
  for (int64_t i = 0; i < n; ++i) values_[size_t(i)] = int16_t(w.t.data<uint8_t>()[i] - w.q.zero_point);
  version_ = w.t.version(), zero_point_ = w.q.zero_point;
  return values_.data();
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
