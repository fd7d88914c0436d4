// SPDX-License-Identifier: Apache-2.0
// IEEE 754 binary16 to and from float, for the few operators that meet it on the CPU.
#pragma once
#include <cstdint>
#include <cstring>

namespace pf {

inline float half_to_float(uint16_t half) {
  const uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ff;
  if (exponent == 0) {  // zero or a multiple of 2^-24
    const float tiny = float(fraction) * 0x1p-24f;
    return sign ? -tiny : tiny;
  }
  const uint32_t bits = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

// Rounds to nearest, ties to even; what is too large becomes infinite.
inline uint16_t float_to_half(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const uint32_t sign = bits >> 16 & 0x8000;
  bits &= 0x7fffffff;
  if (bits > 0x7f800000) return uint16_t(sign | 0x7e00 | (bits >> 13 & 0x3ff));  // NaN
  if (bits >= 0x477ff000) return uint16_t(sign | 0x7c00);
  if (bits >= 0x38800000) return uint16_t(sign | (((bits + 0xfff + (bits >> 13 & 1)) >> 13) - 0x1c000));
  // Below 2^-14 the result is a multiple of 2^-24: adding 1/2 leaves it in the low bits, rounded.
  float magnitude;
  std::memcpy(&magnitude, &bits, 4);
  magnitude += 0.5f;
  std::memcpy(&bits, &magnitude, 4);
  return uint16_t(sign | (bits - 0x3f000000));
}

}  // namespace pf
