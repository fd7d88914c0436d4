// SPDX-License-Identifier: Apache-2.0
// The micro kernels, written once over a vector type V (load, load_splat, splat, store, madd, min, max, kLanes).
// No include guard on purpose: wide_x86.cc includes it once per instruction set, inside a namespace and a target
// region of its own.

// The tile: accumulators, kVectors vectors of B and one splat of A must fit the registers.
template <class V, int kRows, int kVectors>
struct GemmTile {
  static constexpr int kWidth = kVectors * V::kLanes;
  V sum[kRows][kVectors];

  PF_INLINE GemmTile() {
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) sum[i][j] = V::zero();
    }
  }

  // One k: `element` tells where that of each row is. A fence after each row keeps the compiler from hoisting more
  // loads than there are registers for.
  template <class Element>
  PF_INLINE void step(Element element, const float* b) {
    V column[kVectors];
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) column[j] = V::load(b + j * V::kLanes);
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const V row = V::load_splat(element(i));
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) sum[i][j] = madd(row, column[j], sum[i][j]);
      asm volatile("" ::: "memory");
    }
  }

  PF_INLINE void row(int i, V element, const V* column) {
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) sum[i][j] = madd(element, column[j], sum[i][j]);
  }

  // One k of five packed rows, four of which are one vector: a splat from memory for each row would leave no register
  // for those of five, as some engines put all loads of a step before its sums. Others keep the order of the code,
  // which the compiler would make one column after the other, all splats at hand: row by row there is one splat at a
  // time.
  PF_INLINE void step_of_five(const float* a, const float* b) {
    static_assert(kVectors == 2);
    V column[kVectors];
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) column[j] = V::load(b + j * V::kLanes);
    V four = V::load(a);
    const auto end_of_row = [&](int i) { asm volatile("" : "+r"(four.v), "+r"(sum[i][0].v), "+r"(sum[i][1].v)); };
    row(4, V::load_splat(a + 4), column), end_of_row(4);
    row(0, ::pf::spread<0>(four), column), end_of_row(0);
    row(1, ::pf::spread<1>(four), column), end_of_row(1);
    row(2, ::pf::spread<2>(four), column), end_of_row(2);
    row(3, ::pf::spread<3>(four), column);
  }

  // What the sums start from is added here: loops whose sums begin with something else than zero are made slower by
  // some engines.
  PF_INLINE void store(const ::pf::TileStore& to) {
    if (to.column_scale) {
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) {
        const V scale = V::load(to.column_scale + j * V::kLanes);
        PF_UNROLL
        for (int i = 0; i < kRows; ++i) sum[i][j] = sum[i][j] * scale;
      }
    }
    if (to.start) {
      PF_UNROLL
      for (int i = 0; i < kRows; ++i) {
        PF_UNROLL
        for (int j = 0; j < kVectors; ++j) sum[i][j] = sum[i][j] + V::load(to.start + i * to.stride + j * V::kLanes);
      }
    }
    if (to.row_bias) {
      PF_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const V bias = V::load_splat(to.row_bias + i);
        PF_UNROLL
        for (int j = 0; j < kVectors; ++j) sum[i][j] = sum[i][j] + bias;
      }
    }
    const V low = V::splat(to.low), high = V::splat(to.high);
    V bias[kVectors];
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) bias[j] = V::load(to.column_bias + j * V::kLanes);
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      float* c = to.c + i * to.stride;
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) min(max(sum[i][j] + bias[j], low), high).store(c + j * V::kLanes);
    }
  }
};

// Steps of k for each time the pointers move. WebAssembly engines lose a third of the speed over the constant offsets
// of several steps, and some of it over a counter of k, so the loops end by where the panel of B does.
#if defined(__wasm__)
constexpr int kSteps = 1;
#else
constexpr int kSteps = 4;
#endif

