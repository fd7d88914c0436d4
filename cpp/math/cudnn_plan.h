// SPDX-License-Identifier: Apache-2.0
// Plans of cuDNN for convolutions: made and timed once for each shape, then looked up.
#pragma once
#include "math/convolution.h"

namespace pf {

// Runs the convolution by the fastest plan. `found` says whether cuDNN has one; without it nothing was done.
Status convolve_by_cudnn(OpRun& op, Pass pass, const ConvShape& shape, const ConvTensors& t, bool* found);

}  // namespace pf
