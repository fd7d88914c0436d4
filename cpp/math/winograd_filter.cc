// SPDX-License-Identifier: Apache-2.0
// The filter under Winograd's transform, packed for the products: for each position, panels of output channels (or, for
// the gradient of the input, of input channels). And back, from the gradient of its transform.
#include "core/parallel.h"
#include "core/simd.h"
#include "math/gemm.h"
#include "math/winograd.h"

namespace pf {
namespace {

constexpr int kMost = 6, kMostTaps = 5;  // inputs of a piece and weights, in one dimension

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// G for the interpolation points that math/winograd_kernel.h names: their powers, each point's row times a factor.
struct Weights {
  int n, taps;
  float g[kMost][kMostTaps] = {};
  Weights(int inputs, int kernel) : n(inputs), taps(kernel) {
    constexpr double kRootHalf = 0.70710678118654752;
    const double points[2] = {n == 4 ? 1. : kRootHalf, 2 * kRootHalf}, factors[2] = {n == 4 ? .5 : -2. / 3, 1. / 6};
    g[0][0] = g[n - 1][taps - 1] = 1;
    for (int i = 1; i < n - 1; ++i) {
      double power = factors[(i - 1) / 2];
      for (int t = 0; t < taps; ++t, power *= i % 2 ? points[(i - 1) / 2] : -points[(i - 1) / 2])
        g[i][t] = float(power);
    }
  }
};

// Sum of `count` vectors, `step` apart, each times its weight.
f32x4 weigh(const float* weights, int weight_step, const f32x4* x, int step, int count) {
  f32x4 sum = f32x4::zero();
  for (int i = 0; i < count; ++i) sum = madd(f32x4::load_splat(weights + i * weight_step), x[i * step], sum);
  return sum;
}

// G g G' of four filters g side by side, one to a lane, to out + position * step.
void transform(const Weights& w, const f32x4* g, int64_t step, float* out) {
  for (int i = 0; i < w.n; ++i) {
    f32x4 half[kMostTaps];
    for (int j = 0; j < w.taps; ++j) half[j] = weigh(w.g[i], 1, g + j, w.taps, w.taps);
    for (int j = 0; j < w.n; ++j, out += step) weigh(w.g[j], 1, half, 1, w.taps).store(out);
  }
}

// G' u G, the other way: from position to position `step`.
void transform_back(const Weights& w, const float* u, int64_t step, f32x4* g) {
  f32x4 half[kMost * kMostTaps];
  for (int i = 0; i < w.n; ++i) {
    f32x4 row[kMost];
    for (int j = 0; j < w.n; ++j, u += step) row[j] = f32x4::load(u);
    for (int t = 0; t < w.taps; ++t) half[i * w.taps + t] = weigh(&w.g[0][t], kMostTaps, row, 1, w.n);
  }
  for (int t = 0; t < w.taps; ++t)
    for (int j = 0; j < w.taps; ++j, ++g) *g = weigh(&w.g[0][t], kMostTaps, half + j, w.taps, w.n);
}

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
  const Weights weights(tile + kernel - 1, kernel);
  parallel_for(step / (width * of.rows), 1 + 512 / of.rows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * of.rows; i < end * of.rows; ++i)
      for (int64_t first = 0; first < width; first += 4) {
        const int64_t m = i / of.rows * width + first;
        f32x4 taps[kMostTaps * kMostTaps];
        for (int64_t t = 0; t < s.taps; ++t) {
          float lanes[4] = {};  // 0 beyond the last
          for (int64_t j = 0; j < smaller(4, of.lanes - m); ++j)
            lanes[j] = w[(m + j) * of.lane_step + i % of.rows * of.row_step + t * s.filter_tap_step()] *
                       (scale ? scale[m + j] : 1.f);
          taps[t] = f32x4::load(lanes);
        }
        transform(weights, taps, step, packed + i * width + first);
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
  const Weights weights(kMost, int(s.kernel[0]));
  parallel_for(of.rows, 1 + 512 / of.lanes, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t m = 0; m < of.lanes; m += 4) {
        f32x4 taps[kMostTaps * kMostTaps];
        transform_back(weights, sums + c * stride + m, of.rows * stride, taps);
        for (int64_t t = 0; t < s.taps; ++t)
          for (int64_t j = 0; j < smaller(4, of.lanes - m); ++j)
            dw[(m + j) * of.lane_step + c * of.row_step + t * s.filter_tap_step()] = taps[t].lane(int(j));
      }
  });
}

}  // namespace pf
