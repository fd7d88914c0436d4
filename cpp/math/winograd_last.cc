// SPDX-License-Identifier: Apache-2.0
// Winograd's convolution with channels last. Vectors run along the channels, so that no transform moves lanes, and the
// products read the transformed pieces where they lie.
//
// Pieces of all images are numbered through and worked off block by block: the transformed image of a block is
// V[position] [piece][channel]; for each position a product with that position's filter gives the sums
// [position][piece][output channel], which are transformed back, finished and stored.
#include <cstring>

#include "core/parallel.h"
#include "math/gemm.h"
#include "math/winograd.h"
#include "math/winograd_steps.h"

namespace pf {
namespace {

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
int64_t divide_up(int64_t n, int64_t by) { return (n + by - 1) / by; }

// How the work is cut, for tiles of `tile` x `tile` outputs.
struct Blocks {
  static constexpr int64_t kFloats = int64_t(1) << 17;  // of a block's pieces and sums: 512 KiB of second-level cache
  static constexpr int64_t kFew = 32;                   // pieces that are worth reading the whole filter for

  int64_t tile, inputs, positions, down, across, count, block, blocks;
  int64_t outputs;               // channels, filled up to whole panels
  int64_t piece_step, sum_step;  // from position to position; 16 more than a power of 2, which would share cache sets
  Blocks(const ConvShape& s, int64_t tile_size) : tile(tile_size), inputs(tile + 2), positions(inputs * inputs) {
    down = divide_up(s.out[0], tile), across = divide_up(s.out[1], tile), count = s.batch * down * across;
    outputs = round_up(s.out_channels, gemm_kernel().columns);
    int64_t fitting = kFloats / (positions * (s.in_channels + outputs));
    if (fitting < kFew) fitting = kFew;
    block = round_up(divide_up(count, divide_up(count, fitting)), gemm_kernel().rows);
    blocks = divide_up(count, block);
    piece_step = round_up(block * s.in_channels, 16) + 16, sum_step = block * outputs + 16;
  }
};

// Each thread works on a block of its own if there are enough for all to be busy to the end; else all on each block.
bool apart(const Blocks& b) { return b.blocks >= 4 * thread_count(); }

struct BlockScratch {
  float *zeros, *pieces, *sums, *product;
  int64_t pieces_step, sums_step, total;  // from thread to thread
  BlockScratch(const ConvShape& s, const Blocks& b, float* block) {
    Carver carve(block);
    const int64_t workers = apart(b) ? thread_count() : 1;
    pieces_step = b.positions * b.piece_step, sums_step = b.positions * b.sum_step;
    zeros = carve.floats(s.in_channels);
    pieces = carve.floats(pieces_step * workers), sums = carve.floats(sums_step * workers);
    product = carve.floats(gemm_scratch(b.block, b.outputs, s.in_channels));
    total = carve.total;
  }
};

// Where a piece lies.
struct Place {
  int64_t image, row, column;  // of its first output
  Place(const Blocks& b, int64_t i) {
    column = i % b.across * b.tile, i /= b.across;
    row = i % b.down * b.tile, image = i / b.down;
  }
};

// B' d B of one piece, all channels. `at` tells where its inputs are, column by column.
template <class V, int kTile>
void transform_image(const float* const* at, int64_t channels, int64_t step, float* out) {
  using Steps = WinogradSteps<kTile>;
  constexpr int n = Steps::kInputs;
  for (int64_t c = 0; c < channels; c += V::kLanes) {
    const int64_t from = smaller(c, channels - V::kLanes);  // the last vector overlaps the one before
    V half[n][n];
    for (int j = 0; j < n; ++j) {
      V d[n], u[n];
      PF_UNROLL
      for (int r = 0; r < n; ++r) d[r] = V::load(at[j * n + r] + from);
      Steps::image(d, u);
      PF_UNROLL
      for (int r = 0; r < n; ++r) half[r][j] = u[r];
    }
    float* to = out + from;
    for (int r = 0; r < n; ++r) {
      V u[n];
      Steps::image(half[r], u);
      PF_UNROLL
      for (int j = 0; j < n; ++j, to += step) u[j].store(to);
    }
  }
}

template <int kTile>
void read_piece(const ConvShape& s, const Place& place, const float* x, const float* zeros, int64_t step, float* out) {
  constexpr int n = WinogradSteps<kTile>::kInputs;
  const float* at[n * n];
  const float* const image = x + place.image * s.in_size * s.in_channels;
  for (int j = 0; j < n; ++j) {
    const int64_t column = place.column + j - s.pad_head[1];
    for (int r = 0; r < n; ++r) {
      const int64_t row = place.row + r - s.pad_head[0];
      const bool inside = column >= 0 && column < s.in[1] && row >= 0 && row < s.in[0];
      at[j * n + r] = inside ? image + (row * s.in[1] + column) * s.in_channels : zeros;
    }
  }
  transform_image<f32x4, kTile>(at, s.in_channels, step, out);
}

// The outputs of one piece.
struct PieceOutput {
  const ConvFinish* finish;
  const float* add;
  float* y;
  int64_t channels, row_step, rows, columns;
};

template <class V>
PF_INLINE void finish_output(const PieceOutput& o, int64_t at, V sum, V bias, int64_t skip) {
  sum = sum + bias;
  if (o.add) sum = sum + V::load(o.add + at);
  sum = min(max(sum, V::splat(o.finish->low)), V::splat(o.finish->high));
  if (!skip) return sum.store(o.y + at);
  float lanes[V::kLanes];
  sum.store(lanes);
  for (int64_t i = skip; i < V::kLanes; ++i) o.y[at + i] = lanes[i];
}

// A' m A of one piece, all channels, finished and stored.
template <class V, int kTile>
void transform_sums(const float* sums, int64_t step, const PieceOutput& o) {
  using Steps = WinogradSteps<kTile>;
  constexpr int n = Steps::kInputs;
  for (int64_t c = 0; c < o.channels; c += V::kLanes) {
    // The last vector overlaps the one before, whose outputs, if they lie where `add` does, must not be added to again.
    const int64_t from = smaller(c, o.channels - V::kLanes), skip = c - from;
    V half[kTile][n];
    for (int j = 0; j < n; ++j) {
      V m[n], y[kTile];
      PF_UNROLL
      for (int r = 0; r < n; ++r) m[r] = V::load(sums + (r * n + j) * step + from);
      Steps::sums(m, y);
      PF_UNROLL
      for (int r = 0; r < kTile; ++r) half[r][j] = y[r];
    }
    const V bias = o.finish->bias ? V::load(o.finish->bias + from) : V::zero();
    for (int64_t r = 0; r < o.rows; ++r) {
      V y[kTile];
      Steps::sums(half[r], y);
      PF_UNROLL
      for (int j = 0; j < kTile; ++j)
        if (j < o.columns) finish_output(o, r * o.row_step + j * o.channels + from, y[j], bias, skip);
    }
  }
}

template <int kTile>
void write_piece(const ConvShape& s, const Place& place, const float* sums, int64_t step, const ConvFinish& finish,
                 float* y) {
  const int64_t at = ((place.image * s.out[0] + place.row) * s.out[1] + place.column) * s.out_channels;
  const PieceOutput output{&finish,
                           finish.add ? finish.add + at : nullptr,
                           y + at,
                           s.out_channels,
                           s.out[1] * s.out_channels,
                           smaller(kTile, s.out[0] - place.row),
                           smaller(kTile, s.out[1] - place.column)};
  transform_sums<f32x4, kTile>(sums, step, output);
}

// The sums of `count` pieces. Threads share panels of the filter's positions.
void multiply(const ConvShape& s, const Blocks& b, int64_t count, const float* pieces, const float* packed, float* sums,
              float* scratch) {
  const int64_t width = gemm_kernel().columns, panels = b.outputs / width, panel = width * s.in_channels;
  parallel_for(b.positions * panels, 1 + 100000 / (2 * count * panel), [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t position = begin / panels, first = begin % panels, some = smaller(panels - first, end - begin);
      Gemm g;
      g.m = count, g.n = some * width, g.k = s.in_channels;
      g.a = rows_of(pieces + position * b.piece_step, s.in_channels), g.b.packed = packed + begin * panel;
      g.c = sums + position * b.sum_step + first * width, g.c_stride = b.outputs;
      gemm(g, scratch);
      begin += some;
    }
  });
}

template <int kTile>
void forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
             float* scratch) {
  const Blocks b(s, kTile);
  const BlockScratch part(s, b, scratch);
  std::memset(part.zeros, 0, size_t(s.in_channels) * sizeof(float));
  const auto run = [&](int64_t first, int64_t last) {
    const int64_t worker = apart(b) ? thread_index() : 0;
    float *const pieces = part.pieces + worker * part.pieces_step, *const sums = part.sums + worker * part.sums_step;
    for (int64_t at = first * b.block; at < smaller(last * b.block, b.count); at += b.block) {
      const int64_t count = smaller(b.block, b.count - at);
      parallel_for(count, 1 + 2048 / s.in_channels / kTile / kTile, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          read_piece<kTile>(s, Place(b, at + i), x, part.zeros, b.piece_step, pieces + i * s.in_channels);
      });
      multiply(s, b, count, pieces, packed, sums, part.product);
      parallel_for(count, 1 + 2048 / s.out_channels / kTile / kTile, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          write_piece<kTile>(s, Place(b, at + i), sums + i * b.outputs, b.sum_step, finish, y);
      });
    }
  };
  if (apart(b))
    parallel_for(b.blocks, 1, run);
  else
    run(0, b.blocks);
}

