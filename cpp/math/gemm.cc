// SPDX-License-Identifier: Apache-2.0
#include "math/gemm.h"

#include <cstring>

#include "core/parallel.h"
#include "core/simd.h"
#include "math/integers.h"

namespace pf {
#include "math/gemm_kernel.h"
namespace {

constexpr int64_t kRowBlock = 48;      // rows of A packed at a time: with 512 of k, 96 KB of second-level cache
constexpr int64_t kColumnBlock = 256;  // columns of B packed at a time

constexpr int64_t kPointer = sizeof(const float*) / sizeof(float);  // floats that make room for one

const float kZeros[kMaxColumns] = {};

struct Range {
  int64_t begin, end;
};

// n in the fewest equal pieces of at most `most`.
int64_t even_piece(int64_t n, int64_t most) { return n <= most ? n : divide_up(n, divide_up(n, most)); }

// How k is cut: in blocks no longer than the kernel likes, each of whole taps or within one.
struct Depth {
  int64_t k, length, block;
  Depth(const Gemm& g, const GemmKernel& kernel) : k(g.k), length(g.a.locate ? g.a.length : g.k) {
    // Short pieces: their pointers must not need more scratch than packed rows would.
    const int64_t most = kernel.depth / (length < kPointer ? kPointer : length);
    const bool once = g.m == 1 && g.b.packed;  // what lies side by side in memory is best read at one go
    if (once && length == k)
      block = k;
    else
      block = length >= kernel.depth ? even_piece(length, kernel.depth) : even_piece(k / length, most) * length;
  }
  int64_t end(int64_t begin) const {
    return smaller(begin + block, length >= block ? (begin / length + 1) * length : k);
  }
};

int64_t row_block(int64_t m, int tile) { return round_up(smaller(m, kRowBlock), tile); }
int64_t column_block(int64_t n, const GemmKernel& kernel) { return round_up(smaller(n, kColumnBlock), kernel.columns); }

// Floats of scratch of one thread: for panels of B, unless they are there, and for rows of A or pointers to them.
int64_t column_scratch(int64_t n, int64_t k, bool packed, const GemmKernel& kernel) {
  return packed ? 0 : smaller(k, kernel.depth) * column_block(n, kernel);
}
int64_t thread_scratch(int64_t m, int64_t n, int64_t k, bool packed, const GemmKernel& kernel) {
  const int most = kernel.rows > kernel.direct_rows ? kernel.rows : kernel.direct_rows;
  return column_scratch(n, k, packed, kernel) + smaller(kPointer * k, kernel.depth) * (row_block(m, most) + most) + 16;
}

// Panels of one side for [begin, end) x [k_begin, k_end): where they are, or packed into `scratch`. `step` becomes the
// distance from one panel to the next.
const float* panels(const GemmSide& side, int width, int64_t k, int64_t begin, int64_t end, int64_t k_begin,
                    int64_t k_end, float* scratch, int64_t* step) {
  if (side.packed) {
    *step = k * width;
    return side.packed + begin * k + k_begin * width;
  }
  *step = (k_end - k_begin) * width;
  if (side.pack)
    side.pack(side.source, width, begin, end, k_begin, k_end, scratch);
  else
    pack_matrix(side, width, begin, end, k_begin, k_end, scratch);
  return scratch;
}

// The rows of A that one tile takes: in a panel, or each where it lies.
struct TileRows {
  const float* panel;
  const float* const* pointers;  // `rows` of the kernel for each tap
  int64_t taps, k;               // k: of each tap
  RunRows run;
};

void multiply(const GemmKernel& kernel, int64_t tiles, const TileRows& a, int64_t a_step, const float* b,
              const TileStore& store) {
  if (a.panel)
    kernel.run(tiles, a.k, a.panel, a_step, b, store);
  else
    a.run(tiles, a.taps, a.k, a.pointers, b, store);
}

// A tile that hangs over the edge of C is computed beside it.
void run_edge(const GemmKernel& kernel, const TileRows& rows_of_a, int tile_rows, const float* b, TileStore store,
              int64_t rows, int64_t columns) {
  float tile[kMaxRows * kMaxColumns], row_bias[kMaxRows] = {}, column_bias[kMaxColumns] = {};
  float column_scale[kMaxColumns] = {};
  float* const c = store.c;
  const int64_t stride = store.stride;
  if (store.start) {
    std::memset(tile, 0, tile_rows * kernel.columns * sizeof(float));
    for (int64_t i = 0; i < rows; ++i)
      std::memcpy(tile + i * kernel.columns, store.start + i * stride, columns * sizeof(float));
    store.start = tile;
  }
  if (store.row_bias) {
    std::memcpy(row_bias, store.row_bias, rows * sizeof(float));
    store.row_bias = row_bias;
  }
  if (store.column_scale) {
    std::memcpy(column_scale, store.column_scale, columns * sizeof(float));
    store.column_scale = column_scale;
  }
  std::memcpy(column_bias, store.column_bias, columns * sizeof(float));
  store.c = tile, store.stride = kernel.columns, store.column_bias = column_bias;
  multiply(kernel, 1, rows_of_a, 0, b, store);
  for (int64_t i = 0; i < rows; ++i) std::memcpy(c + i * stride, tile + i * kernel.columns, columns * sizeof(float));
}

// Four rows running along k become columns of a panel.
void pack_four_rows(const float* r0, const float* r1, const float* r2, const float* r3, int width, int64_t k,
                    float* out) {
  int64_t p = 0;
  for (; p + 4 <= k; p += 4, out += 4 * width) {
    f32x4 a = f32x4::load(r0 + p), b = f32x4::load(r1 + p), c = f32x4::load(r2 + p), d = f32x4::load(r3 + p);
    transpose(a, b, c, d);
    a.store(out), b.store(out + width), c.store(out + 2 * width), d.store(out + 3 * width);
  }
  for (; p < k; ++p, out += width) out[0] = r0[p], out[1] = r1[p], out[2] = r2[p], out[3] = r3[p];
}

void pack_strided(const float* from, int64_t k_stride, int width, int64_t k, float* out) {
  for (; k > 0; --k, from += k_stride, out += width) *out = *from;
}

// Rows anywhere, all of a panel.
void pack_rows(const float* const* rows, int width, int64_t k, float* out) {
  int r = 0;
  for (; r + 4 <= width; r += 4) pack_four_rows(rows[r], rows[r + 1], rows[r + 2], rows[r + 3], width, k, out + r);
  for (; r < width; ++r) pack_strided(rows[r], 1, width, k, out + r);
}

// How the product takes A: as panels, or rows where they lie.
struct RowsOfA {
  bool direct;
  int tile;  // rows of one
  RunRows run;
  RowsOfA(const Gemm& g, const GemmKernel& kernel) {
    const bool lie_there = g.a.locate || (g.a.data && g.a.k_stride == 1);
    direct = lie_there && !kernel.packs_rows(g.m, g.n, g.k);
    const bool one = direct && g.m == 1;
    tile = one ? 1 : direct ? kernel.direct_rows : kernel.rows;
    run = one ? kernel.run_row : kernel.run_rows;
  }
};

// Where the pieces of `tile` rows from `begin` on are: those of one tap after those of the one before.
void locate_tile(const GemmSide& a, Range rows, int tile, int64_t tap, int64_t taps, int64_t offset, const float** to) {
  for (int r = 0; r < tile; ++r, ++to) {
    const int64_t row = smaller(rows.begin + r, rows.end - 1);  // the last row stands in for those beyond
    if (!a.locate) {
      *to = a.data + row * a.stride + offset;
      continue;
    }
    a.locate(a.source, row, tap, taps, to, tile);
    for (int64_t t = 0; offset && t < taps; ++t) to[t * tile] += offset;
  }
}

// The rows of A for one block of rows and of k.
class BlockRows {
 public:
  BlockRows(const Gemm& g, const RowsOfA& how, Range rows, Range k, float* scratch) : first_{}, rows_(how.tile) {
    const int64_t length = g.a.locate ? g.a.length : g.k, tap = k.begin / length, offset = k.begin % length;
    const int64_t taps = divide_up(k.end - k.begin, length), piece = (k.end - k.begin) / taps;
    if (!how.direct && !g.a.locate) {
      first_.panel = panels(g.a, rows_, g.k, rows.begin, rows.end, k.begin, k.end, scratch, &step_);
      first_.k = k.end - k.begin;
      return;
    }
    auto* pointers = reinterpret_cast<const float**>(scratch);
    if (how.direct) {
      first_.pointers = pointers, first_.taps = taps, first_.k = piece, first_.run = how.run;
      step_ = taps * rows_;
    } else {
      step_ = (k.end - k.begin) * rows_;
      first_.panel = scratch, first_.k = k.end - k.begin;
      pointers = reinterpret_cast<const float**>(scratch + divide_up(rows.end - rows.begin, rows_) * step_);
    }
    for (Range some = rows; some.begin < some.end; some.begin += rows_) {
      locate_tile(g.a, some, rows_, tap, taps, offset, pointers);
      if (how.direct) {
        pointers += step_;
        continue;
      }
      for (int64_t t = 0; t < taps; ++t, scratch += piece * rows_)
        pack_rows(pointers + t * rows_, rows_, piece, scratch);
    }
  }
  bool one() const { return first_.pointers && rows_ == 1; }
  int rows() const { return rows_; }      // of a tile
  int64_t step() const { return step_; }  // from tile to tile
  TileRows tile(int64_t i) const {
    TileRows rows = first_;
    if (rows.panel)
      rows.panel += i * step_;
    else
      rows.pointers += i * step_;
    return rows;
  }

