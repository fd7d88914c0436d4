// SPDX-License-Identifier: Apache-2.0
// Winograd's transforms of one piece with channels last, all its channels in one call.
#pragma once

#include "math/conv.h"

namespace pf {

inline constexpr int kWinogradLanes = 16;  // fewer channels than these no transform takes

// The outputs of one piece, some channels of them. What `finish` points to begins with the first of these channels, and
// `add` and `y` with the first output.
struct PieceOutput {
  ConvFinish finish;
  float* y;
  int64_t channels, column_step, row_step, rows, columns, tile;
};

struct WinogradTransforms {
  // B' d B: `at` tells where the inputs are, column by column; position i of the piece goes to out + i * step.
  void (*image)(const float* const* at, int64_t channels, int64_t step, float* out);
  // G g G' of `size` filters side by side, the taps `size` floats apart; position i goes to out + i * step. For three
  // weights a side, and five.
  void (*filter[2])(const float* taps, int64_t size, int64_t step, float* out);
  // A' m A, finished and stored. Up to a vector's lanes before `sums` and before the channels may be read.
  void (*sums)(const float* sums, int64_t step, const PieceOutput& output);
  // Of six inputs only. A dy A': as `image`, from the changes of five outputs a side, of which the fifth is the tile's
  // last one again.
  void (*changes)(const float* const* at, int64_t channels, int64_t step, float* out);
  // B m B' of channels [begin, end), added to what `at` tells of, column by column, but for null. `begin` is a multiple
  // of kWinogradLanes, and so is `end` if it is not that of all channels.
  void (*back)(const float* sums, int64_t step, int64_t begin, int64_t end, float* const* at);
};
// For pieces of `inputs` x `inputs` inputs, 4 or 6, on this machine.
const WinogradTransforms& winograd_transforms(int64_t inputs);

// Where the elements of a piece are, column by column, in an image with channels last: `offsets` are those of its
// rows, and of its columns, from (row, column) on. `outside` stands in for those that there are not.
inline constexpr int kWinogradStraight[6] = {0, 1, 2, 3, 4, 5};
struct PieceSource {
  const float* image;
  int64_t rows, columns, channels;
  const float* outside;
};
void locate_piece(const PieceSource& source, int64_t row, int64_t column, const int* offsets, int64_t count,
                  const float** at);

}  // namespace pf
