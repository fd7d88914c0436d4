// SPDX-License-Identifier: Apache-2.0
// Y = requantize(bias + (A - zero of A) * (W - zero of W)) for rows of bytes A and of weights W, the product under
// quantized convolutions and fully connected layers.
//
// Both sides are packed into panels of units of 32 bits along k: pairs of int16 with the zero points taken off, or,
// where a kernel multiplies unsigned bytes by signed ones exactly, four bytes. Weights are packed once, with the bias
// and what the zero points add to it; rows of A are packed in blocks as they are used. Requantization happens as a tile
// leaves the registers.
#pragma once

#include "math/int8.h"

namespace pf {

struct FloatRequantize;

// Where tiles go: one as int32 to `sums`, or any number of them, below each other, as bytes to y.
struct Int8Store {
  int32_t* sums;
  uint8_t* y;
  int64_t stride;
  const FloatRequantize* requantize;
};

using Int8Run = void (*)(int64_t units, int64_t tiles, const int32_t* a, const int32_t* b, const int32_t* row_start,
                         const int32_t* start, const Int8Store& to);

struct Int8Kernel {
  int rows, columns;  // of a tile
  int unit;           // elements of k in a unit: 2 int16 or 4 bytes
  // Sums begin as start[column], with 4 bytes to a unit + row_start[row]. `row` takes the first row of each panel only.
  Int8Run run, row;
};

// The kernel for this machine; the same one for the whole life of the process.
const Int8Kernel& int8_kernel();
// All that work here, for tests; null after the last.
const Int8Kernel* int8_kernel_at(int i);

// Rows [n] of k weights, with what is added to their sums.
struct Int8Side {
  int64_t n, k;
  const uint8_t* w;
  const int32_t* bias;  // may be null
  int32_t x_zero, w_zero;
};
int64_t int8_packed_size(const Int8Kernel& kernel, int64_t n, int64_t k);
void int8_pack(const Int8Kernel& kernel, const Int8Side& side, int32_t* packed);

// Where rows [i, i + count) of A are: there are 16 bytes behind each. They may be brought to room, room + room_step,
// ...
using Int8Rows = void (*)(const void* source, int64_t i, int64_t count, uint8_t* room, int64_t room_step,
                          const uint8_t** rows);

struct Int8Gemm {
  int64_t m, n, k;
  Int8Rows rows;
  const void* source;
  int32_t x_zero, w_zero;
  const int32_t* packed;
  const Requantize* exact;
  const FloatRequantize* fast;  // used if it is exact
  uint8_t* y;
  int64_t y_stride;
};
// int32s of scratch for all threads together.
int64_t int8_gemm_scratch(const Int8Kernel& kernel, int64_t k);
void int8_gemm(const Int8Kernel& kernel, const Int8Gemm& g, int32_t* scratch);

}  // namespace pf
