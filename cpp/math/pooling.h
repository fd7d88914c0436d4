// SPDX-License-Identifier: Apache-2.0
// Maxima and means over windows, NCHW and NHWC, any number of spatial dimensions.
#pragma once

#include "math/conv_geometry.h"

namespace pf {

enum class Pool { kMax, kAverage };

// A mean divides by the inputs its window really covers; padding is never the maximum. A window that covers nothing
// gives the lowest float, or 0.
struct PoolShape {
  Window window;
  int64_t batch, channels;
  bool channels_last;
};

// Caffe2 asks the kernel arguments how many dimensions there are, two without any, and takes further ones of X for 1. A
// global window learns how many X has only in its first run, after that: there, images (planes, in the gradient of
// NCHW) are smaller, and lie closer together, than they really are.
void as_in_first_run(const WindowArgs& args, Window* w);

int64_t pool_scratch(const PoolShape& s);  // floats
void pool_forward(Pool kind, const PoolShape& s, const float* x, float* y, float* scratch);
// The gradient of a maximum goes to every input that equals it, as in Caffe2.
void max_pool_gradient(const PoolShape& s, const float* x, const float* y, const float* dy, float* dx);
void average_pool_gradient(const PoolShape& s, const float* dy, float* dx);

}  // namespace pf
