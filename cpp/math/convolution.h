// SPDX-License-Identifier: Apache-2.0
// Convolutions on CUDA, channels last: by cuDNN with the fastest of its plans for each shape, or plainly where cuDNN is
// missing or has none.
#pragma once
#include "device/forms.h"
#include "math/conv.h"

namespace pf {

enum class Pass : uint8_t { kForward, kInput, kFilter };

// Forward: y = w * x (+ add) (+ bias), with relu no less than 0. kInput: x from w and y; kFilter: w from x and y.
struct ConvTensors {
  void *x, *w, *y;
  const void *bias = nullptr, *add = nullptr;
  bool half = false, relu = false;
};

Status convolve(OpRun& op, Pass pass, const ConvShape& shape, const ConvTensors& t);

}  // namespace pf
