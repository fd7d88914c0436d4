// SPDX-License-Identifier: Apache-2.0
// The micro kernel of quantized products, written once over a vector type V of int32 sums (load, splat, dot, store,
// finish, kLanes). No include guard on purpose: int8_gemm_x86.cc includes it once per instruction set, inside a
// namespace and a target region of its own.

// kRows rows of A by kVectors vectors of columns of B, for `units` units of 32 bits along k.
template <class V, int kRows, int kVectors>
PF_INLINE void int8_tile(int64_t units, int step, const int32_t* a, const int32_t* b, const int32_t* row_start,
                         const int32_t* start, const ::pf::Int8Store& to) {
  V sum[kRows][kVectors];
  PF_UNROLL
  for (int i = 0; i < kRows; ++i) {
    const V first = V::splat(row_start + i);
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) sum[i][j] = first + V::load(start + j * V::kLanes);
  }
  for (; units > 0; --units, a += step, b += kVectors * V::kLanes) {
    V column[kVectors];
    PF_UNROLL
    for (int j = 0; j < kVectors; ++j) column[j] = V::load(b + j * V::kLanes);
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const V row = V::splat(a + i);
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) sum[i][j] = V::dot(row, column[j], sum[i][j]);
      // A fence keeps the compiler from hoisting more loads than there are registers for.
      asm volatile("" ::: "memory");
    }
  }
  if (to.sums) {
    PF_UNROLL
    for (int i = 0; i < kRows; ++i) {
      PF_UNROLL
      for (int j = 0; j < kVectors; ++j) sum[i][j].store(to.sums + (i * kVectors + j) * V::kLanes);
    }
    return;
  }
  const typename V::Finish finish(*to.requantize);
  PF_UNROLL
  for (int i = 0; i < kRows; ++i) V::template finish<kVectors>(sum[i], finish, to.y + i * to.stride);
}

template <class V, int kRows, int kVectors>
void int8_rows(int64_t units, const int32_t* a, const int32_t* b, const int32_t* row_start, const int32_t* start,
               const ::pf::Int8Store& to) {
  int8_tile<V, kRows, kVectors>(units, kRows, a, b, row_start, start, to);
}

// The first row only of a panel of kRows.
template <class V, int kRows, int kVectors>
void int8_row(int64_t units, const int32_t* a, const int32_t* b, const int32_t* row_start, const int32_t* start,
              const ::pf::Int8Store& to) {
  int8_tile<V, 1, kVectors>(units, kRows, a, b, row_start, start, to);
}