 private:
  TileRows first_;
  int rows_;
  int64_t step_;
};

// Rows x columns of C for one block of k. A panel of B stays in the first-level cache while all rows pass by it.
void run_block(const Gemm& g, const GemmKernel& kernel, Range rows, Range columns, Range k, const BlockRows& a,
               const float* b, int64_t b_step) {
  const bool first = k.begin == 0, last = k.end == g.k;
  const float* const start = first ? g.add : g.c;
  TileStore store{};
  store.stride = g.c_stride;
  store.low = last ? g.low : -__builtin_huge_valf(), store.high = last ? g.high : __builtin_huge_valf();
  for (int64_t j = columns.begin; j < columns.end; j += kernel.columns, b += b_step) {
    const int64_t width = smaller(kernel.columns, g.n - j);
    store.column_bias = last && g.column_bias ? g.column_bias + j : kZeros;
    store.column_scale = g.column_scale ? g.column_scale + j : nullptr;
    const auto at = [&](int64_t i) {
      store.c = g.c + i * g.c_stride + j;
      store.start = start ? start + i * g.c_stride + j : nullptr;
      store.row_bias = first && g.row_bias ? g.row_bias + i : nullptr;
    };
    if (a.one() && kernel.run_row_pair && j + 2 * kernel.columns <= smaller(columns.end, g.n)) {
      at(rows.begin);
      const TileRows row = a.tile(0);
      kernel.run_row_pair(row.taps, row.k, row.pointers, b, b_step, store);
      j += kernel.columns, b += b_step;
      continue;
    }
    store.next = j + kernel.columns < columns.end ? b + b_step : nullptr;
    int64_t t = 0;
    if (width == kernel.columns && (t = (rows.end - rows.begin) / a.rows())) {
      at(rows.begin);
      multiply(kernel, t, a.tile(0), a.step(), b, store);
    }
    for (int64_t i = rows.begin + t * a.rows(); i < rows.end; i += a.rows(), ++t) {
      at(i);
      run_edge(kernel, a.tile(t), a.rows(), b, store, smaller(a.rows(), rows.end - i), width);
    }
  }
}

// What one thread does: its rows x columns of C, block by block.
void run_range(const Gemm& g, const GemmKernel& kernel, Range rows, Range columns, float* scratch) {
  const Depth depth(g, kernel);
  const RowsOfA how(g, kernel);
  const int64_t row_step = row_block(g.m, how.tile), column_step = column_block(g.n, kernel);
  float* const a_scratch = scratch + column_scratch(g.n, g.k, g.b.packed, kernel);
  for (int64_t j = columns.begin; j < columns.end; j += column_step) {
    const Range some_columns{j, smaller(j + column_step, columns.end)};
    for (Range some_k{0, 0}; some_k.begin < g.k; some_k.begin = some_k.end) {
      some_k.end = depth.end(some_k.begin);
      int64_t b_step;
      const float* b = panels(g.b, kernel.columns, g.k, some_columns.begin, some_columns.end, some_k.begin, some_k.end,
                              scratch, &b_step);
      for (int64_t i = rows.begin; i < rows.end; i += row_step) {
        const Range some_rows{i, smaller(i + row_step, rows.end)};
        const BlockRows a(g, how, some_rows, some_k, a_scratch);
        run_block(g, kernel, some_rows, some_columns, some_k, a, b, b_step);
      }
    }
  }
}

// Nothing to multiply: C = biases (+ add), clamped.
void run_empty(const Gemm& g) {
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t j = 0; j < g.n; ++j) {
      float& c = g.c[i * g.c_stride + j];
      float x = (g.row_bias ? g.row_bias[i] : 0.f) + (g.column_bias ? g.column_bias[j] : 0.f);
      x += g.add ? g.add[i * g.c_stride + j] : 0.f;
      x = x < g.low ? g.low : x;
      c = g.high < x ? g.high : x;
    }
}

// Whether threads share the columns of C, or its rows. By rows, each thread reads all of B; by columns all of A, and
// what it computes is not what it will read: the next operator shares pixels, and what comes from another core's cache
// comes slowly. B that is not packed is packed by each thread for itself, so there the longer side is shared.
bool shares_columns(int64_t m, int64_t n, int64_t k, bool b_packed) {
  return b_packed ? double(k) * double(n) > double(m) * double(k + n) : n >= m;
}

// Floats of A that are packed for all threads together, 4 MiB at most.
int64_t rows_for_all(int64_t m, int64_t n, int64_t k, bool b_packed) {
  const int64_t floats = gemm_packed_size(m, k, gemm_kernel().rows);
  return shares_columns(m, n, k, b_packed) && floats <= int64_t(1) << 20 ? floats : 0;
}

#if !defined(__x86_64__)
// A fused multiply-add takes four cycles and two start in each: 4 x 8 has just enough sums to keep them busy, 5 x 8
// some to spare. Without fusing the multiplications fill the gaps. 3 x 12 is as fast as 4 x 8, and loses half at the
// edges.
#if defined(__wasm_relaxed_simd__)
const GemmKernel kKernel = {
    5,  8, 4, 512, gemm_panels<f32x4, 5, 2>, gemm_rows<f32x4, 4, 2>, gemm_rows<f32x4, 1, 2>, gemm_row_pair<f32x4, 2>,
    96, 16};
#else
const GemmKernel kKernel = {
    4, 8, 4, 512, gemm_panels<f32x4, 4, 2>, gemm_rows<f32x4, 4, 2>, gemm_rows<f32x4, 1, 2>, gemm_row_pair<f32x4, 2>};
#endif
#endif

}  // namespace

