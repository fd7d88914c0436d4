// SPDX-License-Identifier: Apache-2.0
// Channels come last, as in math/winograd.cc; images with channels first are transposed. A block's transformed image
// and changes lie by position, piece and channel. For each position two products: the changes' share of the filter's
// gradient is added up over the blocks, and the gradient of the pieces takes the place of the pieces.
//
// Images are dealt out in parts, each with sums of its own; threads take whole parts when each gets one, or else share
// every block. The parts, and the order in which pieces are added to an image, are the same for any number of threads.
#include <cstring>

#include "core/parallel.h"
#include "math/gemm.h"
#include "math/integers.h"
#include "math/reduce.h"
#include "math/transpose.h"
#include "math/winograd.h"
#include "math/winograd_transforms.h"

namespace pf {
namespace {

int64_t between(int64_t least, int64_t n, int64_t most) { return n > most ? most : n < least ? least : n; }

// How the work is cut.
struct Cut {
  static constexpr int64_t kFloats = int64_t(1) << 18;  // of a block: a megabyte of second-level cache
  static constexpr int64_t kFew = 32;                   // pieces that are worth passing over the whole filter for
  static constexpr int64_t kParts = 8, kShared = int64_t(1) << 20;  // parts, and floats that each part may have twice

  int64_t tile, across, image;      // pieces of a row, and of an image
  int64_t inputs, outputs;          // channels, filled up to whole panels
  int64_t parts, together, block;   // images transposed at a time, and pieces of them
  int64_t piece_step, change_step;  // from position to position; 16 more than a power of 2, as in math/winograd.cc
  int64_t sums;                     // floats of a part
  bool apart;                       // each thread works on parts of its own
  explicit Cut(const ConvShape& s) : tile(winograd_gradient_tile(s)) {
    const GemmKernel& kernel = gemm_kernel();
    across = divide_up(s.out[1], tile), image = divide_up(s.out[0], tile) * across;
    inputs = round_up(s.in_channels, kernel.columns), outputs = round_up(s.out_channels, kernel.columns);
    sums = kWinogradPositions * s.in_channels * outputs;
    const bool large = s.in_channels * s.in_size + s.out_channels * s.out_size > kShared;
    parts = between(1, large ? 1 : smaller(s.batch * image / kFew, kShared / sums), smaller(kParts, s.batch));
    apart = parts >= thread_count();
    const int64_t most = divide_up(s.batch, parts), fitting = kFloats / (kWinogradPositions * (inputs + outputs));
    together = divide_up(most, divide_up(most, between(1, fitting / image, most)));
    block = divide_up(together * image, divide_up(together * image, between(kFew, fitting, together * image)));
    block = round_up(block, kernel.direct_rows);
    piece_step = round_up(block * inputs, 16) + 16, change_step = round_up(block * outputs, 16) + 16;
  }
};

// What a thread that works apart has for itself, or all together.
struct Own {
  float *pieces, *changes, *x, *dy, *dx;
  int64_t total;
  Own(const ConvShape& s, const Cut& c, float* block) {
    Carver carve(block);
    const int64_t images = s.channels_last ? 0 : c.together;
    pieces = carve.floats(kWinogradPositions * c.piece_step),
    changes = carve.floats(kWinogradPositions * c.change_step);
    x = carve.floats(images * s.in_channels * s.in_size), dx = carve.floats(images * s.in_channels * s.in_size);
    dy = carve.floats(images * s.out_channels * s.out_size);
    total = carve.total;
  }
};

struct GradientScratch {
  float *zeros, *packed, *sums, *own, *product;
  int64_t product_step, total;  // from thread to thread
  GradientScratch(const ConvShape& s, const Cut& c, float* block) {
    Carver carve(block);
    zeros = carve.floats(s.in_channels + s.out_channels);
    packed = carve.floats(winograd_turned_size(s));
    sums = carve.floats(c.sums * c.parts);
    own = carve.floats(Own(s, c, nullptr).total * (c.apart ? thread_count() : 1));
    const int64_t filter = gemm_alone_scratch(s.in_channels, c.outputs, c.block),
                  input = gemm_alone_scratch(c.block, c.inputs, s.out_channels);
    product_step = filter < input ? input : filter;
    product = carve.floats(product_step * thread_count());
    total = carve.total;
  }
};

// Beyond any image.
constexpr int kNone = 1 << 24;
// The changes of a tile, and of its last output again.
constexpr int kFour[] = {0, 1, 2, 3, 3}, kTwo[] = {0, 1, kNone, kNone, 1};

// Pieces of some images, channels last, whose sums go to `sums`; dx may be null.
struct Backward {
  const ConvShape& s_;
  const Cut& c_;
  const GradientScratch& scratch_;
  const Own& own_;
  const float *x_, *dy_;
  float *dx_, *sums_;
  const WinogradTransforms& transforms_ = winograd_transforms(6);

