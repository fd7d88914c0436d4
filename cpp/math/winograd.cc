// SPDX-License-Identifier: Apache-2.0
#include "math/winograd.h"

#include <cstring>

#include "core/parallel.h"
#include "core/simd.h"
#include "math/gemm.h"
#include "math/patches.h"
#include "math/winograd_transforms.h"

namespace pf {
namespace {
#include "math/winograd_kernel.h"

constexpr int kPositions = 16;  // of a transformed 4 x 4 piece
using Steps = WinogradSteps<2>;

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// A piece is 2 x 2 outputs. Four that lie side by side make a vector, so a row of pieces is filled up to a multiple
// of 4.
struct Pieces {
  int64_t across, down, count, block;
  Window window;  // the convolution's, made to cover whole pieces
  explicit Pieces(const ConvShape& s) : window(s) {
    across = round_up((s.out[1] + 1) / 2, 4), down = (s.out[0] + 1) / 2, count = across * down;
    window.out[0] = 2 * down, window.out[1] = 2 * across;
    // Pieces at a time: 2 MiB of transformed image and products.
    const int64_t fitting = (int64_t(1) << 19) / (kPositions * (s.in_channels + s.out_channels));
    block = smaller(round_up(fitting < 64 ? 64 : fitting, 64), round_up(count, gemm_kernel().columns));
  }
};

struct WinogradScratch {
  int32_t* tap_offset;
  float *images, *pieces, *sums, *product;
  int64_t image_step, pieces_step, sums_step, total;
  WinogradScratch(const ConvShape& s, const PatchLayout& layout, const Pieces& p, int64_t workers, float* block) {
    Carver carve(block);
    tap_offset = carve.ints(s.taps);
    image_step = layout.image_size();
    pieces_step = kPositions * s.in_channels * p.block, sums_step = kPositions * s.out_channels * p.block;
    images = carve.floats(image_step * workers);
    pieces = carve.floats(pieces_step * workers), sums = carve.floats(sums_step * workers);
    product = carve.floats(gemm_scratch(s.out_channels, p.block, s.in_channels));
    total = carve.total;
  }
};

// B' d B of four pieces at once; lane i of d[r][c] is row r, column c of piece i.
PF_INLINE void transform_image(f32x4 d[4][4]) {
  PF_UNROLL
  for (int c = 0; c < 4; ++c) {
    const f32x4 column[4] = {d[0][c], d[1][c], d[2][c], d[3][c]};
    f32x4 u[4];
    Steps::image(column, u);
    d[0][c] = u[0], d[1][c] = u[1], d[2][c] = u[2], d[3][c] = u[3];
  }
  PF_UNROLL
  for (int r = 0; r < 4; ++r) {
    const f32x4 row[4] = {d[r][0], d[r][1], d[r][2], d[r][3]};
    Steps::image(row, d[r]);
  }
}

// Pieces [begin, end) of one channel, to where the products want their panels of B: position, panel, channel, piece.
void transform_channel(const PatchLayout& l, const Pieces& p, const float* plane, int64_t channel, int64_t channels,
                       int64_t begin, int64_t end, float* out) {
  const int64_t width = gemm_kernel().columns, position_step = round_up(end - begin, width) * channels;
  for (int64_t i = begin; i < end; i += 4) {
    const float* from = plane + i / p.across * 2 * l.step[0] + i % p.across * 2;
    f32x4 d[4][4];
    PF_UNROLL
    for (int r = 0; r < 4; ++r, from += l.step[0]) {
      const f32x4 a = f32x4::load(from), b = f32x4::load(from + 4);
      const f32x4 next_a = f32x4::load(from + 2), next_b = f32x4::load(from + 6);
      d[r][0] = even_lanes(a, b), d[r][1] = odd_lanes(a, b);
      d[r][2] = even_lanes(next_a, next_b), d[r][3] = odd_lanes(next_a, next_b);
    }
    transform_image(d);
    const int64_t at = i - begin;
    float* to = out + at / width * width * channels + channel * width + at % width;
    PF_UNROLL
    for (int e = 0; e < kPositions; ++e) d[e / 4][e % 4].store(to + e * position_step);
  }
}

// A' m A, then bias and bounds: two rows of two outputs for each of four pieces.
PF_INLINE void transform_sums(const float* sums, int64_t position_step, f32x4 bias, f32x4 low, f32x4 high,
                              f32x4 y[2][2]) {
  f32x4 rows[2][4];
  PF_UNROLL
  for (int c = 0; c < 4; ++c) {
    f32x4 m[4], u[2];
    PF_UNROLL
    for (int r = 0; r < 4; ++r) m[r] = f32x4::load(sums + (4 * r + c) * position_step);
    Steps::sums(m, u);
    rows[0][c] = u[0], rows[1][c] = u[1];
  }
  PF_UNROLL
  for (int r = 0; r < 2; ++r) {
    Steps::sums(rows[r], y[r]);
    y[r][0] = min(max(y[r][0] + bias, low), high), y[r][1] = min(max(y[r][1] + bias, low), high);
  }
}

// Pieces [begin, end) of one output channel.
void finish_channel(const ConvShape& s, const Pieces& p, const float* sums, int64_t position_step, int64_t m,
                    int64_t begin, int64_t end, const ConvFinish& finish, float* plane) {
  const f32x4 bias = f32x4::splat(finish.bias ? finish.bias[m] : 0.f);
  const f32x4 low = f32x4::splat(finish.low), high = f32x4::splat(finish.high);
  for (int64_t i = begin; i < end; i += 4) {
    f32x4 y[2][2];
    transform_sums(sums + i - begin, position_step, bias, low, high, y);
    const int64_t h = i / p.across * 2, w = i % p.across * 2;
    const int64_t columns = smaller(8, s.out[1] - w);  // pieces that only fill up have none
    for (int r = 0; r < 2 && h + r < s.out[0] && columns > 0; ++r) {
      const f32x4 left{__builtin_shufflevector(y[r][0].v, y[r][1].v, 0, 4, 1, 5)};
      const f32x4 right{__builtin_shufflevector(y[r][0].v, y[r][1].v, 2, 6, 3, 7)};
      float* to = plane + (h + r) * s.out[1] + w;
      if (columns == 8) {
        left.store(to), right.store(to + 4);
      } else {
        float eight[8];
        left.store(eight), right.store(eight + 4);
        std::memcpy(to, eight, size_t(columns) * sizeof(float));
      }
    }
  }
}

void forward_image(const ConvShape& s, const PatchLayout& l, const Pieces& p, const float* image, const float* packed,
                   const ConvFinish& finish, float* y, float* pieces, float* sums, float* product_scratch) {
  const GemmKernel& kernel = gemm_kernel();
  const int64_t filter_step = gemm_packed_size(s.out_channels, s.in_channels, kernel.rows);
  for (int64_t begin = 0; begin < p.count; begin += p.block) {
    const int64_t end = smaller(begin + p.block, p.count), count = end - begin;
    const int64_t piece_step = round_up(count, kernel.columns) * s.in_channels, sum_step = count * s.out_channels;
    parallel_for(s.in_channels, 1 + 2048 / (count + 1), [&](int64_t first, int64_t last) {
      for (int64_t c = first; c < last; ++c)
        transform_channel(l, p, image + c * l.plane, c, s.in_channels, begin, end, pieces);
    });
    parallel_for(kPositions, 1, [&](int64_t first, int64_t last) {
      for (int64_t e = first; e < last; ++e) {
        Gemm g;
        g.m = s.out_channels, g.n = count, g.k = s.in_channels;
        g.a.packed = packed + e * filter_step, g.b.packed = pieces + e * piece_step;
        g.c = sums + e * sum_step, g.c_stride = count;
        gemm(g, product_scratch);
      }
    });
    parallel_for(s.out_channels, 1 + 2048 / (count + 1), [&](int64_t first, int64_t last) {
      for (int64_t m = first; m < last; ++m)
        finish_channel(s, p, sums + m * count, sum_step, m, begin, end, finish, y + m * s.out_size);
    });
  }
}

int64_t workers(const ConvShape& s) { return s.batch >= thread_count() ? thread_count() : 1; }

void forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
             float* scratch) {
  const Pieces p(s);
  const PatchLayout l = patch_layout(p.window, s.in_channels, false, reinterpret_cast<int32_t*>(scratch));
  const WinogradScratch part(s, l, p, workers(s), scratch);
  const bool apart = workers(s) > 1;
  const auto run = [&](int64_t begin, int64_t end) {
    const int64_t worker = apart ? thread_index() : 0;
    for (int64_t n = begin; n < end; ++n) {
      const float* image = x + n * s.in_channels * s.in_size;
      float* own = part.images + worker * part.image_step;
      if (l.padded) pad_images(p.window, l, n, n + 1, x, own), image = own;
      forward_image(s, l, p, image, packed, finish, y + n * s.out_channels * s.out_size,
                    part.pieces + worker * part.pieces_step, part.sums + worker * part.sums_step, part.product);
    }
  };
  if (apart)
    parallel_for(s.batch, 1, run);
  else
    run(0, s.batch);
}

// What a way of computing costs, in multiplications of one pixel by the weights of one position, all channels: for each
// position a product of as many rows as there are tiles, each transformed in and out, and the weights once from memory.
// Measured in WebAssembly; wider vectors make multiplications cheaper, weights dearer in their terms, and transforms,
// half of which is memory's time, less so.
constexpr double kTransform = 10, kWeights = 8;

double cost(const ConvShape& s, int64_t tile, int64_t positions, double transform) {
  const GemmKernel& kernel = gemm_kernel();
  const int64_t tiles = s.batch * ((s.out[0] + tile - 1) / tile) * ((s.out[1] + tile - 1) / tile);
  const double width = kernel.columns / 8.0, both = transform * (1 + width) / 2;
  const double each = 1 + both / double(s.in_channels) + both / double(s.out_channels);
  return double(positions) * (double(round_up(tiles, kernel.rows)) * each + kWeights * width);
}

}  // namespace

