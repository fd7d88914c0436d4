// SPDX-License-Identifier: Apache-2.0
// Sums over rows of a matrix on CUDA, one block a row: softmax and what comes after it.
#pragma once
#include "device/forms.h"

namespace pf::rows {

constexpr int kThreads = 256;

struct Plus {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Larger {
  __device__ float operator()(float a, float b) const { return a < b ? b : a; }
};

// The values of all threads of a block joined; every thread gets the result.
template <class F>
__device__ float join(float value, F f) {
  __shared__ float shared[kThreads];
  __syncthreads();
  shared[threadIdx.x] = value;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x] = f(shared[threadIdx.x], shared[threadIdx.x + half]);
  }
  __syncthreads();
  return shared[0];
}

template <class F>
__global__ void __launch_bounds__(kThreads) each_row_kernel(int64_t count, F f) {
  for (int64_t row = blockIdx.x; row < count; row += gridDim.x) f(row);
}

// f(row) by all threads of a block together, for each of `count` rows.
template <class F>
void each_row(OpRun& op, int64_t count, F f) {
  constexpr int64_t kMostBlocks = 1 << 20;
  if (count)
    each_row_kernel<<<unsigned(count < kMostBlocks ? count : kMostBlocks), kThreads, 0, device_of(op).queue()>>>(count,
                                                                                                                 f);
}

}  // namespace pf::rows
