// SPDX-License-Identifier: Apache-2.0
// 3 x 3 and 5 x 5 convolution with stride 1 by Winograd's F(r x r, k x k): (r + k - 1)^2 multiplications for r x r
// outputs. For k = 3 those are 4 each with r = 2 and 2.25 with r = 4, instead of 9; for k = 5 and r = 2, 9 instead
// of 25.
//
// Each (r + k - 1) x (r + k - 1) piece d of the image and each filter g are transformed, V = B' d B and U = G g G';
// then Y = A' [sum over channels of U * V] A is an r x r tile of the output. For each position of a piece the sum is a
// matrix product. (Lavin and Gray, 2015; math/winograd_kernel.h has the matrices.) Gradients go the same way back: with
// the transformed changes of the output, Z = A dY A', those of the filter are G' [sum over pieces of V * Z] G, those of
// a piece of the input B [sum over output channels of U * Z] B'.
//
// The largest error as part of the largest output, inputs and filters normally distributed, 16 / 64 / 256 / 512
// channels: k = 3, r = 2: 2e-7 / 4e-7 / 6e-7 / 6e-7; r = 4: 0.9e-6 / 1.4e-6 / 2.4e-6 / 2.3e-6; float sums one after the
// other: 0.4e-6 / 0.9e-6 / 1.5e-6 / 2.7e-6.
#pragma once

#include "math/conv.h"

namespace pf {

// r for a convolution that this pays for, else 0.
int winograd_tile(const ConvShape& s);
// As their namesakes conv_… in math/conv.h. `tile` is r, 2 or (k = 3) 4. Of both channels at least 16. The filter is
// packed as for the product over the pixels of NHWC, and transformed while the convolution runs.
int64_t winograd_scratch(const ConvShape& s, int tile);
void winograd_forward(const ConvShape& s, int tile, const float* x, const float* packed, const ConvFinish& finish,
                      float* y, float* scratch);

// Both gradients at once, for images and filters of any order; dx may be null. The pieces have six inputs a side.
inline constexpr int kWinogradPositions = 36;
inline int64_t winograd_gradient_tile(const ConvShape& s) { return 7 - s.kernel[0]; }
bool winograd_gradient_pays(const ConvShape& s);
int64_t winograd_gradient_scratch(const ConvShape& s);
void winograd_gradient(const ConvShape& s, const float* x, const float* w, const float* dy, float* dw, float* dx,
                       float* scratch);

// The filter transformed and packed with its channels' roles exchanged; and dW of the gradient of its transform, which
// lies by position, input and output channel, the input channels `stride` apart.
int64_t winograd_turned_size(const ConvShape& s);
void winograd_pack_turned(const ConvShape& s, const float* w, float* packed);
void winograd_unpack_gradient(const ConvShape& s, const float* sums, int64_t stride, float* dw);

}  // namespace pf
