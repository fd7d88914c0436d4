// SPDX-License-Identifier: Apache-2.0
// Arithmetic of quantized tensors. Elements meet with their zero points taken off, as int16, so that products of two
// lie in what a dot product of int16 pairs adds up, or as bytes whose zero points are taken off the sums.
#pragma once
#include "core/int8_tensor.h"
#include "math/conv_geometry.h"

namespace pf {

// The most elements of one sum whose products cannot leave an int32.
inline constexpr int64_t kMostInt8Terms = 32768;

inline uint8_t clamp_u8(int64_t v, int32_t low = 0) { return uint8_t(v < low ? low : v > 255 ? 255 : v); }
// Rounds to the nearest, halves to even, and clamps; NaN becomes the zero point.
uint8_t quantize(float x, const Quantization& q);
void quantize(const float* x, int64_t n, const Quantization& q, uint8_t* y);
void dequantize(const uint8_t* x, int64_t n, const Quantization& q, float* y);

// From sums to elements of the output: times a scale, rounded to the nearest (halves away from 0), plus the zero point.
// Below 1 the scale is a fixed-point number of 24 bits, as QNNPACK has it.
class Requantize {
 public:
  Requantize(float scale, const Quantization& y, bool relu);
  uint8_t operator()(int32_t sum) const;
  // n sums.
  void operator()(const int32_t* sums, int64_t n, uint8_t* y) const;
  double scale() const { return scale_; }
  int32_t zero_point() const { return zero_point_; }
  int32_t low() const { return low_; }  // the least element
  bool operator==(const Requantize&) const = default;

 private:
  double scale_;
  int32_t multiplier_ = 0, shift_ = 0, zero_point_, low_;
};

// Weights as int16, kept until the tensor changes.
class Int8Weights {
 public:
  const int16_t* get(const Int8Tensor& w);

 private:
  std::vector<int16_t> values_;
  uint64_t version_ = 0;
  int32_t zero_point_ = -1;
};

// s is the convolution whose backward pass this is: x has its output's shape, y its input's. Weights [s.out, taps,
// s.in].
Status int8_conv_transpose(OpRun& op, const ConvShape& s, const Int8Tensor& x, const int16_t* weights,
                           const int32_t* bias, const Requantize& requantize, uint8_t* y);

}  // namespace pf