#if !defined(__x86_64__)
const GemmKernel& gemm_kernel() { return kKernel; }
#endif

int64_t gemm_alone_scratch(int64_t m, int64_t n, int64_t k) { return thread_scratch(m, n, k, false, gemm_kernel()); }

void gemm_alone(const Gemm& g, float* scratch) { run_range(g, gemm_kernel(), {0, g.m}, {0, g.n}, scratch); }

int64_t gemm_scratch(int64_t m, int64_t n, int64_t k, bool packed) {
  return thread_scratch(m, n, k, packed, gemm_kernel()) * thread_count();
}

void gemm(const Gemm& g, float* scratch) {
  if (g.m <= 0 || g.n <= 0) return;
  if (g.k <= 0) return run_empty(g);
  if (gemm_is_small(g)) return gemm_small(g);
  const GemmKernel& kernel = gemm_kernel();
  const bool by_columns = shares_columns(g.m, g.n, g.k, g.b.packed);
  const int64_t mine = thread_scratch(g.m, g.n, g.k, g.b.packed, kernel);
  const int64_t size = by_columns ? g.n : g.m, unit = by_columns ? kernel.columns : RowsOfA(g, kernel).tile;
  const int64_t panels = divide_up(size, unit);
  // Few pieces, as each packs what is not packed, and each of 100 kflop, some microseconds.
  const double worth = 2.0 * double(g.m) * double(g.n) * double(g.k) / 100e3;
  int64_t pieces = smaller(2 * thread_count(), panels);
  if (worth < double(pieces)) pieces = worth < 1 ? 1 : int64_t(worth);
  parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
    float* own = scratch + mine * thread_index();
    const Range some{begin * panels / pieces * unit, smaller(end * panels / pieces * unit, size)};
    run_range(g, kernel, by_columns ? Range{0, g.m} : some, by_columns ? some : Range{0, g.n}, own);
  });
}

