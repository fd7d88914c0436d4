// SPDX-License-Identifier: Apache-2.0
// The verbs of device/cpu.h on CUDA. Only nvcc includes this file.
#pragma once
#include <cuda_runtime.h>

#include "core/op.h"

namespace pf {
namespace cuda {

constexpr int kThreads = 256;

template <class Y, class F, class... X>
__global__ void map_kernel(int64_t n, Y* y, F f, const X*... x) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x)
    y[i] = f(x[i]...);
}

template <class F>
__global__ void each_kernel(int64_t n, F f) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) f(i);
}

// Grid-stride loops: beyond this many blocks more of them only cost launches.
inline unsigned blocks(int64_t n) {
  constexpr int64_t kMostBlocks = 65536;
  int64_t wanted = (n + kThreads - 1) / kThreads;
  return unsigned(wanted < kMostBlocks ? wanted : kMostBlocks);
}

template <class T>
struct Constant {
  T value;
  PF_FN T operator()() const { return value; }
};

}  // namespace cuda

struct Cuda {
  static constexpr const char* kName = "cuda";
  static constexpr bool kIsHost = false;

  template <class Y, class F, class... X>
  static void map(OpRun& op, int64_t n, Y* y, F f, const X*... x) {
    if (n) cuda::map_kernel<<<cuda::blocks(n), cuda::kThreads, 0, stream(op)>>>(n, y, f, x...);
  }
  template <class F>
  static void each(OpRun& op, int64_t n, F f) {
    if (n) cuda::each_kernel<<<cuda::blocks(n), cuda::kThreads, 0, stream(op)>>>(n, f);
  }
  static void copy(OpRun& op, size_t bytes, void* to, const void* from) {
    if (bytes && to != from) cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream(op));
  }
  template <class T>
  static void fill(OpRun& op, int64_t n, T* y, T value) {
    map(op, n, y, cuda::Constant<T>{value});
  }

 private:
  static cudaStream_t stream(OpRun& op) { return static_cast<cudaStream_t>(op.stream); }
};

}  // namespace pf
