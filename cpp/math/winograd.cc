// SPDX-License-Identifier: Apache-2.0
// Channels come last. Vectors run along the channels, so that no transform moves lanes, and the products read the
// transformed pieces where they lie. Images with channels first are transposed before and after: that costs less than
// to transform them as they lie.
//
// Pieces of all images are numbered through and worked off block by block. A block's transformed image lies by
// position, piece and channel; for each position a product with that position's filter gives the sums, by position,
// piece and output channel, which are transformed back, finished and stored.
#include "math/winograd.h"

#include <cstring>

#include "core/parallel.h"
#include "math/gemm.h"
#include "math/integers.h"
#include "math/transpose.h"
#include "math/winograd_transforms.h"

namespace pf {
namespace {

// How the work is cut, for tiles of `tile` x `tile` outputs. The sums of a piece do not depend on its block.
struct Blocks {
  static constexpr int64_t kFloats = int64_t(1) << 17;  // of a block's pieces and sums: 512 KiB of second-level cache
  static constexpr int64_t kFew = 32;                   // pieces that are worth reading the whole filter for

  int64_t tile, inputs, positions, down, across, count;
  int64_t outputs;                   // channels, filled up to whole panels
  int64_t rows, row_panels, blocks;  // pieces are dealt out by the rows of a product's tile
  int64_t piece_step, sum_step;  // from position to position; 16 more than a power of 2, which would share cache sets
  bool apart;                    // each thread works on blocks of its own
  const WinogradTransforms& transforms;

  Blocks(const ConvShape& s, int64_t tile_size)
      : tile(tile_size),
        inputs(tile + s.kernel[0] - 1),
        positions(inputs * inputs),
        rows(gemm_kernel().rows),
        transforms(winograd_transforms(inputs)) {
    down = divide_up(s.out[0], tile), across = divide_up(s.out[1], tile), count = s.batch * down * across;
    outputs = round_up(s.out_channels, gemm_kernel().columns), row_panels = divide_up(count, rows);
    const int64_t threads = thread_count(), channels = s.in_channels + outputs;
    // Apart, each thread reads the whole filter; together, pieces and sums go from one's cache to another's.
    apart = threads > 1 && count >= 16 * threads && 2 * count * channels > threads * s.in_channels * outputs;
    const int64_t fitting = kFloats / (positions * channels);
    blocks = divide_up(count, fitting < kFew ? kFew : fitting);
    if (apart) blocks = round_up(blocks, threads);
    const int64_t block = divide_up(row_panels, blocks) * rows;
    piece_step = round_up(block * s.in_channels, 16) + 16, sum_step = block * outputs + 16;
  }
  int64_t begin(int64_t block) const { return smaller(block * row_panels / blocks * rows, count); }
};

struct BlockScratch {
  float *zeros, *pieces, *sums, *product;
  int64_t pieces_step, sums_step, product_step, total;  // from thread to thread
  BlockScratch(const ConvShape& s, const Blocks& b, float* block) {
    Carver carve(block);
    const int64_t workers = b.apart ? thread_count() : 1;
    pieces_step = b.positions * b.piece_step, sums_step = b.positions * b.sum_step;
    zeros = carve.floats(s.in_channels);
    pieces = carve.floats(pieces_step * workers), sums = carve.floats(sums_step * workers);
    product_step = gemm_alone_scratch(divide_up(b.row_panels, b.blocks) * b.rows, b.outputs, s.in_channels);
    product = carve.floats(product_step * thread_count());
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

void read_piece(const ConvShape& s, const Blocks& b, const Place& place, const float* x, const float* zeros,
                float* out) {
  const float* at[kWinogradPositions];
  const PieceSource source{x + place.image * s.in_size * s.in_channels, s.in[0], s.in[1], s.in_channels, zeros};
  locate_piece(source, place.row - s.pad_head[0], place.column - s.pad_head[1], kWinogradStraight, b.inputs, at);
  b.transforms.image(at, s.in_channels, b.piece_step, out);
}

void write_piece(const ConvShape& s, const Blocks& b, const Place& place, const float* sums, const ConvFinish& finish,
                 float* y) {
  const int64_t at = ((place.image * s.out[0] + place.row) * s.out[1] + place.column) * s.out_channels;
  b.transforms.sums(sums, b.sum_step,
                    {&finish, finish.add ? finish.add + at : nullptr, y + at, s.out_channels, s.out[1] * s.out_channels,
                     smaller(b.tile, s.out[0] - place.row), smaller(b.tile, s.out[1] - place.column), b.tile});
}

// The sums of `count` pieces. Threads share panels of the filter's positions.
void multiply(const ConvShape& s, const Blocks& b, int64_t count, const float* pieces, const float* packed, float* sums,
              float* scratch, int64_t scratch_step) {
  const int64_t width = gemm_kernel().columns, panels = b.outputs / width, panel = width * s.in_channels;
  parallel_for(b.positions * panels, 1 + 100000 / (2 * count * panel), [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t position = begin / panels, first = begin % panels, some = smaller(panels - first, end - begin);
      Gemm g;
      g.m = count, g.n = some * width, g.k = s.in_channels;
      g.a = rows_of(pieces + position * b.piece_step, s.in_channels), g.b.packed = packed + begin * panel;
      g.c = sums + position * b.sum_step + first * width, g.c_stride = b.outputs;
      gemm_alone(g, scratch + thread_index() * scratch_step);
      begin += some;
    }
  });
}

void forward(const ConvShape& s, int tile, const float* x, const float* packed, const ConvFinish& finish, float* y,
             float* scratch) {
  const Blocks b(s, tile);
  const BlockScratch part(s, b, scratch);
  std::memset(part.zeros, 0, size_t(s.in_channels) * sizeof(float));
  const auto run = [&](int64_t first, int64_t last) {
    const int64_t worker = b.apart ? thread_index() : 0;
    float *const pieces = part.pieces + worker * part.pieces_step, *const sums = part.sums + worker * part.sums_step;
    for (int64_t i = first; i < last; ++i) {
      const int64_t at = b.begin(i), count = b.begin(i + 1) - at;
      parallel_for(count, 1 + 2048 / (s.in_channels * b.positions), [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p)
          read_piece(s, b, Place(b, at + p), x, part.zeros, pieces + p * s.in_channels);
      });
      multiply(s, b, count, pieces, packed, sums, part.product, part.product_step);
      parallel_for(count, 1 + 2048 / (s.out_channels * b.positions), [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p) write_piece(s, b, Place(b, at + p), sums + p * b.outputs, finish, y);
      });
    }
  };
  if (b.apart)
    parallel_for(b.blocks, 1, run);
  else
    run(0, b.blocks);
}

// Channels first: so many images at a time, transposed.
constexpr int64_t kTransposed = int64_t(1) << 19;  // floats, or one image

ConvShape transposed(const ConvShape& s) {
  ConvShape last = s;
  last.channels_last = last.filter_first = true;
  const int64_t fitting = kTransposed / (s.in_channels * s.in_size + s.out_channels * s.out_size);
  last.batch = smaller(s.batch, fitting < 1 ? 1 : fitting);
  return last;
}

int64_t blocks_scratch(const ConvShape& s, int tile) { return BlockScratch(s, Blocks(s, tile), nullptr).total; }

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
  return double(positions) * (kernel.cost_of_rows(tiles) * each + kWeights * width);
}

