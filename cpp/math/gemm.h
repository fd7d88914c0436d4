// SPDX-License-Identifier: Apache-2.0
// C = A * B (+ what is there) for row-major float matrices, the product under every convolution and fully connected
// layer.
//
// Both sides are packed into panels: A into panels of `rows` rows, B into panels of `columns` columns, each panel
// running along k. One micro kernel multiplies two panels into a tile held in registers. A side may come from a matrix,
// from memory packed once (weights), or from a function that packs straight from its source (convolution from the
// image). Rows of A that run along k in memory need not be packed at all: a second micro kernel reads each where it
// lies.
// Results do not depend on the number of threads. Nothing is allocated: the caller brings the scratch.
#pragma once

#include <cstdint>

#include "math/integers.h"

namespace pf {

// Where the sums of a tile begin and where they go: c = clamp(start + row_bias + column_scale * sum + column_bias, low,
// high). With a short k most of the time would go here, so what is common has no branches.
struct TileStore {
  float* c;
  const float* start;  // laid out as c, may be c itself, or null: the sums begin at 0
  int64_t stride;
  const float* row_bias;      // one per row of the tile, or null
  const float* column_bias;   // one per column of the tile
  const float* column_scale;  // likewise, or null
  float low, high;
  const float* next = nullptr;  // the panel of B that comes next, as long as this one; it is fetched meanwhile

  void down(int64_t rows) {
    c += rows * stride;
    if (start) start += rows * stride;
    if (row_bias) row_bias += rows;
  }
};

inline constexpr int kMaxRows = 16, kMaxColumns = 64;  // of any tile

using RunRows = void (*)(int64_t tiles, int64_t taps, int64_t k, const float* const* a, const float* b,
                         TileStore store);

struct GemmKernel {
  int rows, columns;  // of the tile, whose rows are those of packed panels
  int direct_rows;    // of the tile of `run_rows`
  int depth;          // k is cut into blocks of at most this, so that a panel of B stays in the first-level cache
  // Tiles one below the other; the panels of A are `a_step` apart.
  void (*run)(int64_t tiles, int64_t k, const float* a, int64_t a_step, const float* b, TileStore store);
  // The same with the rows of A where they lie: under each of `taps` taps, `direct_rows` pointers to k floats each.
  RunRows run_rows;
  RunRows run_row;  // the same of one row: it leaves the memory that B comes from as the only thing to wait for
  // And with two panels of B at a time, where that is faster.
  void (*run_row_pair)(int64_t taps, int64_t k, const float* const* a, const float* b, int64_t b_step,
                       TileStore store) = nullptr;
  // For so many columns and so long a k `run` is faster, and packing pays.
  int64_t packing_columns = INT64_MAX, packing_k = 0;

  // What m rows cost, in packed rows of whole tiles: rows where they lie take some 6 % longer, but their tiles may be
  // fuller.
  double cost_of_rows(int64_t m) const {
    const double packed = double(round_up(m, rows)), direct = double(round_up(m, direct_rows)) * 17 / 16;
    return direct < packed ? direct : packed;
  }
  // Whether rows of A are packed that could be read where they lie.
  bool packs_rows(int64_t m, int64_t n, int64_t k) const {
    return n >= packing_columns && k >= packing_k && cost_of_rows(m) == double(round_up(m, rows));
  }
};

// The kernel for this machine; the same one for the whole life of the process.
const GemmKernel& gemm_kernel();

// Packs columns (or rows) [begin, end) for k in [k_begin, k_end) into panels of `width`: element (i, k) of panel p
// goes to out[p * width * (k_end - k_begin) + (k - k_begin) * width + i - p * width], and the last panel is filled up
// with zeros.
using PackFunction = void (*)(const void* source, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end,
                              float* out);

// Where the pieces [tap, tap + taps) of row i begin: to out, out + step, …
using LocateFunction = void (*)(const void* source, int64_t i, int64_t tap, int64_t taps, const float** out, int step);

// One side of a product. Element (i, k), i counting rows of A or columns of B, is data[i * stride + k * k_stride].
struct GemmSide {
  const float* data = nullptr;
  int64_t stride = 0, k_stride = 0;
  const float* packed = nullptr;    // or: made by gemm_pack for the same side and k
  PackFunction pack = nullptr;      // or: packs from `source`
  LocateFunction locate = nullptr;  // or, for A: finds the pieces of a row, k = tap * length + position, in `source`
  int64_t length = 0;
  const void* source = nullptr;
};

inline GemmSide rows_of(const float* a, int64_t row_stride) { return {a, row_stride, 1}; }     // A, or B transposed
inline GemmSide columns_of(const float* b, int64_t row_stride) { return {b, 1, row_stride}; }  // B, or A transposed

struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  GemmSide a, b;
  float* c = nullptr;
  int64_t c_stride = 0;                 // from a row of C to the next
  const float* add = nullptr;           // laid out as C, added before clamping; may be C itself, which is then added to
  const float* row_bias = nullptr;      // m floats, added to each column
  const float* column_bias = nullptr;   // n floats, added to each row
  const float* column_scale = nullptr;  // n floats that the sums are multiplied by, before anything is added
  float low = -__builtin_huge_valf(), high = __builtin_huge_valf();  // then clamp: Relu is low = 0
};

// Floats of scratch a product of this size needs on all threads together; fewer if B is packed.
int64_t gemm_scratch(int64_t m, int64_t n, int64_t k, bool packed = false);
// Uses the pool's threads, or only the calling one when called from inside a parallel_for. `scratch` belongs to all
// threads: each takes the part of its thread_index(), so products that run at the same time must be of one size.
void gemm(const Gemm& g, float* scratch);

// The same, but not from several threads at once, and A lies in a matrix: what all threads would have to pack of it
// each for itself is packed before, once.
int64_t gemm_together_scratch(int64_t m, int64_t n, int64_t k, bool packed = false);
void gemm_together(const Gemm& g, float* scratch);

// The same, none of its sizes 0, on the calling thread alone, which brings scratch of its own.
int64_t gemm_alone_scratch(int64_t m, int64_t n, int64_t k);
void gemm_alone(const Gemm& g, float* scratch);

// Packing a whole side once.
int64_t gemm_packed_size(int64_t count, int64_t k, int width);
void gemm_pack(const GemmSide& side, int width, int64_t count, int64_t k, float* out);
void pack_matrix(const GemmSide& side, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end,
                 float* out);

// Products with few rows read B once, in the order it has, and pack nothing. gemm() chooses them by itself.
bool gemm_is_small(const Gemm& g);
void gemm_small(const Gemm& g);

// The definition, summed in double.
void gemm_plain(const Gemm& g);

}  // namespace pf