int64_t gemm_together_scratch(int64_t m, int64_t n, int64_t k, bool packed) {
  return gemm_scratch(m, n, k, packed) + rows_for_all(m, n, k, packed);
}

void gemm_together(const Gemm& g, float* scratch) {
  Gemm all = g;
  const int64_t rows = rows_for_all(g.m, g.n, g.k, g.b.packed);
  if (rows && !gemm_is_small(g) && !RowsOfA(g, gemm_kernel()).direct) {
    gemm_pack(g.a, gemm_kernel().rows, g.m, g.k, scratch);
    all.a = {};
    all.a.packed = scratch;
  }
  gemm(all, scratch + rows);
}

int64_t gemm_packed_size(int64_t count, int64_t k, int width) { return round_up(count, width) * k; }

void gemm_pack(const GemmSide& side, int width, int64_t count, int64_t k, float* out) {
  parallel_for((count + width - 1) / width, 1 + 16384 / (k * width + 1), [&](int64_t begin, int64_t end) {
    const int64_t last = smaller(end * width, count);
    float* to = out + begin * width * k;
    if (side.pack)
      side.pack(side.source, width, begin * width, last, 0, k, to);
    else
      pack_matrix(side, width, begin * width, last, 0, k, to);
  });
}

namespace {

// One panel whose elements lie side by side in memory.
void pack_contiguous(const float* from, int64_t k_stride, int width, int64_t k, float* out) {
  for (; k > 0; --k, from += k_stride, out += width) {
    int i = 0;
    for (; i + 4 <= width; i += 4) f32x4::load(from + i).store(out + i);
    for (; i < width; ++i) out[i] = from[i];
  }
}

}  // namespace