bool takes(const ConvShape& s) {
  if (s.rank != 2 || s.group != 1 || s.in_channels < kWinogradLanes || s.out_channels < kWinogradLanes) return false;
  for (int d = 0; d < 2; ++d)
    if ((s.kernel[d] != 3 && s.kernel[d] != 5) || s.stride[d] != 1 || s.dilation[d] != 1) return false;
  return s.kernel[0] == s.kernel[1];
}

}  // namespace

int winograd_tile(const ConvShape& s) {
  if (!takes(s)) return 0;
  int best = 0;
  double least = cost(s, 1, s.taps, 0);
  for (int inputs = s.kernel[0] == 3 ? 4 : 6; inputs <= 6; inputs += 2) {
    const int tile = inputs + 1 - int(s.kernel[0]);
    const double each = cost(s, tile, inputs * inputs, kTransform);
    if (each < least) least = each, best = tile;
  }
  return best;
}

bool winograd_gradient_pays(const ConvShape& s) {
  // Three transforms serve two products.
  return takes(s) && cost(s, winograd_gradient_tile(s), kWinogradPositions, kTransform * 3 / 4) < cost(s, 1, s.taps, 0);
}

int64_t winograd_scratch(const ConvShape& s, int tile) {
  if (s.channels_last) return blocks_scratch(s, tile);
  const ConvShape last = transposed(s);
  Carver carve(nullptr);
  carve.floats(blocks_scratch(last, tile));
  carve.floats(last.batch * s.in_channels * s.in_size), carve.floats(last.batch * s.out_channels * s.out_size);
  return carve.total;
}

void winograd_forward(const ConvShape& s, int tile, const float* x, const float* packed, const ConvFinish& finish,
                      float* y, float* scratch) {
  if (s.channels_last) return forward(s, tile, x, packed, finish, y, scratch);
  const ConvShape last = transposed(s);
  const int64_t image = s.in_channels * s.in_size, result = s.out_channels * s.out_size;
  Carver carve(scratch);
  float* const own = carve.floats(blocks_scratch(last, tile));
  float *const from = carve.floats(last.batch * image), *const to = carve.floats(last.batch * result);
  for (int64_t i = 0; i < s.batch; i += last.batch) {
    const int64_t n = smaller(i, s.batch - last.batch);  // the last images may overlap those before
    transpose_matrices(last.batch, s.in_channels, s.in_size, x + n * image, from);
    forward(last, tile, from, packed, finish, to, own);
    transpose_matrices(last.batch, s.out_size, s.out_channels, to, y + n * result);
  }
}

}  // namespace pf