  void run(int64_t begin, int64_t end, bool first) const {
    const int64_t count = end - begin;
    parallel_for(2 * count, 1 + 1024 / (s_.in_channels + s_.out_channels), [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) i < count ? read_piece(begin, i) : read_changes(begin, i - count);
    });
    parallel_for(kWinogradPositions, 1, [&](int64_t from, int64_t to) {
      for (int64_t position = from; position < to; ++position) multiply(position, count, first);
    });
    if (!dx_) return;
    const int64_t lowest = begin / c_.image, images = (end - 1) / c_.image + 1 - lowest;
    const int64_t chunks = divide_up(s_.in_channels, kWinogradLanes);
    parallel_for(images * chunks, 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) add_back(begin, end, lowest + i / chunks, i % chunks * kWinogradLanes);
    });
  }

  int64_t row_of(int64_t piece) const { return piece % c_.image / c_.across * c_.tile; }
  int64_t column_of(int64_t piece) const { return piece % c_.across * c_.tile; }

  PieceSource input(const float* x, int64_t image, const float* outside) const {
    return {x + image * s_.in_size * s_.in_channels, s_.in[0], s_.in[1], s_.in_channels, outside};
  }
  void locate_input(const PieceSource& source, int64_t piece, const float** at) const {
    locate_piece(source, row_of(piece) - s_.pad_head[0], column_of(piece) - s_.pad_head[1], kWinogradStraight, 6, at);
  }

  void read_piece(int64_t begin, int64_t i) const {
    const float* at[kWinogradPositions];
    locate_input(input(x_, (begin + i) / c_.image, scratch_.zeros), begin + i, at);
    transforms_.image(at, s_.in_channels, c_.piece_step, own_.pieces + i * c_.inputs);
  }

  void read_changes(int64_t begin, int64_t i) const {
    const float* at[25];
    const int64_t piece = begin + i, image = piece / c_.image, channels = s_.out_channels;
    const PieceSource source{dy_ + image * s_.out_size * channels, s_.out[0], s_.out[1], channels, scratch_.zeros};
    locate_piece(source, row_of(piece), column_of(piece), c_.tile == 4 ? kFour : kTwo, 5, at);
    transforms_.changes(at, channels, c_.change_step, own_.changes + i * c_.outputs);
  }

  void multiply(int64_t position, int64_t count, bool first) const {
    float* const pieces = own_.pieces + position * c_.piece_step;
    const float* const changes = own_.changes + position * c_.change_step;
    float* const scratch = scratch_.product + thread_index() * scratch_.product_step;
    Gemm filter;
    filter.m = s_.in_channels, filter.n = c_.outputs, filter.k = count;
    filter.a = columns_of(pieces, c_.inputs), filter.b = columns_of(changes, c_.outputs);
    filter.c = sums_ + position * s_.in_channels * c_.outputs, filter.c_stride = c_.outputs;
    if (!first) filter.add = filter.c;
    gemm_alone(filter, scratch);
    if (!dx_) return;
    Gemm back;
    back.m = count, back.n = c_.inputs, back.k = s_.out_channels;
    back.a = rows_of(changes, c_.outputs);
    back.b.packed = scratch_.packed + position * gemm_packed_size(c_.inputs, s_.out_channels, gemm_kernel().columns);
    back.c = pieces, back.c_stride = c_.inputs;
    gemm_alone(back, scratch);
  }

  // The pieces of [begin, end) that one image has, some of its channels.
  void add_back(int64_t begin, int64_t end, int64_t image, int64_t channel) const {
    const int64_t first = image * c_.image, beyond = first + c_.image;
    const int64_t until = smaller(channel + kWinogradLanes, s_.in_channels);
    const PieceSource source = input(dx_, image, nullptr);
    if (begin <= first)
      for (int64_t p = 0; p < s_.in_size; ++p)
        std::memset(const_cast<float*>(source.image) + p * s_.in_channels + channel, 0,
                    size_t(until - channel) * sizeof(float));
    for (int64_t i = begin < first ? first : begin; i < smaller(end, beyond); ++i) {
      const float* at[kWinogradPositions];
      locate_input(source, i, at);
      transforms_.back(own_.pieces + (i - begin) * c_.inputs, c_.piece_step, channel, until,
                       const_cast<float* const*>(at));
    }
  }
};

