// SPDX-License-Identifier: Apache-2.0
// The micro kernel, written once over a vector type V (load, load_splat, splat, store, madd, min, max, kLanes).
// No include guard on purpose: gemm_x86.cc includes it once per instruction set, inside a namespace and a target
// region of its own.

// Accumulators, kVectors vectors of B and one splat of A must fit the registers; a fence after each row keeps the
// compiler from hoisting more loads than that.
template <class V, int kRows, int kVectors>
void gemm_tile(int64_t k, const float* a, const float* b, const ::pf::TileStore& store) {
  V sum[kRows][kVectors];
  PF_UNROLL
  for (int i = 0; i < kRows; ++i) {
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) sum[i][j] = V::zero();
  }
  for (; k > 0; --k, a += kRows, b += kVectors * V::kLanes) {
    V column[kVectors];
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) column[j] = V::load(b + j * V::kLanes);
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const V row = V::load_splat(a + i);
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) sum[i][j] = madd(row, column[j], sum[i][j]);
      asm volatile("" ::: "memory");
    }
  }
  const V alpha = V::splat(store.alpha), low = V::splat(store.low), high = V::splat(store.high);
  PF_UNROLL
  for (int i = 0; i < kRows; ++i) {
    float* c = store.c + i * store.stride;
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) {
      V x = sum[i][j] * alpha;
      if (store.accumulate) x = x + V::load(c + j * V::kLanes);
      if (store.finish) {
        x = x + V::load_splat(store.row_bias + i) + V::load(store.column_bias + j * V::kLanes);
        x = min(max(x, low), high);
      }
      x.store(c + j * V::kLanes);
    }
  }
}
