// SPDX-License-Identifier: Apache-2.0
// Matrices of rows by channels on CUDA: sums over the rows, and formulas with coefficients for each channel. Threads
// keep to their channels, read 16 bytes at a time, and loop over rows.
#pragma once
#include "device/forms.h"

namespace pf::columns {

constexpr int kThreads = 256;
constexpr int kBlocksWanted = 132 * 6;

// V neighbouring elements of type T, moved as one word.
template <class T, int V>
struct alignas(sizeof(T) * V) Pack {
  T v[V];
};
PF_FN float to_float(float x) { return x; }
__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline void set(float& to, float x) { to = x; }
__device__ inline void set(__half& to, float x) { to = __float2half(x); }

template <class T>
constexpr int kWidest = 16 / sizeof(T);

// How threads and blocks share a matrix: x goes along channels, y along rows.
struct Grid {
  dim3 blocks, threads;
  int64_t rows_per_block;
};
inline Grid grid_of(int64_t rows, int64_t channels, int width) {
  const int64_t packs = channels / width;
  unsigned x = 1;
  while (x < 64 && x < packs) x *= 2;
  const unsigned y = kThreads / x;
  const int64_t across = (packs + x - 1) / x;
  int64_t down = kBlocksWanted / across + 1;
  if (const int64_t most = (rows + 4 * y - 1) / (4 * y); down > most) down = most;
  if (down < 1) down = 1;
  const int64_t share = (rows + down - 1) / down;
  down = share ? (rows + share - 1) / share : 1;
  return {dim3(unsigned(down < 1 ? 1 : down), unsigned(across)), dim3(x, y), share};
}

// Calls body(row, loaded) for a thread's rows. Several rows are loaded before the first is used: what limits these
// kernels is how much memory is on its way at a time. More than that only takes registers from other blocks.
template <class At, class Body>
__device__ void each_loaded_row(const At& at, int64_t begin, int64_t end, Body body) {
  constexpr int kAhead = sizeof(typename At::Loaded) > 32 ? 2 : 4;
  const int64_t step = blockDim.y;
  int64_t row = begin + threadIdx.y;
  for (; row + (kAhead - 1) * step < end; row += kAhead * step) {
    typename At::Loaded in[kAhead];
#pragma unroll
    for (int u = 0; u < kAhead; ++u) in[u] = at.load(row + u * step);
#pragma unroll
    for (int u = 0; u < kAhead; ++u) body(row + u * step, in[u]);
  }
  for (; row < end; row += step) body(row, at.load(row));
}

// partial[block][k][channel] = sum over the block's rows of what f.template at<V>(channel) adds for each, by
// add(row, load(row), sums) with float sums[K][V].
template <int V, int K, class F>
__global__ void __launch_bounds__(kThreads)
    partial_sums(int64_t rows, int64_t channels, int64_t share, F f, float* partial) {
  const int64_t first = (int64_t(blockIdx.y) * blockDim.x + threadIdx.x) * V;
  const int64_t begin = int64_t(blockIdx.x) * share;
  const int64_t end = begin + share < rows ? begin + share : rows;
  float sums[K][V] = {};
  if (first < channels) {
    const auto local = f.template at<V>(first);
    each_loaded_row(local, begin, end, [&](int64_t row, const auto& in) { local.add(row, in, sums); });
  }
  __shared__ float shared[kThreads * V];
  for (int k = 0; k < K; ++k) {
    __syncthreads();
    for (int v = 0; v < V; ++v) shared[(threadIdx.y * V + v) * blockDim.x + threadIdx.x] = sums[k][v];
    for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
      __syncthreads();
      if (threadIdx.y < half)
        for (int v = 0; v < V; ++v)
          shared[(threadIdx.y * V + v) * blockDim.x + threadIdx.x] +=
              shared[((threadIdx.y + half) * V + v) * blockDim.x + threadIdx.x];
    }
    if (threadIdx.y == 0 && first < channels)
      for (int v = 0; v < V; ++v)
        partial[(int64_t(blockIdx.x) * K + k) * channels + first + v] = shared[v * blockDim.x + threadIdx.x];
  }
}

