// SPDX-License-Identifier: Apache-2.0
#include "math/rowwise.h"

#include <cmath>

#include "math/half.h"
#include "math/reduce.h"

namespace pf {
namespace {

void add_bytes(int64_t n, float scale, float bias, const uint8_t* x, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] += scale * float(x[i]) + bias;
}

// Halves away from 0; what is no byte (of rows that hold NaN or infinities) becomes 0.
uint8_t to_byte(float x) {
  x = std::round(x);
  return x >= 0.f && x <= 255.f ? uint8_t(x) : 0;
}

}  // namespace

void RowTable::add(int64_t row, float weight, float* y) const {
  if (kind == kFloat) return add_scaled(columns, weight, static_cast<const float*>(data) + row * columns, y);
  if (kind == kHalf) {
    const uint16_t* x = static_cast<const uint16_t*>(data) + row * columns;
    for (int64_t i = 0; i < columns; ++i) y[i] += weight * half_to_float(x[i]);
    return;
  }
  const uint8_t* x = static_cast<const uint8_t*>(data) + row * (columns + (kind == kFused ? kFusedTail : 0));
  float pair[2];
  if (kind == kFused)
    std::memcpy(pair, x + columns, sizeof pair);
  else
    std::memcpy(pair, scale_bias + 2 * row, sizeof pair);
  add_bytes(columns, weight * pair[0], weight * pair[1], x, y);
}

void quantize_row(int64_t n, const float* x, bool fused, uint8_t* y, float* scale, float* bias) {
  float low = n ? x[0] : 0.f, high = low;
  for (int64_t i = 1; i < n; ++i) low = x[i] < low ? x[i] : low, high = x[i] > high ? x[i] : high;
  const float range = high - low;
  // The two formats treat an even row differently.
  const bool even = !fused && range < 1e-10f;
  *scale = even ? 1.f : range / 255.f;
  *bias = low;
  const float inverse = fused ? 255.f / (range + 1e-8f) : 1.f / *scale;
  for (int64_t i = 0; i < n; ++i) y[i] = even ? 0 : to_byte((x[i] - low) * inverse);
}

}  // namespace pf