// One part: images [begin, end).
void add_part(const ConvShape& s, const Cut& c, const GradientScratch& scratch, int64_t begin, int64_t end,
              const float* x, const float* dy, float* dx, float* sums) {
  const Own whole(s, c, nullptr), own(s, c, scratch.own + (c.apart ? thread_index() * whole.total : 0));
  const int64_t in_image = s.in_channels * s.in_size, out_image = s.out_channels * s.out_size;
  // What fills up panels goes into sums that nobody reads, but should not be numbers that take long.
  if (c.outputs > s.out_channels)
    std::memset(own.changes, 0, size_t(kWinogradPositions * c.change_step) * sizeof(float));
  for (int64_t n = begin; n < end; n += c.together) {
    const int64_t images = smaller(c.together, end - n), pieces = images * c.image;
    const bool last = s.channels_last;
    Backward some{s, c, scratch, own, x + n * in_image, dy + n * out_image, dx ? dx + n * in_image : nullptr, sums};
    if (!last) {
      transpose_matrices(images, s.in_channels, s.in_size, some.x_, own.x);
      transpose_matrices(images, s.out_channels, s.out_size, some.dy_, own.dy);
      some.x_ = own.x, some.dy_ = own.dy, some.dx_ = dx ? own.dx : nullptr;
    }
    for (int64_t i = 0; i < pieces; i += c.block) some.run(i, smaller(i + c.block, pieces), n == begin && i == 0);
    if (dx && !last) transpose_matrices(images, s.in_size, s.in_channels, own.dx, dx + n * in_image);
  }
}

}  // namespace

int64_t winograd_gradient_scratch(const ConvShape& s) { return GradientScratch(s, Cut(s), nullptr).total; }

void winograd_gradient(const ConvShape& s, const float* x, const float* w, const float* dy, float* dw, float* dx,
                       float* block) {
  const Cut c(s);
  const GradientScratch scratch(s, c, block);
  std::memset(scratch.zeros, 0, size_t(s.in_channels + s.out_channels) * sizeof(float));
  if (dx) winograd_pack_turned(s, w, scratch.packed);
  const auto run = [&](int64_t from, int64_t to) {
    for (int64_t p = from; p < to; ++p)
      add_part(s, c, scratch, s.batch * p / c.parts, s.batch * (p + 1) / c.parts, x, dy, dx, scratch.sums + p * c.sums);
  };
  if (c.apart)
    parallel_for(c.parts, 1, run);
  else
    run(0, c.parts);
  if (c.parts > 1) sum_rows(c.parts - 1, c.sums, scratch.sums + c.sums, true, scratch.sums);
  winograd_unpack_gradient(s, scratch.sums, c.outputs, dw);
}

}  // namespace pf
