// SPDX-License-Identifier: Apache-2.0
// The loop of a convolution of each channel with a filter of its own, channels last.
#pragma once

#include "math/conv.h"

namespace pf {

// One row of output pixels.
struct DepthwiseRow {
  int64_t channels;
  int64_t kernel, stride, dilation, pad;  // along the row
  int64_t inputs, outputs;                // pixels
  int64_t count;                          // rows of X under the window that lie within the image: where they begin,
  const float* const* in;
  const float* const* w;  // and the weights of the first tap of each
  const ConvFinish* finish;
  const float* add;
  float* y;
};

struct DepthwiseKernel {
  int lanes;
  // Channels [begin, end), a multiple of `lanes`.
  void (*run)(const DepthwiseRow& row, int64_t begin, int64_t end);
};
// The kernel for this machine.
const DepthwiseKernel& depthwise_kernel();

}  // namespace pf
