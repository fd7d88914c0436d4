// SPDX-License-Identifier: Apache-2.0
#include "math/int8_gemm.h"

#include <cstring>

#include "core/parallel.h"
#include "math/int8_vector.h"
#include "math/integers.h"

namespace pf {
#include "math/int8_kernel.h"
namespace {

constexpr int64_t kRowBlock = 64;  // rows of A packed at a time, a multiple of every kernel's rows
constexpr int kMaxTile = 8 * 64;

int64_t units_of(const Int8Kernel& kernel, int64_t k) { return (k + kernel.unit - 1) / kernel.unit; }

// Bytes that a row may be gathered to, with those that are copied and read behind it.
int64_t row_room(int64_t k) { return round_up(k + 16, 16); }

// What one thread has: a packed block of rows, what their sums begin with, sums and elements of one panel, and room for
// rows that are gathered.
struct Int8Scratch {
  int32_t *panel, *row_start, *sums;
  uint8_t *elements, *row;
  int64_t total;
  Int8Scratch(const Int8Kernel& kernel, int64_t k, int32_t* block) {
    const int64_t panel_size = kRowBlock * units_of(kernel, k);
    const int64_t tile = kRowBlock * kernel.columns;
    panel = block, row_start = block + panel_size, sums = row_start + kRowBlock;
    elements = reinterpret_cast<uint8_t*>(sums + tile), row = elements + tile;
    total = round_up(panel_size + kRowBlock + tile + (tile + kernel.rows * row_room(k)) / 4, 16);
  }
};

// Four units of a row from p on.
PF_INLINE f32x4 load_units(const uint8_t* p, int unit, i16x8 zero) {
  if (unit == 4) return f32x4::load(reinterpret_cast<const float*>(p));
  return {(RawF32x4)(i16x8::load_u8(p) - zero).v};
}

// Four rows of k bytes become columns of units, `width` apart. Up to 15 bytes behind a row are read: they meet weights
// of 0, in the last unit.
template <int kUnit>
void pack_rows(const uint8_t* const* rows, int64_t k, int32_t zero, int width, int32_t* out) {
  const i16x8 zeros = i16x8::splat(int16_t(zero));
  for (int64_t p = 0; p < k; p += 4 * kUnit, out += 4 * width) {
    f32x4 units[4];
    PF_UNROLL
    for (int i = 0; i < 4; ++i) units[i] = load_units(rows[i] + p, kUnit, zeros);
    transpose(units[0], units[1], units[2], units[3]);
    const int64_t left = (k - p + kUnit - 1) / kUnit;
    PF_UNROLL
    for (int i = 0; i < 4; ++i)
      if (i < left) bits(units[i]).store(out + i * width);
  }
}

int32_t sum_of(const uint8_t* p, int64_t k) {
  int32_t sum = 0;
  for (int64_t i = 0; i < k; ++i) sum += p[i];
  return sum;
}

// Rows [begin, end) of A; the last stands in for those beyond.
void pack_block(const Int8Kernel& kernel, const Int8Gemm& g, int64_t begin, int64_t end, const Int8Scratch& to) {
  const int64_t units = units_of(kernel, g.k);
  // Bytes of weights are packed as w - 128: what their zero point is off that is taken off by the sum of the row.
  const int32_t off = kernel.unit == 4 ? g.w_zero - 128 : 0;
  for (int64_t i = begin; i < end; i += kernel.rows) {
    const uint8_t* rows[16];
    const int64_t count = smaller(kernel.rows, end - i);
    g.rows(g.source, i, count, to.row, row_room(g.k), rows);
    for (int64_t r = count; r < kernel.rows; ++r) rows[r] = rows[r - 1];
    for (int r = 0; off && r < kernel.rows; ++r) to.row_start[i - begin + r] = -off * sum_of(rows[r], g.k);
    for (int r = 0; !off && r < kernel.rows; ++r) to.row_start[i - begin + r] = 0;
    int32_t* const panel = to.panel + (i - begin) * units;
    for (int r = 0; r < kernel.rows; r += 4) {
      if (kernel.unit == 4)
        pack_rows<4>(rows + r, g.k, g.x_zero, kernel.rows, panel + r);
      else
        pack_rows<2>(rows + r, g.k, g.x_zero, kernel.rows, panel + r);
    }
  }
}

// A few bytes: a call of memcpy would take longer than all else that is done for them.
void copy_row(uint8_t* to, const uint8_t* from, int64_t n) {
  for (; n >= 8; n -= 8, to += 8, from += 8) std::memcpy(to, from, 8);
  for (; n > 0; --n) *to++ = *from++;
}

// A tile over the edge of Y, or one that only the exact way requantizes.
void run_beside(const Int8Kernel& kernel, const Int8Gemm& g, int64_t units, const int32_t* a, const int32_t* b,
                const int32_t* row_start, const int32_t* start, int64_t rows, int64_t columns, uint8_t* y) {
  const auto run = rows == 1 ? kernel.row : kernel.run;
  uint8_t tile[kMaxTile];
  if (g.fast->exact) {
    run(units, 1, a, b, row_start, start, {nullptr, tile, kernel.columns, g.fast});
  } else {
    int32_t sums[kMaxTile];
    run(units, 1, a, b, row_start, start, {sums, nullptr, 0, g.fast});
    (*g.exact)(sums, rows* kernel.columns, tile);
  }
  for (int64_t i = 0; i < rows; ++i) copy_row(y + i * g.y_stride, tile + i * kernel.columns, columns);
}

// Rows [begin, end) by panels [first, last) of columns.
void run_range(const Int8Kernel& kernel, const Int8Gemm& g, int64_t begin, int64_t end, int64_t first, int64_t last,
               int32_t* scratch) {
  const Int8Scratch own(kernel, g.k, scratch);
  const int64_t units = units_of(kernel, g.k), width = kernel.columns;
  const int32_t* const starts = g.packed + round_up(g.n, width) * units;
  for (int64_t block = begin; block < end; block += kRowBlock) {
    const int64_t block_end = smaller(block + kRowBlock, end);
    pack_block(kernel, g, block, block_end, own);
    for (int64_t j = first * width; j < smaller(last * width, g.n); j += width) {
      const int32_t* const b = g.packed + j * units;
      const int64_t columns = smaller(width, g.n - j);
      int64_t i = block;
      if (columns == width) {
        const int64_t tiles = (block_end - block) / kernel.rows, rows = tiles * kernel.rows;
        uint8_t* const y = g.y + block * g.y_stride + j;
        const bool fast = g.fast->exact;
        kernel.run(units, tiles, own.panel, b, own.row_start, starts + j,
                   {fast ? nullptr : own.sums, y, g.y_stride, g.fast});
        if (!fast) {
          (*g.exact)(own.sums, rows* width, own.elements);
          for (int64_t r = 0; r < rows; ++r) copy_row(y + r * g.y_stride, own.elements + r * width, width);
        }
        i += rows;
      }
      for (; i < block_end; i += kernel.rows)
        run_beside(kernel, g, units, own.panel + (i - block) * units, b, own.row_start + (i - block), starts + j,
                   smaller(kernel.rows, block_end - i), columns, g.y + i * g.y_stride + j);
    }
  }
}

int32_t wrapped(int64_t v) { return int32_t(uint32_t(uint64_t(v))); }

}  // namespace

int64_t int8_packed_size(const Int8Kernel& kernel, int64_t n, int64_t k) {
  return round_up(n, kernel.columns) * (units_of(kernel, k) + 1);
}

void int8_pack(const Int8Kernel& kernel, const Int8Side& side, int32_t* packed) {
  const int64_t units = units_of(kernel, side.k), width = kernel.columns, whole = round_up(side.n, width);
  std::memset(packed, 0, size_t(whole * (units + 1)) * sizeof *packed);
  const int32_t zero = kernel.unit == 4 ? 128 : side.w_zero;
  for (int64_t j = 0; j < side.n; ++j) {
    const uint8_t* const w = side.w + j * side.k;
    int32_t* const to = packed + j / width * width * units + j % width;
    int64_t sum = 0;
    for (int64_t p = 0; p < side.k; ++p) {
      const int32_t v = w[p] - zero;
      sum += v;
      char* const unit = reinterpret_cast<char*>(to + p / kernel.unit * width);
      const auto byte = static_cast<int8_t>(v);
      const auto half = static_cast<int16_t>(v);
      if (kernel.unit == 4)
        std::memcpy(unit + p % 4, &byte, 1);
      else
        std::memcpy(unit + p % 2 * 2, &half, 2);
    }
    // Of unsigned bytes the zero point is still on.
    const int64_t bytes_only = kernel.unit == 4 ? side.x_zero * ((side.w_zero - 128) * side.k - sum) : 0;
    packed[whole * units + j] = wrapped((side.bias ? side.bias[j] : 0) + bytes_only);
  }
}

int64_t int8_gemm_scratch(const Int8Kernel& kernel, int64_t k) {
  return Int8Scratch(kernel, k, nullptr).total * thread_count();
}

void int8_gemm(const Int8Kernel& kernel, const Int8Gemm& g, int32_t* scratch) {
  if (g.m <= 0 || g.n <= 0) return;
  const int64_t mine = Int8Scratch(kernel, g.k, nullptr).total;
  const int64_t row_panels = round_up(g.m, kernel.rows) / kernel.rows,
                column_panels = round_up(g.n, kernel.columns) / kernel.columns;
  const int64_t pieces = 2 * thread_count();
  const bool by_rows = row_panels >= 2 * pieces;
  const int64_t panels = by_rows ? row_panels : column_panels;
  const int64_t work = g.m * g.n * g.k / panels + 1;  // of one panel; 256 thousand are some microseconds
  int64_t grain = (panels + pieces - 1) / pieces;
  if (grain * work < 262144) grain = smaller(panels, 262144 / work + 1);
  parallel_for(panels, grain, [&](int64_t begin, int64_t end) {
    int32_t* const own = scratch + mine * thread_index();
    if (by_rows)
      run_range(kernel, g, begin * kernel.rows, smaller(end * kernel.rows, g.m), 0, column_panels, own);
    else
      run_range(kernel, g, 0, g.m, begin, end, own);
  });
}

#if !defined(__x86_64__)
namespace {

const Int8Kernel kPairs = {4, 8, 2, int8_run<Int8Sums, 4, 2, false>, int8_run<Int8Sums, 4, 2, true>};

#if defined(__wasm_relaxed_simd__)
// The relaxed product of bytes promises what we need only for 7 bits of the row. With 8 engines differ: some take them
// as unsigned and add up exactly (x86 with VNNI), others saturate or take them as signed. Which, is for ever the same.
struct ByteSums : Int8Sums {
  static constexpr bool kRowStarts = true;
  static PF_INLINE ByteSums load(const int32_t* p) { return {Int8Sums::load(p)}; }
  static PF_INLINE ByteSums splat(const int32_t* p) { return {Int8Sums::splat(p)}; }
  static PF_INLINE ByteSums dot(ByteSums row, ByteSums column, ByteSums sum) {
    const v128_t added = wasm_i32x4_relaxed_dot_i8x16_i7x16_add((v128_t)column.v.v, (v128_t)row.v.v, (v128_t)sum.v.v);
    return {Int8Sums{i32x4{(RawI32x4)added}}};
  }
  template <int kRows, int kVectors, bool kSigned>
  static PF_INLINE void finish(const ByteSums (&sums)[kRows][kVectors], const Finish& r, uint8_t* y, int64_t stride) {
    Int8Sums plain[kRows][kVectors];
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) plain[i][j] = sums[i][j];
    }
    Int8Sums::finish<kRows, kVectors, kSigned>(plain, r, y, stride);
  }
};
PF_INLINE ByteSums operator+(ByteSums a, ByteSums b) { return {Int8Sums{a.v + b.v}}; }

