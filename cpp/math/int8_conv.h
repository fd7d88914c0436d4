// SPDX-License-Identifier: Apache-2.0
// Convolution of quantized images, channels last, weights [M, taps, C / group]. A fully connected layer is one of a
// single pixel.
#pragma once

#include "math/int8_gemm.h"
#include "math/int8_vector.h"

namespace pf {

struct Int8Conv {
  ConvShape shape;
  const uint8_t *x, *w;
  int32_t x_zero, w_zero;
  const int32_t* bias;  // may be null
  Requantize requantize;
};

// What stays the same from run to run: packed weights, and how sums become elements.
class Int8Filter {
 public:
  // False if sums may leave an int32: then only int8_conv_plain() is right.
  bool pack(const Int8Conv& c, const Int8Kernel& kernel);
  int64_t scratch(const ConvShape& s) const;  // int32s
  void run(const Int8Conv& c, uint8_t* y, int32_t* scratch) const;

 private:
  std::vector<int32_t> packed_;
  FloatRequantize requantize_;
  const Int8Kernel* kernel_ = nullptr;
};

// The definition. Sums that leave an int32 by their bias stay at its bounds.
void int8_conv_plain(const Int8Conv& c, uint8_t* y);

// Each channel with a filter of its own, two taps at a time.
int64_t int8_depthwise_packed_size(const ConvShape& s);
void int8_depthwise_pack(const Int8Conv& c, int32_t* packed);
int64_t int8_depthwise_scratch(const ConvShape& s);
void int8_depthwise(const Int8Conv& c, const int32_t* packed, const FloatRequantize& fast, uint8_t* y,
                    int32_t* scratch);

}  // namespace pf
