// SPDX-License-Identifier: Apache-2.0
// Channels come last, as in math/winograd.cc. A block's transformed image and changes lie by position, piece and
// channel. For each position two products: the changes' share of the filter's gradient is added up over all blocks, and
// the gradient of the pieces takes the place of the pieces. Threads share a block, and pieces are added to an image in
// their order, so that no number of threads changes a result.
#include <cstring>

#include "core/parallel.h"
#include "math/gemm.h"
#include "math/transpose.h"
#include "math/winograd.h"
#include "math/winograd_transforms.h"

namespace pf {
namespace {

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// How the work is cut.
struct Cut {
  static constexpr int64_t kFloats = int64_t(1) << 18;  // of a block: a megabyte of second-level cache
  static constexpr int64_t kFew = 64;                   // pieces that are worth passing over the whole filter for

  int64_t tile, down, across, count;  // pieces of one image, and of all
  int64_t inputs, outputs;            // channels, filled up to whole panels
  int64_t block;                      // pieces
  int64_t piece_step, change_step;    // from position to position; 16 more than a power of 2, as in math/winograd.cc
  int64_t images;                     // worked on at a time
  explicit Cut(const ConvShape& s) : tile(winograd_gradient_tile(s)) {
    const GemmKernel& kernel = gemm_kernel();
    down = (s.out[0] + tile - 1) / tile, across = (s.out[1] + tile - 1) / tile, count = s.batch * down * across;
    inputs = round_up(s.in_channels, kernel.columns), outputs = round_up(s.out_channels, kernel.columns);
    const int64_t fitting = kFloats / (kWinogradPositions * (inputs + outputs)), image = down * across;
    block = fitting < kFew ? kFew : fitting >= image ? fitting / image * image : fitting;
    block = round_up(smaller(block, count), kernel.rows);
    piece_step = round_up(block * inputs, 16) + 16, change_step = round_up(block * outputs, 16) + 16;
    images = s.batch;
    if (s.channels_last) return;
    const int64_t together = kWinogradTransposed / (2 * s.in_channels * s.in_size + s.out_channels * s.out_size);
    images = smaller(s.batch, together < 1 ? 1 : together);
  }
};

struct GradientScratch {
  float *zeros, *packed, *sums, *pieces, *changes, *product, *x, *dy, *dx;
  int64_t product_step, total;  // product_step: from thread to thread
  GradientScratch(const ConvShape& s, const Cut& c, float* block) {
    Carver carve(block);
    const int64_t in_image = s.channels_last ? 0 : s.in_channels * s.in_size;
    zeros = carve.floats(s.in_channels + s.out_channels);
    packed = carve.floats(winograd_turned_size(s));
    sums = carve.floats(kWinogradPositions * s.in_channels * c.outputs);
    pieces = carve.floats(kWinogradPositions * c.piece_step);
    changes = carve.floats(kWinogradPositions * c.change_step);
    const int64_t filter = gemm_alone_scratch(s.in_channels, c.outputs, c.block),
                  input = gemm_alone_scratch(c.block, c.inputs, s.out_channels);
    product_step = filter < input ? input : filter;
    product = carve.floats(product_step * thread_count());
    x = carve.floats(c.images * in_image), dx = carve.floats(c.images * in_image);
    dy = carve.floats(s.channels_last ? 0 : c.images * s.out_channels * s.out_size);
    total = carve.total;
  }
};

// Beyond any image.
constexpr int kNone = 1 << 24;
// The changes of a tile, and of its last output again.
constexpr int kFour[] = {0, 1, 2, 3, 3}, kTwo[] = {0, 1, kNone, kNone, 1};

// Pieces of some images, channels last; dx may be null.
class Backward {
 public:
  Backward(const ConvShape& s, const Cut& cut, const GradientScratch& part, const float* x, const float* dy, float* dx)
      : s_(s), c_(cut), part_(part), x_(x), dy_(dy), dx_(dx) {}