// f(channel, sums) with the K sums over all partial ones.
template <int K, class F>
__global__ void __launch_bounds__(1024) finish_sums(int64_t blocks, int64_t channels, const float* partial, F f) {
  __shared__ double shared[K][32][33];
  const int64_t channel = int64_t(blockIdx.x) * 32 + threadIdx.x;
  double sums[K] = {};
  if (channel < channels)
    for (int64_t b = threadIdx.y; b < blocks; b += 32)
      for (int k = 0; k < K; ++k) sums[k] += partial[(b * K + k) * channels + channel];
  for (int k = 0; k < K; ++k) shared[k][threadIdx.y][threadIdx.x] = sums[k];
  __syncthreads();
  if (threadIdx.y != 0 || channel >= channels) return;
  for (int k = 0; k < K; ++k) {
    double sum = 0;
    for (int y = 0; y < 32; ++y) sum += shared[k][y][threadIdx.x];
    sums[k] = sum;
  }
  f(channel, sums);
}

// Sums K numbers over the rows for each channel and gives them to `done(channel, sums)` as doubles.
template <int V, int K, class F, class Done>
Status sum_rows(OpRun& op, int64_t rows, int64_t channels, F f, Done done) {
  if (!channels) return {};
  const Grid g = grid_of(rows, channels, V);
  float* partial;
  PF_TRY(op.scratch(int64_t(g.blocks.x) * K * channels, &partial));
  const cudaStream_t queue = device_of(op).queue();
  partial_sums<V, K><<<g.blocks, g.threads, 0, queue>>>(rows, channels, g.rows_per_block, f, partial);
  finish_sums<K><<<unsigned((channels + 31) / 32), dim3(32, 32), 0, queue>>>(g.blocks.x, channels, partial, done);
  return {};
}

// f.template at<V>(channel) and then apply(row, load(row)) for every row.
template <int V, class F>
__global__ void __launch_bounds__(kThreads) map_rows_kernel(int64_t rows, int64_t channels, int64_t share, F f) {
  const int64_t first = (int64_t(blockIdx.y) * blockDim.x + threadIdx.x) * V;
  if (first >= channels) return;
  // From the end: what the sums have read last may still be in the cache.
  const int64_t begin = int64_t(gridDim.x - 1 - blockIdx.x) * share;
  const int64_t end = begin + share < rows ? begin + share : rows;
  const auto local = f.template at<V>(first);
  each_loaded_row(local, begin, end, [&](int64_t row, const auto& in) { local.apply(row, in); });
}
template <int V, class F>
void map_rows(OpRun& op, int64_t rows, int64_t channels, F f) {
  if (!rows || !channels) return;
  const Grid g = grid_of(rows, channels, V);
  map_rows_kernel<V><<<g.blocks, g.threads, 0, device_of(op).queue()>>>(rows, channels, g.rows_per_block, f);
}

// body(std::integral_constant<int, V>) with the widest V that divides the channels.
template <class T, class Body>
Status with_width(int64_t channels, Body body) {
  if (channels % kWidest<T> == 0) return body(std::integral_constant<int, kWidest<T>>());
  return body(std::integral_constant<int, 1>());
}

// Column sums: out[c] = factor * sum of x[row][c].
template <class T>
struct Columns {
  const T* x;
  int64_t channels;
  template <int V>
  struct At {
    const T* x;
    int64_t channels;
    using Loaded = Pack<T, V>;
    __device__ Loaded load(int64_t row) const { return *reinterpret_cast<const Loaded*>(x + row * channels); }
    __device__ void add(int64_t, const Loaded& p, float (*sums)[V]) const {
      for (int v = 0; v < V; ++v) sums[0][v] += to_float(p.v[v]);
    }
  };
  template <int V>
  __device__ At<V> at(int64_t channel) const {
    return {x + channel, channels};
  }
};
struct StoreSum {
  float* out;
  float factor;
  __device__ void operator()(int64_t channel, const double* sums) const { out[channel] = float(sums[0]) * factor; }
};
inline Status column_sums(OpRun& op, const View& x, int64_t rows, int64_t channels, float* out) {
  return with_element(x.form, [&](auto element) {
    using T = decltype(element);
    const Columns<T> columns{static_cast<const T*>(x.data), channels};
    return with_width<T>(channels, [&](auto width) {
      return sum_rows<width(), 1>(op, rows, channels, columns, StoreSum{out, x.factor()});
    });
  });
}

}  // namespace pf::columns
