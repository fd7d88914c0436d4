// SPDX-License-Identifier: Apache-2.0
// 3 x 3 convolution with stride 1 by Winograd's F(r x r, 3 x 3): (r + 2)^2 multiplications for r x r outputs, 4 each
// for r = 2 and 2.25 for r = 4, instead of 9.
//
// Each (r + 2) x (r + 2) piece d of the image and each filter g are transformed, V = B' d B and U = G g G'; then
// Y = A' [sum over channels of U * V] A is an r x r tile of the output. For each of the (r + 2)^2 positions the sum is
// a matrix product. (Lavin and Gray, 2015; math/winograd_kernel.h has the matrices.)
//
// The largest error as part of the largest output, inputs and filters normally distributed, 16 / 64 / 256 / 512
// channels: r = 2: 2e-7 / 4e-7 / 6e-7 / 6e-7; r = 4: 0.9e-6 / 1.4e-6 / 2.4e-6 / 2.3e-6; float sums one after the other:
// 0.4e-6 / 0.9e-6 / 1.5e-6 / 2.7e-6.
#pragma once

#include "math/conv.h"

namespace pf {

// r for a convolution that this pays for, else 0.
int winograd_tile(const ConvShape& s);
// As their namesakes conv_… in math/conv.h. `tile` is r, 2 or 4. Of both channels at least 16.
int64_t winograd_packed_size(const ConvShape& s, int tile);
void winograd_pack(const ConvShape& s, int tile, const float* w, const float* scale, float* packed);
int64_t winograd_scratch(const ConvShape& s, int tile);
void winograd_forward(const ConvShape& s, int tile, const float* x, const float* packed, const ConvFinish& finish,
                      float* y, float* scratch);

}  // namespace pf
