// SPDX-License-Identifier: Apache-2.0
// The filter under Winograd's transform, packed for the products: for each position, panels of output channels.
#include "core/parallel.h"
#include "core/simd.h"
#include "math/gemm.h"
#include "math/winograd.h"

namespace pf {
namespace {

// G for the interpolation points that math/winograd_kernel.h names.
constexpr float kThird = 1.f / 3, kSixth = 1.f / 6, kRootThird = 0.47140452079103168f, kRootSixth = kRootThird / 2;
const float kTwo[4][3] = {{1, 0, 0}, {0.5f, 0.5f, 0.5f}, {0.5f, -0.5f, 0.5f}, {0, 0, 1}};
const float kFour[6][3] = {{1, 0, 0},
                           {-2 * kThird, -kRootThird, -kThird},
                           {-2 * kThird, kRootThird, -kThird},
                           {kSixth, kRootSixth, kThird},
                           {kSixth, -kRootSixth, kThird},
                           {0, 0, 1}};

PF_INLINE f32x4 weigh(const float* row, f32x4 a, f32x4 b, f32x4 c) {
  return madd(f32x4::load_splat(row + 2), c, madd(f32x4::load_splat(row + 1), b, f32x4::load_splat(row) * a));
}

// G g G' of four filters g side by side, one to a lane, to out + position * step.
void transform(const float (*rows)[3], int n, const float (*taps)[4], int64_t step, float* out) {
  f32x4 g[9];
  for (int t = 0; t < 9; ++t) g[t] = f32x4::load(taps[t]);
  for (int i = 0; i < n; ++i) {
    f32x4 half[3];
    for (int j = 0; j < 3; ++j) half[j] = weigh(rows[i], g[j], g[3 + j], g[6 + j]);
    for (int j = 0; j < n; ++j, out += step) weigh(rows[j], half[0], half[1], half[2]).store(out);
  }
}

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

}  // namespace

int64_t winograd_packed_size(const ConvShape& s, int tile) {
  return (tile + 2) * (tile + 2) * gemm_packed_size(s.out_channels, s.in_channels, gemm_kernel().columns);
}

void winograd_pack(const ConvShape& s, int tile, const float* w, const float* scale, float* packed) {
  const int64_t width = gemm_kernel().columns, channels = s.in_channels;
  const int64_t step = gemm_packed_size(s.out_channels, channels, int(width));
  parallel_for(step / (width * channels), 1 + 512 / channels, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * channels; i < end * channels; ++i)  // a row of a panel: one input channel
      for (int64_t first = 0; first < width; first += 4) {
        const int64_t m = i / channels * width + first;
        float taps[9][4] = {};  // 0 for output channels beyond the last
        for (int64_t j = 0; j < smaller(4, s.out_channels - m); ++j)
          for (int64_t t = 0; t < 9; ++t)
            taps[t][j] = w[(m + j) * s.patch() + i % channels * s.filter_channel_step() + t * s.filter_tap_step()] *
                         (scale ? scale[m + j] : 1.f);
        transform(tile == 4 ? kFour : kTwo, tile + 2, taps, step, packed + i * width + first);
      }
  });
}

}  // namespace pf
