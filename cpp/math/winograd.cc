// SPDX-License-Identifier: Apache-2.0
// Channels come last. Vectors run along the channels, so that no transform moves lanes, and the products read the
// transformed pieces where they lie, unless their kernel wants them packed. Images with channels first are transposed
// before and after: that costs less than to transform them as they lie.
//
// Pieces of all images are numbered through and worked off block by block. A block's transformed image lies by
// position, piece and channel. Then panel by panel of the filter: its transform, by position; for each position a
// product that gives the sums, by position, piece and output channel; these, transformed back, finished and stored.
// So a filter is kept as the net has it, and the transformed one, four times as large, never leaves the caches.
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
  static constexpr int64_t kFloats = int64_t(1) << 17;  // of a block: 512 KiB of second-level cache
  static constexpr int64_t kFew = 64;                   // pieces that are worth transforming the whole filter for
  static constexpr int64_t kFewEach = 48;               // the same where each thread has a block of its own in memory

  int64_t tile, inputs, positions, down, across, count;
  int64_t width, panels;             // of the product, of output channels
  int64_t rows, row_panels, blocks;  // pieces are dealt out by the rows of a product's tile
  int64_t block;                     // pieces, in whole tiles
  // From position to position; 16 more than a power of 2, which would share cache sets.
  int64_t piece_step, filter_step, sum_step;
  bool packed;  // the product takes pieces packed, not where they lie
  bool apart;   // each thread works on blocks of its own
  const WinogradTransforms& transforms;

  Blocks(const ConvShape& s, int64_t tile_size)
      : tile(tile_size),
        inputs(tile + s.kernel[0] - 1),
        positions(inputs * inputs),
        width(gemm_kernel().columns),
        transforms(winograd_transforms(inputs)) {
    const GemmKernel& kernel = gemm_kernel();
    const int64_t threads = thread_count(), channels = s.in_channels;
    down = divide_up(s.out[0], tile), across = divide_up(s.out[1], tile), count = s.batch * down * across;
    panels = divide_up(s.out_channels, width);
    packed = kernel.packs_rows(count, s.out_channels, channels);
    rows = packed ? kernel.rows : kernel.direct_rows, row_panels = divide_up(count, rows);
    apart = threads > 1 && count >= kFew * threads;
    const int64_t fitting = kFloats / (positions * (channels + width));  // pieces, with their sums
    blocks = divide_up(count, larger(fitting, apart ? kFewEach : kFew));
    if (apart) blocks = round_up(blocks, threads);
    block = divide_up(row_panels, blocks) * rows;
    piece_step = round_up(block * channels, 16) + 16, filter_step = width * channels + 16;
    sum_step = block * width + 16;
  }
  int64_t begin(int64_t i) const { return smaller(i * row_panels / blocks * rows, count); }
};

// What threads that work together share, and each has for itself.
struct BlockScratch {
  float *zeros, *pieces, *own;
  const float** pointers;
  int64_t pieces_step, pointers_step, own_step, total;  // from thread to thread
  BlockScratch(const ConvShape& s, const Blocks& b, float* at) {
    Carver carve(at);
    const int64_t workers = b.apart ? thread_count() : 1;
    pieces_step = b.positions * b.piece_step, pointers_step = b.packed ? 0 : b.positions * b.block;
    own_step = Own(s, b, nullptr).total;
    zeros = carve.floats(larger(s.in_channels, kMaxColumns));
    pieces = carve.floats(pieces_step * workers);
    pointers = reinterpret_cast<const float**>(carve.floats(pointers_step * workers * kPointer));
    own = carve.floats(own_step * thread_count());
    total = carve.total;
  }

  static constexpr int64_t kPointer = sizeof(float*) / 4;  // floats of one
  struct Own {
    float *filter, *sums, *row;
    int64_t row_step, total;
    Own(const ConvShape& s, const Blocks& b, float* at) : row_step(b.rows * s.in_channels + 16) {
      Carver carve(at);
      filter = carve.floats(b.positions * b.filter_step);
      sums = carve.floats(kWinogradLanes + b.positions * b.sum_step);  // vectors may begin before the first
      row = carve.floats(b.packed ? b.positions * row_step : 0);
      total = carve.total;
    }
  };
};

// Where a piece lies: its first output.
struct Place {
  int64_t image, row, column;
  Place(const Blocks& b, int64_t i) {
    column = i % b.across * b.tile, i /= b.across;
    row = i % b.down * b.tile, image = i / b.down;
  }
  void next(const Blocks& b) {
    if ((column += b.tile) < b.across * b.tile) return;
    column = 0, row += b.tile;
    if (row >= b.down * b.tile) row = 0, ++image;
  }
};

// A block of pieces.
struct Forward {
  const ConvShape& s_;
  const Blocks& b_;
  const BlockScratch& scratch_;
  const float *x_, *packed_;
  const ConvFinish& finish_;
  float* y_;
  float* pieces_;
  const float** pointers_;
  int64_t first_, count_;

  Forward(const ConvShape& s, const Blocks& b, const BlockScratch& scratch, const float* x, const float* packed,
          const ConvFinish& finish, float* y, int64_t block)
      : s_(s), b_(b), scratch_(scratch), x_(x), packed_(packed), finish_(finish), y_(y) {
    const int64_t worker = b.apart ? thread_index() : 0;
    pieces_ = scratch.pieces + worker * scratch.pieces_step;
    pointers_ = scratch.pointers + worker * scratch.pointers_step;
    first_ = b.begin(block), count_ = b.begin(block + 1) - first_;
  }

