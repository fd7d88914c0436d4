// SPDX-License-Identifier: Apache-2.0
// For the gradients: the filter under Winograd's transform, packed for the products with, for each position, panels of
// input channels. And back, from the gradient of its transform.
#include "core/parallel.h"
#include "core/simd.h"
#include "math/gemm.h"
#include "math/integers.h"
#include "math/winograd.h"
#include "math/winograd_transforms.h"

namespace pf {
namespace {

constexpr int kMost = 6, kMostTaps = 5;  // inputs of a piece and weights, in one dimension

// G' of math/winograd_kernel.h for six inputs and so many taps, 3 or 5.
struct Weights {
  static constexpr float kRootHalf = 0.70710678118654752f, kThird = 1.f / 3;
  int taps;

  // G' u.
  void gather(const f32x4* u, int step, f32x4* to, int to_step) const {
    const f32x4 plus = u[step] + u[2 * step], plus2 = u[3 * step] + u[4 * step], third = f32x4::splat(kThird);
    const f32x4 minus = f32x4::splat(kRootHalf) * (u[2 * step] - u[step]),
                minus2 = f32x4::splat(kRootHalf) * (u[3 * step] - u[4 * step]);
    const f32x4 half = f32x4::splat(0.5f), two = f32x4::splat(2);
    to[0] = madd(third, madd(half, plus2, -(two * plus)), u[0]);
    to[to_step] = third * madd(two, minus, minus2);
    to[2 * to_step] = third * (plus2 - plus);
    if (taps == 5) {
      to[3 * to_step] = third * madd(two, minus2, minus);
      to[4 * to_step] = third * madd(two, plus2, -(half * plus));
    }
    to[(taps - 1) * to_step] += u[5 * step];
  }

  // G' u G, the other way: from position to position `step`.
  void transform_back(const float* u, int64_t step, f32x4* g) const {
    f32x4 half[kMost * kMostTaps], row[kMost];
    for (int i = 0; i < kMost; ++i) {
      for (int j = 0; j < kMost; ++j, u += step) row[j] = f32x4::load(u);
      gather(row, 1, half + i * taps, 1);
    }
    for (int j = 0; j < taps; ++j) gather(half + j, taps, g + j, taps);
  }
};

// Filters numbered by (lane, row): `lanes` side by side in a panel, whose rows they are summed over.
struct Numbering {
  int64_t lanes, rows, lane_step, row_step;
};

Numbering for_outputs(const ConvShape& s) {
  return {s.out_channels, s.in_channels, s.patch(), s.filter_channel_step()};
}
Numbering for_inputs(const ConvShape& s) { return {s.in_channels, s.out_channels, s.filter_channel_step(), s.patch()}; }

}  // namespace

int64_t winograd_turned_size(const ConvShape& s) {
  return kWinogradPositions * gemm_packed_size(s.in_channels, s.out_channels, gemm_kernel().columns);
}

void winograd_pack_turned(const ConvShape& s, const float* w, float* packed) {
  const Numbering of = for_inputs(s);
  const int64_t width = gemm_kernel().columns, step = gemm_packed_size(of.lanes, of.rows, int(width));
  const auto transform = winograd_transforms(kMost).filter[s.kernel[0] == 5];
  parallel_for(step / (width * of.rows), 1 + 512 / of.rows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * of.rows; i < end * of.rows; ++i) {
      float lanes[kMostTaps * kMostTaps * kMaxColumns];
      const int64_t first = i / of.rows * width, count = smaller(width, of.lanes - first);
      const float* const from = w + first * of.lane_step + i % of.rows * of.row_step;
      for (int64_t t = 0; t < s.taps; ++t)
        for (int64_t j = 0; j < width; ++j)  // 0 beyond the last
          lanes[t * width + j] = j < count ? from[j * of.lane_step + t * s.filter_tap_step()] : 0.f;
      transform(lanes, width, step, packed + i * width);
    }
  });
}

void winograd_unpack_gradient(const ConvShape& s, const float* sums, int64_t stride, float* dw) {
  const Numbering of = for_outputs(s);
  const Weights weights{int(s.kernel[0])};
  parallel_for(of.rows, 1 + 512 / of.lanes, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t m = 0; m < of.lanes; m += 4) {
        f32x4 taps[kMostTaps * kMostTaps];
        weights.transform_back(sums + c * stride + m, of.rows * stride, taps);
        float lanes[kMostTaps * kMostTaps][4];
        for (int64_t t = 0; t < s.taps; ++t) taps[t].store(lanes[t]);
        for (int64_t j = 0; j < smaller(4, of.lanes - m); ++j) {
          float* to = dw + (m + j) * of.lane_step + c * of.row_step;
          for (int64_t t = 0; t < s.taps; ++t, to += s.filter_tap_step()) *to = lanes[t][j];
        }
      }
  });
}

}  // namespace pf