// G g G' of four output channels from m on under input channel c; those beyond the last are 0.
template <int kTile>
void transform_filter(const ConvShape& s, const float* w, const float* scale, int64_t m, int64_t c, int64_t step,
                      float* out) {
  using Steps = WinogradSteps<kTile>;
  constexpr int n = Steps::kInputs;
  float taps[9][4] = {};
  for (int64_t i = 0; i < smaller(4, s.out_channels - m); ++i)
    for (int64_t t = 0; t < 9; ++t)
      taps[t][i] =
          w[(m + i) * s.patch() + c * s.filter_channel_step() + t * s.filter_tap_step()] * (scale ? scale[m + i] : 1.f);
  f32x4 half[n][3];
  for (int j = 0; j < 3; ++j) {
    const f32x4 g[3] = {f32x4::load(taps[j]), f32x4::load(taps[3 + j]), f32x4::load(taps[6 + j])};
    f32x4 u[n];
    Steps::filter(g, u);
    for (int r = 0; r < n; ++r) half[r][j] = u[r];
  }
  for (int r = 0; r < n; ++r) {
    f32x4 u[n];
    Steps::filter(half[r], u);
    for (int j = 0; j < n; ++j, out += step) u[j].store(out);
  }
}

template <int kTile>
void pack(const ConvShape& s, const float* w, const float* scale, float* packed) {
  const int64_t width = gemm_kernel().columns, channels = s.in_channels;
  const int64_t step = gemm_packed_size(s.out_channels, channels, int(width));
  parallel_for(divide_up(s.out_channels, width), 1 + 512 / channels, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel)
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t i = 0; i < width; i += 4)
          transform_filter<kTile>(s, w, scale, panel * width + i, c, step, packed + (panel * channels + c) * width + i);
  });
}

}  // namespace

int64_t winograd_last_packed_size(const ConvShape& s, int tile) {
  return (tile + 2) * (tile + 2) * gemm_packed_size(s.out_channels, s.in_channels, gemm_kernel().columns);
}

void winograd_last_pack(const ConvShape& s, int tile, const float* w, const float* scale, float* packed) {
  tile == 4 ? pack<4>(s, w, scale, packed) : pack<2>(s, w, scale, packed);
}

int64_t winograd_last_scratch(const ConvShape& s, int tile) {
  const Blocks b(s, tile);
  return BlockScratch(s, b, nullptr).total;
}

void winograd_last_forward(const ConvShape& s, int tile, const float* x, const float* packed, const ConvFinish& finish,
                           float* y, float* scratch) {
  tile == 4 ? forward<4>(s, x, packed, finish, y, scratch) : forward<2>(s, x, packed, finish, y, scratch);
}

}  // namespace pf
