// SPDX-License-Identifier: Apache-2.0
// Winograd's transforms of one piece with channels last, all its channels in one call.
#pragma once

#include "math/conv.h"

namespace pf {

inline constexpr int kWinogradLanes = 16;  // fewer channels than these no transform takes

// The outputs of one piece.
struct PieceOutput {
  const ConvFinish* finish;
  const float* add;
  float* y;
  int64_t channels, row_step, rows, columns;
};

struct WinogradTransforms {
  // B' d B: `at` tells where the inputs are, column by column; position i of the piece goes to out + i * step.
  void (*image)(const float* const* at, int64_t channels, int64_t step, float* out);
  // A' m A, finished and stored.
  void (*sums)(const float* sums, int64_t step, const PieceOutput& output);
};
// For tiles of `tile` x `tile` outputs, 2 or 4, on this machine.
const WinogradTransforms& winograd_transforms(int64_t tile);

}  // namespace pf
