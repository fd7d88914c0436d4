// SPDX-License-Identifier: Apache-2.0
// The micro kernel of quantized products, written once over a vector type V of int32 sums (load, splat, dot, store,
// finish, kLanes). No include guard on purpose: int8_gemm_x86.cc includes it once per instruction set, inside a
// namespace and a target region of its own.

// `tiles` tiles of kRows rows of A, a panel each, by the same kVectors vectors of columns of B, for `units` units of 32
// bits along k. kOne: only the first row of a panel is one.
template <class V, int kRows, int kVectors, bool kOne, bool kSigned>
PF_INLINE void int8_tiles(int64_t units, int64_t tiles, const int32_t* a, const int32_t* panel,
                          const int32_t* row_start, const int32_t* start, const ::pf::Int8Store& to) {
  constexpr int kTaken = kOne ? 1 : kRows;
  const typename V::Finish finish(*to.requantize);
  uint8_t* y = to.y;
  int32_t* sums = to.sums;
  for (; tiles > 0; --tiles, row_start += kRows, y += kRows * to.stride) {
    V sum[kTaken][kVectors];
    PF_UNROLL
    for (int i = 0; i < kTaken; ++i) {
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) {
        sum[i][j] = V::load(start + j * V::kLanes);
        if (V::kRowStarts) sum[i][j] = sum[i][j] + V::splat(row_start + i);
      }
    }
    const int32_t* b = panel;
    for (int64_t left = units; left > 0; --left, a += kRows, b += kVectors * V::kLanes) {
      V column[kVectors];
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) column[j] = V::load(b + j * V::kLanes);
      PF_UNROLL
      for (int i = 0; i < kTaken; ++i) {
        const V row = V::splat(a + i);
        PF_UNROLL
        for (int j = 0; j < kVectors; ++j) sum[i][j] = V::dot(row, column[j], sum[i][j]);
        // A fence keeps the compiler from hoisting more loads than there are registers for.
        asm volatile("" ::: "memory");
      }
    }
    if (sums) {
      PF_UNROLL
      for (int i = 0; i < kTaken; ++i) {
        PF_UNROLL
        for (int j = 0; j < kVectors; ++j, sums += V::kLanes) sum[i][j].store(sums);
      }
    } else {
      V::template finish<kTaken, kVectors, kSigned>(sum, finish, y, to.stride);
    }
  }
}

template <class V, int kRows, int kVectors, bool kOne>
void int8_run(int64_t units, int64_t tiles, const int32_t* a, const int32_t* b, const int32_t* row_start,
              const int32_t* start, const ::pf::Int8Store& to) {
  if (to.requantize->sign)
    int8_tiles<V, kRows, kVectors, kOne, true>(units, tiles, a, b, row_start, start, to);
  else
    int8_tiles<V, kRows, kVectors, kOne, false>(units, tiles, a, b, row_start, start, to);
}