  void run() const {
    parallel_for(tiles(), 1 + 2048 / (s_.in_channels * b_.positions * b_.rows), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) read_row(i);
    });
    const int64_t work = 2 * count_ * b_.positions * b_.width * s_.in_channels;
    parallel_for(b_.panels, 1 + 100000 / work, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) add_panel(i);
    });
  }

 private:
  int64_t tiles() const { return divide_up(count_, b_.rows); }
  BlockScratch::Own own() const { return {s_, b_, scratch_.own + thread_index() * scratch_.own_step}; }

  // The pieces of one tile's rows.
  void read_row(int64_t tile) const {
    const int64_t begin = tile * b_.rows, end = smaller(begin + b_.rows, count_), channels = s_.in_channels;
    const BlockScratch::Own own = this->own();
    float* const to = b_.packed ? own.row : pieces_ + begin * channels;
    const int64_t step = b_.packed ? own.row_step : b_.piece_step;
    Place place(b_, first_ + begin);
    for (int64_t i = begin; i < end; ++i, place.next(b_)) {
      const float* at[kWinogradPositions];
      const PieceSource source{x_ + place.image * s_.in_size * channels, s_.in[0], s_.in[1], channels, scratch_.zeros};
      locate_piece(source, place.row - s_.pad_head[0], place.column - s_.pad_head[1], kWinogradStraight, b_.inputs, at);
      b_.transforms.image(at, channels, step, to + (i - begin) * channels);
    }
    for (int64_t p = 0; p < b_.positions; ++p) {
      float* const pieces = pieces_ + p * b_.piece_step + begin * channels;
      if (b_.packed)
        pack_matrix(rows_of(own.row + p * step, channels), int(b_.rows), 0, end - begin, 0, channels, pieces);
      else
        for (int64_t i = 0; i < b_.rows; ++i)  // the last piece stands in for those that there are not
          pointers_[p * b_.block + begin + i] = pieces + smaller(i, end - 1 - begin) * channels;
    }
  }

  // The output channels of one panel.
  void add_panel(int64_t panel) const {
    const GemmKernel& kernel = gemm_kernel();
    const BlockScratch::Own own = this->own();
    const int64_t channels = s_.in_channels, size = channels * b_.width, channel = panel * b_.width;
    b_.transforms.filter[s_.kernel[0] == 5](packed_ + panel * size * s_.taps, size, b_.filter_step, own.filter);
    float* const sums = own.sums + kWinogradLanes;
    TileStore store{};
    store.stride = b_.width, store.column_bias = scratch_.zeros;
    store.low = -__builtin_huge_valf(), store.high = __builtin_huge_valf();
    for (int64_t p = 0; p < b_.positions; ++p) {
      const float* const filter = own.filter + p * b_.filter_step;
      store.c = sums + p * b_.sum_step;
      if (b_.packed)
        kernel.run(tiles(), channels, pieces_ + p * b_.piece_step, b_.rows * channels, filter, store);
      else
        kernel.run_rows(tiles(), 1, channels, pointers_ + p * b_.block, filter, store);
    }
    PieceOutput out;
    out.finish = finish_, out.channels = smaller(b_.width, s_.out_channels - channel), out.tile = b_.tile;
    out.column_step = s_.out_step(), out.row_step = s_.out[1] * s_.out_step();
    if (out.finish.bias) out.finish.bias += channel;
    if (out.finish.scale) out.finish.scale += channel;
    Place place(b_, first_);
    for (int64_t i = 0; i < count_; ++i, place.next(b_)) {
      const int64_t at = ((place.image * s_.out[0] + place.row) * s_.out[1] + place.column) * s_.out_step() + channel;
      if (finish_.add) out.finish.add = finish_.add + at;
      out.y = y_ + at;
      out.rows = smaller(b_.tile, s_.out[0] - place.row), out.columns = smaller(b_.tile, s_.out[1] - place.column);
      b_.transforms.sums(sums + i * b_.width, b_.sum_step, out);
    }
  }
};

void forward(const ConvShape& s, int tile, const float* x, const float* packed, const ConvFinish& finish, float* y,
             float* scratch) {
  const Blocks b(s, tile);
  const BlockScratch part(s, b, scratch);
  std::memset(part.zeros, 0, size_t(larger(s.in_channels, kMaxColumns)) * sizeof(float));
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) Forward(s, b, part, x, packed, finish, y, i).run();
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
// position a product of as many rows as there are tiles, each transformed in and out, and the weights, for each tap
// once from memory, and transformed. Measured in WebAssembly; wider vectors make multiplications cheaper, weights from
// memory dearer in their terms, and transforms, half of which is memory's time, less so.
constexpr double kTransform = 10, kWeights = 8, kFilter = 3;

double cost(const ConvShape& s, int64_t tile, int64_t positions, double transform) {
  const GemmKernel& kernel = gemm_kernel();
  const int64_t tiles = s.batch * divide_up(s.out[0], tile) * divide_up(s.out[1], tile);
  const double width = kernel.columns / 8.0, both = transform * (1 + width) / 2;
  const double each = 1 + both / double(s.in_channels) + both / double(s.out_channels);
  const double weights = double(s.taps) * kWeights * width + (tile > 1 ? double(positions) * kFilter : 0);
  return double(positions) * kernel.cost_of_rows(tiles) * each + weights;
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
