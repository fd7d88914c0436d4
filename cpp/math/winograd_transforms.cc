// SPDX-License-Identifier: Apache-2.0
#include "math/winograd_transforms.h"

#include "core/simd.h"

namespace pf {
namespace {
#include "math/winograd_kernel.h"
}  // namespace

#if !defined(__x86_64__)
const WinogradTransforms& winograd_transforms(int64_t inputs) { return winograd_transforms_of<f32x4>[inputs == 6]; }
#endif

void locate_piece(const PieceSource& s, int64_t row, int64_t column, const int* offsets, int64_t count,
                  const float** at) {
  const float* rows[6];
  for (int64_t i = 0; i < count; ++i) {
    const int64_t r = row + offsets[i];
    rows[i] = r >= 0 && r < s.rows ? s.image + r * s.columns * s.channels : nullptr;
  }
  for (int64_t j = 0; j < count; ++j) {
    const int64_t c = column + offsets[j], from = c * s.channels;
    const bool inside = c >= 0 && c < s.columns;
    for (int64_t i = 0; i < count; ++i) *at++ = inside && rows[i] ? rows[i] + from : s.outside;
  }
}

}  // namespace pf