const Int8Kernel kBytes = {4, 8, 4, int8_run<ByteSums, 4, 2, false>, int8_run<ByteSums, 4, 2, true>};

// Whether bytes at their bounds come out right: 4 products of each column by each row.
bool bytes_are_exact() {
  // Volatile: it is the engine that is asked, not the compiler.
  static volatile uint32_t columns[] = {0x7f7f7f7fu, 0x80808080u, 0x7f80017fu}, rows[] = {0xffffffffu, 0xff80ff01u};
  for (const auto& column : columns)
    for (const auto& row : rows) {
      const uint32_t w = column, x = row;
      int32_t wanted = 1000;
      for (int i = 0; i < 32; i += 8) wanted += int32_t(int8_t(w >> i)) * int32_t(uint8_t(x >> i));
      const ByteSums none{Int8Sums{i32x4::splat(1000)}}, a{Int8Sums{i32x4::splat(int32_t(x))}},
          b{Int8Sums{i32x4::splat(int32_t(w))}};
      if (ByteSums::dot(a, b, none).v.lane(0) != wanted) return false;
    }
  return true;
}
#endif

}  // namespace

const Int8Kernel* int8_kernel_at(int i) {
#if defined(__wasm_relaxed_simd__)
  static const bool bytes = bytes_are_exact();
  if (bytes && i-- == 0) return &kBytes;
#endif
  return i == 0 ? &kPairs : nullptr;
}
const Int8Kernel& int8_kernel() { return *int8_kernel_at(0); }
#endif

}  // namespace pf
