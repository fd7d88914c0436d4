// SPDX-License-Identifier: Apache-2.0
// Regions of interest: rows of [x1, y1, x2, y2], or of those behind the index of an image.
#pragma once

#include "core/op.h"

namespace pf {

// For pooling: X is input 0, regions are input 1. The result is [R, C, pooled_h, pooled_w], or [R, …, C].
Status pooled_rois(Infer& in, bool channels_last, Shape* y);

// Every region lies in one of `images`, its corners times `scale` are numbers that fit an int32.
Status check_rois(const Tensor& rois, int64_t images, float scale);

}  // namespace pf