// The next panel of B is fetched a little with each step: its first tile would have to wait for memory, which takes
// longer than that tile's sums. WebAssembly has no instruction for it; a load whose result nobody wants does it, and
// seldom waits, for the processor sees where such loads go and is ahead of them.
template <int kWidth>
struct Ahead {
  const float* at;
  ptrdiff_t step, left = kWidth;  // floats with each k
  PF_INLINE Ahead(const ::pf::TileStore& store, const float* panel, int64_t tiles)
      : at(store.next ? store.next : panel),
        step(store.next && tiles > 1 ? tiles < kWidth ? kWidth / ptrdiff_t(tiles) : 1 : 0) {}
  PF_INLINE void fetch() {
#if defined(__wasm__)
    (void)*static_cast<const volatile float*>(at);
#else
    __builtin_prefetch(at);
#endif
    at += step;
  }
  PF_INLINE void end_tile() {
    left -= step;
    if (left < step) step = 0;
  }
};

// Tiles one below the other, all against one panel of B: with a short k a call for each would cost as much as its sums.
template <class V, int kRows, int kVectors>
void gemm_panels(int64_t tiles, int64_t k, const float* a, int64_t a_step, const float* panel, ::pf::TileStore store) {
  Ahead<GemmTile<V, kRows, kVectors>::kWidth> ahead(store, panel, tiles);
  for (; tiles > 0; --tiles, a += a_step, store.down(kRows)) {
    GemmTile<V, kRows, kVectors> tile;
    const float *b = panel, *column = a;
    for (const float* const end = b + k * tile.kWidth; b < end; column += kRows, b += tile.kWidth) {
      ahead.fetch();
      if constexpr (kRows == 5)
        tile.step_of_five(column, b);
      else
        tile.step([column](int i) { return column + i; }, b);
    }
    ahead.end_tile();
    tile.store(store);
  }
}

template <class V, int kRows, int kVectors>
void gemm_rows(int64_t tiles, int64_t taps, int64_t k, const float* const* a, const float* panel,
               ::pf::TileStore store) {
  // Not where steps are single: beside the rows' pointers there is no register left for one more in some engines.
  Ahead<GemmTile<V, kRows, kVectors>::kWidth> ahead(store, panel, tiles);
  for (; tiles > 0; --tiles, store.down(kRows)) {
    GemmTile<V, kRows, kVectors> tile;
    const float* b = panel;
    for (int64_t tap = 0; tap < taps; ++tap, a += kRows) {
      const float* row[kRows];
      PF_UNROLL
      for (int i = 0; i < kRows; ++i) row[i] = a[i];
      const auto advance = [&row](int steps) {
        PF_UNROLL
        for (int i = 0; i < kRows; ++i) row[i] += steps;
      };
      const float* const end = b + k * tile.kWidth;
      if constexpr (kSteps > 1) {
        for (; end - b >= kSteps * tile.kWidth; advance(kSteps)) {
          PF_UNROLL
          for (int p = 0; p < kSteps; ++p, b += tile.kWidth) {
            ahead.fetch();
            tile.step([&row, p](int i) { return row[i] + p; }, b);
          }
        }
      }
      for (; b < end; advance(1), b += tile.kWidth) tile.step([&row](int i) { return row[i]; }, b);
    }
    ahead.end_tile();
    tile.store(store);
  }
}

// One row against two panels, `b_step` apart: side by side they come from memory in three quarters of the time, and the
// sums wait less for each other.
template <class V, int kVectors>
void gemm_row_pair(int64_t taps, int64_t k, const float* const* a, const float* b, int64_t b_step,
                   ::pf::TileStore store) {
  GemmTile<V, 1, 2 * kVectors> tile;
  constexpr int kWidth = kVectors * V::kLanes;
  for (; taps > 0; --taps, ++a) {
    const float* row = *a;
    for (const float* const end = b + k * kWidth; b < end; b += kWidth, ++row) {
      const V element = V::load_splat(row);
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) {
        V &first = tile.sum[0][j], &second = tile.sum[0][kVectors + j];
        first = madd(element, V::load(b + j * V::kLanes), first);
        second = madd(element, V::load(b + b_step + j * V::kLanes), second);
      }
    }
  }
  tile.store(store);
}