void pack_matrix(const GemmSide& side, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end,
                 float* out) {
  const int64_t k = k_end - k_begin;
  for (int64_t i = begin; i < end; i += width, out += width * k) {
    const float* from = side.data + i * side.stride + k_begin * side.k_stride;
    const int64_t valid = smaller(width, end - i);
    if (valid < width) std::memset(out, 0, width * k * sizeof(float));
    if (side.stride == 1 && valid == width) {
      pack_contiguous(from, side.k_stride, width, k, out);
      continue;
    }
    int64_t r = 0;
    if (side.k_stride == 1)
      for (; r + 4 <= valid; r += 4) {
        const float* row = from + r * side.stride;
        pack_four_rows(row, row + side.stride, row + 2 * side.stride, row + 3 * side.stride, width, k, out + r);
      }
    for (; r < valid; ++r) pack_strided(from + r * side.stride, side.k_stride, width, k, out + r);
  }
}

void gemm_plain(const Gemm& g) {
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t j = 0; j < g.n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < g.k; ++p)
        sum +=
            double(g.a.data[i * g.a.stride + p * g.a.k_stride]) * double(g.b.data[j * g.b.stride + p * g.b.k_stride]);
      float& c = g.c[i * g.c_stride + j];
      if (g.column_scale) sum *= g.column_scale[j];
      sum += (g.row_bias ? g.row_bias[i] : 0) + (g.column_bias ? g.column_bias[j] : 0) +
             (g.add ? g.add[i * g.c_stride + j] : 0);
      c = float(sum < g.low ? g.low : sum > g.high ? g.high : sum);
    }
}

}  // namespace pf