int winograd_tile(const ConvShape& s) {
  if (s.rank != 2 || s.group != 1 || s.in_channels < kWinogradLanes || s.out_channels < kWinogradLanes) return 0;
  for (int d = 0; d < 2; ++d)
    if (s.kernel[d] != 3 || s.stride[d] != 1 || s.dilation[d] != 1) return 0;
  if (!s.channels_last) return s.out_size < 64 ? 0 : 2;
  int best = 0;
  double least = cost(s, 1, 9, 0);
  for (int tile = 2; tile <= 4; tile += 2) {
    const double each = cost(s, tile, (tile + 2) * (tile + 2), kTransform);
    if (each < least) least = each, best = tile;
  }
  return best;
}

int64_t winograd_scratch(const ConvShape& s, int tile) {
  if (s.channels_last) return winograd_last_scratch(s, tile);
  const Pieces p(s);
  return WinogradScratch(s, patch_layout(p.window, s.in_channels, false, nullptr), p, workers(s), nullptr).total;
}

void winograd_forward(const ConvShape& s, int tile, const float* x, const float* packed, const ConvFinish& finish,
                      float* y, float* scratch) {
  if (s.channels_last) return winograd_last_forward(s, tile, x, packed, finish, y, scratch);
  forward(s, x, packed, finish, y, scratch);
}

}  // namespace pf
