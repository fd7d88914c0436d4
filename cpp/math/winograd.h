// SPDX-License-Identifier: Apache-2.0
// 3 x 3 convolution with stride 1 by Winograd's F(2 x 2, 3 x 3): 16 multiplications for 4 outputs instead of 36.
//
// Each 4 x 4 piece d of the image and each filter g are transformed, V = B' d B and U = G g G'; then
// Y = A' [sum over channels of U * V] A is a 2 x 2 piece of the output. For each of the 16 positions the sum is a
// matrix product. All factors are 1, -1 and 1/2, so that rounding errors hardly grow. (Lavin and Gray, 2015.)
#pragma once

#include "math/conv.h"

namespace pf {

bool winograd_fits(const ConvShape& s);
// As their namesakes conv_… in math/conv.h, for shapes that fit.
int64_t winograd_packed_size(const ConvShape& s);
void winograd_pack(const ConvShape& s, const float* w, const float* scale, float* packed);
int64_t winograd_scratch(const ConvShape& s);
void winograd_forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                      float* scratch);

}  // namespace pf
