// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>

#include "math/int8_vector.h"

namespace pf {

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

void Requantize::operator()(const int32_t* sums, int64_t n, uint8_t* y) const {
  int64_t i = 0;
  if (multiplier_) {
    const FixedPointVector scaled(multiplier_, shift_);
    const i32x4 zero = i32x4::splat(zero_point_);
    i32x4 over = i32x4::splat(0);  // negative where a sum has more than 30 bits
    for (; i + 8 <= n; i += 8) {
      const i32x4 a = i32x4::load(sums + i), b = i32x4::load(sums + i + 4);
      over = over | (a ^ (a << 1)) | (b ^ (b << 1));
      RawU8x16 bytes;
      const i16x8 x = narrow(scaled(a) + zero, scaled(b) + zero);
      narrow_u8(x, x, uint8_t(low_), &bytes);
      std::memcpy(y + i, &bytes, 8);
    }
    if ((over.lane(0) | over.lane(1) | over.lane(2) | over.lane(3)) < 0) i = 0;
  }
  for (; i < n; ++i) y[i] = (*this)(sums[i]);
}

namespace {

// The sums at which the output takes its steps: steps[v] is the least, above -limit, whose element is v or more, or
// limit + 1.
struct Steps {
  int64_t limit, at[256];

  Steps(const Requantize& wanted, int64_t most) : limit(most) {
    int64_t from = -limit;
    for (int v = 0; v < 256; ++v) {
      int64_t low = from, high = limit + 1;
      while (low < high) {
        const int64_t middle = low + ((high - low) >> 1);
        if (wanted(int32_t(middle)) >= v)
          high = middle;
        else
          low = middle + 1;
      }
      from = at[v] = low;
    }
  }
  bool hold(const FloatRequantize& r) const {
    const FloatFinish<true> finish(r);
    const auto element = [&](int64_t sum) {
      const int32_t v = finish(i32x4::splat(int32_t(sum))).lane(0);
      return v < r.low ? int32_t(r.low) : v;
    };
    for (int v = r.low + 1; v < 256; ++v)
      if ((at[v] > -limit && element(at[v] - 1) >= v) || (at[v] <= limit && element(at[v]) < v)) return false;
    return true;
  }
};

}  // namespace

FloatRequantize::FloatRequantize(const Requantize& wanted, int64_t limit) : low(uint8_t(wanted.low())) {
  const float wanted_scale = float(wanted.scale());
  // Beyond that the rounding below would leave the range of its trick.
  const int32_t bits_of_magic = pf::bits(f32x4::splat(FloatFinish<true>::kMagic)).lane(0);
  if (!(wanted_scale > 0) || limit >= INT32_MAX || !(double(limit) * double(wanted_scale) < 0x1p21)) return;
  const Steps steps(wanted, limit);
  // The plain way rounds twice, first to a fraction of `shift` bits. So halves begin half a fraction below the half.
  int exponent;
  std::frexp(wanted_scale, &exponent);
  const float fraction = exponent < 0 ? std::ldexp(1.f, exponent - 1) : 0.f;
  // Elements on both sides of the zero point are small numbers as they are; else those in the middle are made so.
  const bool centered = low < wanted.zero_point();
  if (centered) sign = INT32_MIN;
  const auto middle = int32_t(double(limit) * double(wanted_scale) < 128 ? 0 : 128 / double(wanted_scale));
  // A step lies between two sums, which are `scale` apart: there is room to move, and with it other roundings.
  for (int i = 0; i < 160 && !exact; ++i) {
    const int by_ulps = i % 10 / 2 * (i % 2 ? 1 : -1), by_parts = i / 10 / 2 * (i / 10 % 2 ? 1 : -1);
    uint32_t bits;
    std::memcpy(&bits, &wanted_scale, sizeof bits);
    bits += uint32_t(by_ulps);
    std::memcpy(&scale, &bits, sizeof bits);
    center = centered ? 0 : middle + i;
    const double added = double(fraction + float(by_parts) * wanted_scale / 256.f) + center * double(wanted_scale);
    if (added < 0) continue;
    const auto rounded = int32_t(added);
    offset = float(added - rounded), whole = wanted.zero_point() + rounded;
    base = whole - bits_of_magic;
    exact = steps.hold(*this);
  }
}

}  // namespace pf
