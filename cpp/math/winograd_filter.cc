// SPDX-License-Identifier: Apache-2.0
// The filter under Winograd's transform, packed for the products: for each position, panels of output channels (or, for
// the gradient of the input, of input channels). And back, from the gradient of its transform.
#include "core/parallel.h"
#include "core/simd.h"
#include "math/gemm.h"
#include "math/integers.h"
#include "math/winograd.h"

namespace pf {
namespace {

constexpr int kMost = 6, kMostTaps = 5;  // inputs of a piece and weights, in one dimension

// For n inputs, 4 or 6, and so many taps, 3 or 5: the rows of G hold the powers of the points that
// math/winograd_kernel.h names, here +-a, times -2/3 for a = sqrt(1/2) and 1/6 for a = sqrt(2).
struct Weights {
  static constexpr float kRootHalf = 0.70710678118654752f, kThird = 1.f / 3, kSixth = 1.f / 6;
  int n, taps;

  // G x, for weights and results of which neighbours are `step` and `to_step` apart.
  void spread(const f32x4* x, int step, f32x4* to, int to_step) const {
    const f32x4 x0 = x[0], x1 = x[step], x2 = x[2 * step];
    f32x4 even = f32x4::splat(0.5f) * (x0 + x2), odd = f32x4::splat(0.5f) * x1;
    if (n == kMost) {
      const f32x4 x3 = taps == 5 ? x[3 * step] : f32x4::zero(), x4 = taps == 5 ? x[4 * step] : f32x4::zero();
      const f32x4 half = f32x4::splat(0.5f), two = f32x4::splat(2);
      even = f32x4::splat(kSixth) * madd(two, madd(two, x4, x2), x0);
      odd = f32x4::splat(kRootHalf * kThird) * madd(two, x3, x1);
      to[3 * to_step] = even + odd, to[4 * to_step] = even - odd;
      even = f32x4::splat(-2 * kThird) * madd(half, madd(half, x4, x2), x0);
      odd = f32x4::splat(-2 * kRootHalf * kThird) * madd(half, x3, x1);
    }
    to[0] = x0, to[to_step] = even + odd, to[2 * to_step] = even - odd, to[(n - 1) * to_step] = x[(taps - 1) * step];
  }

  // G' u, for six inputs.
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

  // G g G' of four filters g side by side, one to a lane, to out + position * step.
  void transform(const f32x4* g, int64_t step, float* out) const {
    f32x4 half[kMost * kMostTaps], row[kMost];
    for (int j = 0; j < taps; ++j) spread(g + j, taps, half + j, taps);
    for (int i = 0; i < n; ++i) {
      spread(half + i * taps, 1, row, 1);
      for (int j = 0; j < n; ++j, out += step) row[j].store(out);
    }
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

void pack(const ConvShape& s, int tile, const Numbering& of, const float* w, const float* scale, float* packed) {
  const int64_t width = gemm_kernel().columns, step = gemm_packed_size(of.lanes, of.rows, int(width));
  const int kernel = int(s.kernel[0]);
  const Weights weights{tile + kernel - 1, kernel};
  parallel_for(step / (width * of.rows), 1 + 512 / of.rows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * of.rows; i < end * of.rows; ++i)
      for (int64_t first = 0; first < width; first += 4) {
        const int64_t m = i / of.rows * width + first;
        float lanes[kMostTaps * kMostTaps][4] = {};  // 0 beyond the last
        for (int64_t j = 0; j < smaller(4, of.lanes - m); ++j) {
          const float* from = w + (m + j) * of.lane_step + i % of.rows * of.row_step;
          const float factor = scale ? scale[m + j] : 1.f;
          for (int64_t t = 0; t < s.taps; ++t, from += s.filter_tap_step()) lanes[t][j] = *from * factor;
        }
        f32x4 taps[kMostTaps * kMostTaps];
        for (int64_t t = 0; t < s.taps; ++t) taps[t] = f32x4::load(lanes[t]);
        weights.transform(taps, step, packed + i * width + first);
      }
  });
}

}  // namespace

int64_t winograd_packed_size(const ConvShape& s, int tile) {
  const int64_t inputs = tile + s.kernel[0] - 1;
  return inputs * inputs * gemm_packed_size(s.out_channels, s.in_channels, gemm_kernel().columns);
}

void winograd_pack(const ConvShape& s, int tile, const float* w, const float* scale, float* packed) {
  pack(s, tile, for_outputs(s), w, scale, packed);
}

int64_t winograd_turned_size(const ConvShape& s) {
  return kWinogradPositions * gemm_packed_size(s.in_channels, s.out_channels, gemm_kernel().columns);
}

void winograd_pack_turned(const ConvShape& s, const float* w, float* packed) {
  pack(s, int(winograd_gradient_tile(s)), for_inputs(s), w, nullptr, packed);
}

void winograd_unpack_gradient(const ConvShape& s, const float* sums, int64_t stride, float* dw) {
  const Numbering of = for_outputs(s);
  const Weights weights{kMost, int(s.kernel[0])};
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
