// SPDX-License-Identifier: Apache-2.0
// Powers, logarithms and cosines of single numbers, better than a float needs. The C library's carry 16 KB of tables.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

namespace pf {

// The natural logarithm, from that of its mantissa: log m = 2 artanh((m - 1) / (m + 1)).
inline double scalar_log(double x) {
  if (!(x > 0)) return x == 0 ? -HUGE_VAL : NAN;
  int64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  int64_t exponent = (bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffff) | int64_t(1023) << 52;
  double m;
  std::memcpy(&m, &bits, sizeof m);
  if (m > 1.4142135623730951) m *= 0.5, ++exponent;
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int k = 23; k > 0; k -= 2) sum = sum * square + 2.0 / k;
  return double(exponent) * 0.6931471805599453 + sum * s;
}

inline double scalar_exp(double x) {
  if (!(x < 709)) return x * HUGE_VAL;
  if (x < -708) return 0;
  const double whole = std::floor(x * 1.4426950408889634 + 0.5), rest = x - whole * 0.6931471805599453;
  double sum = 1;
  for (int k = 14; k > 0; --k) sum = sum * rest / k + 1;
  const int64_t bits = (int64_t(whole) + 1023) << 52;
  double scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return sum * scale;
}

// base ^ exponent as pow() has it.
inline double scalar_pow(double base, double exponent) {
  if (exponent == 0 || base == 1) return 1;
  if (base == 0) return exponent > 0 ? 0 : HUGE_VAL;
  const double size = base < 0 ? -base : base;
  if (!(size < HUGE_VAL)) return base != base ? base : exponent > 0 ? HUGE_VAL : 0;
  const double power = scalar_exp(exponent * scalar_log(size));
  if (base > 0) return power;
  const double half = exponent * 0.5;  // of a negative number only whole powers are real
  return exponent != std::floor(exponent) ? NAN : half != std::floor(half) ? -power : power;
}

// The cosine of `turns` full turns.
inline double cos_turns(double turns) {
  const double quarters = (turns - std::floor(turns)) * 4, nearest = std::floor(quarters + 0.5);
  const double x = (quarters - nearest) * 1.5707963267948966, square = x * x;
  const bool odd = int(nearest) & 1;
  double sum = 0;
  for (int k = odd ? 15 : 14; k > 1; k -= 2) sum = (1 - sum) * square / (k * (k - 1));
  const double value = odd ? -x * (1 - sum) : 1 - sum;
  return nearest == 1 || nearest == 0 || nearest == 4 ? value : -value;
}
inline double sin_turns(double turns) { return cos_turns(turns - 0.25); }

}  // namespace pf