  void run(int64_t begin, int64_t end, bool first) const {
    const int64_t count = end - begin;
    parallel_for(2 * count, 1 + 1024 / (s_.in_channels + s_.out_channels), [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) i < count ? read_piece(begin, i) : read_changes(begin, i - count);
    });
    parallel_for(kWinogradPositions, 1, [&](int64_t from, int64_t to) {
      for (int64_t position = from; position < to; ++position) multiply(position, count, first);
    });
    if (!dx_) return;
    const int64_t image = c_.down * c_.across, lowest = begin / image, images = (end - 1) / image + 1 - lowest;
    const int64_t chunks = (s_.in_channels + kWinogradLanes - 1) / kWinogradLanes;
    parallel_for(images * chunks, 1, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) add_back(begin, end, lowest + i / chunks, i % chunks * kWinogradLanes);
    });
  }

 private:
  int64_t row_of(int64_t piece) const { return piece / c_.across % c_.down * c_.tile; }
  int64_t column_of(int64_t piece) const { return piece % c_.across * c_.tile; }

  PieceSource input(const float* x, int64_t image, const float* outside) const {
    return {x + image * s_.in_size * s_.in_channels, s_.in[0], s_.in[1], s_.in_channels, outside};
  }
  void locate_input(const PieceSource& source, int64_t piece, const float** at) const {
    locate_piece(source, row_of(piece) - s_.pad_head[0], column_of(piece) - s_.pad_head[1], kWinogradStraight, 6, at);
  }

  void read_piece(int64_t begin, int64_t i) const {
    const float* at[kWinogradPositions];
    locate_input(input(x_, (begin + i) / (c_.down * c_.across), part_.zeros), begin + i, at);
    transforms_.image(at, s_.in_channels, c_.piece_step, part_.pieces + i * c_.inputs);
  }

  void read_changes(int64_t begin, int64_t i) const {
    const float* at[25];
    const int64_t piece = begin + i, image = piece / (c_.down * c_.across), channels = s_.out_channels;
    const PieceSource source{dy_ + image * s_.out_size * channels, s_.out[0], s_.out[1], channels, part_.zeros};
    locate_piece(source, row_of(piece), column_of(piece), c_.tile == 4 ? kFour : kTwo, 5, at);
    transforms_.changes(at, channels, c_.change_step, part_.changes + i * c_.outputs);
  }

  void multiply(int64_t position, int64_t count, bool first) const {
    float* const pieces = part_.pieces + position * c_.piece_step;
    const float* const changes = part_.changes + position * c_.change_step;
    float* const scratch = part_.product + thread_index() * part_.product_step;
    Gemm filter;
    filter.m = s_.in_channels, filter.n = c_.outputs, filter.k = count;
    filter.a = columns_of(pieces, c_.inputs), filter.b = columns_of(changes, c_.outputs);
    filter.c = part_.sums + position * s_.in_channels * c_.outputs, filter.c_stride = c_.outputs;
    filter.accumulate = !first;
    gemm_alone(filter, scratch);
    if (!dx_) return;
    Gemm back;
    back.m = count, back.n = c_.inputs, back.k = s_.out_channels;
    back.a = rows_of(changes, c_.outputs);
    back.b.packed = part_.packed + position * gemm_packed_size(c_.inputs, s_.out_channels, gemm_kernel().columns);
    back.c = pieces, back.c_stride = c_.inputs;
    gemm_alone(back, scratch);
  }

  // The pieces of [begin, end) that one image has, some of its channels.
  void add_back(int64_t begin, int64_t end, int64_t image, int64_t channel) const {
    const int64_t pieces = c_.down * c_.across, first = image * pieces, beyond = first + pieces;
    const int64_t until = smaller(channel + kWinogradLanes, s_.in_channels);
    const PieceSource source = input(dx_, image, nullptr);
    if (begin <= first)
      for (int64_t p = 0; p < s_.in_size; ++p)
        std::memset(const_cast<float*>(source.image) + p * s_.in_channels + channel, 0,
                    size_t(until - channel) * sizeof(float));
    for (int64_t i = begin < first ? first : begin; i < smaller(end, beyond); ++i) {
      const float* at[kWinogradPositions];
      locate_input(source, i, at);
      transforms_.back(part_.pieces + (i - begin) * c_.inputs, c_.piece_step, channel, until,
                       const_cast<float* const*>(at));
    }
  }

  const ConvShape& s_;
  const Cut& c_;
  const GradientScratch& part_;
  const float *x_, *dy_;
  float* dx_;
  const WinogradTransforms& transforms_ = winograd_transforms(6);
};

}  // namespace

int64_t winograd_gradient_scratch(const ConvShape& s) { return GradientScratch(s, Cut(s), nullptr).total; }

void winograd_gradient(const ConvShape& s, const float* x, const float* w, const float* dy, float* dw, float* dx,
                       float* scratch) {
  const Cut cut(s);
  const GradientScratch part(s, cut, scratch);
  std::memset(part.zeros, 0, size_t(s.in_channels + s.out_channels) * sizeof(float));
  // What fills up panels goes into sums that nobody reads, but should not be numbers that take long.
  if (cut.outputs > s.out_channels)
    std::memset(part.changes, 0, size_t(kWinogradPositions * cut.change_step) * sizeof(float));
  if (dx) winograd_pack_turned(s, w, part.packed);
  const int64_t in_image = s.in_channels * s.in_size, out_image = s.out_channels * s.out_size;
  for (int64_t n = 0; n < s.batch; n += cut.images) {
    const int64_t images = smaller(cut.images, s.batch - n), pieces = images * cut.down * cut.across;
    if (!s.channels_last) {
      transpose_matrices(images, s.in_channels, s.in_size, x + n * in_image, part.x);
      transpose_matrices(images, s.out_channels, s.out_size, dy + n * out_image, part.dy);
    }
    const Backward some(s, cut, part, s.channels_last ? x : part.x, s.channels_last ? dy : part.dy,
                        s.channels_last || !dx ? dx : part.dx);
    for (int64_t i = 0; i < pieces; i += cut.block) some.run(i, smaller(i + cut.block, pieces), n + i == 0);
    if (dx && !s.channels_last) transpose_matrices(images, s.in_size, s.in_channels, part.dx, dx + n * in_image);
  }
  winograd_unpack_gradient(s, part.sums, cut.outputs, dw);
}

}  // namespace pf
