// SPDX-License-Identifier: Apache-2.0
// What the registers allow, natively: running sums that load nothing, each `sum = sum * a + b` on vectors of 4, 8 and
// 16 floats. Prints GFLOP/s of each width that this processor has: {"sse":…,"avx2":…,"avx512":…}.
#include <chrono>
#include <cstdio>

namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

volatile float source = 0.5f;
volatile float sink;

// Enough sums to hide the latency of a multiply-add, few enough to stay in registers.
template <int kLanes, int kSums>
[[gnu::always_inline]] inline double measure() {
  typedef float Vector __attribute__((vector_size(4 * kLanes)));
  constexpr long kLoops = 2000000;
  const Vector a = Vector{} + source, b = Vector{} + source;
  Vector sums[kSums] = {};
  const double start = seconds();
  for (long i = 0; i < kLoops; ++i) {
#pragma GCC unroll 16
    for (int k = 0; k < kSums; ++k) {
      sums[k] = sums[k] * a + b;
      asm("" : "+x"(sums[k]));  // stays in its register, and is not summed up ahead
    }
  }
  const double time = seconds() - start;
  for (int k = 0; k < kSums; ++k) sink = sums[k][0];
  return 2.0 * kLanes * kSums * kLoops / time / 1e9;
}

double sse() { return measure<4, 12>(); }
[[gnu::target("avx2,fma")]] double avx2() { return measure<8, 12>(); }
[[gnu::target("avx512f")]] double avx512() { return measure<16, 14>(); }

template <class F>
double best(F f) {
  double most = 0;
  for (int i = 0; i < 5; ++i) {
    const double one = f();
    if (one > most) most = one;
  }
  return most;
}

}  // namespace

int main() {
  std::printf("{\"sse\":%.1f", best(sse));
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) std::printf(",\"avx2\":%.1f", best(avx2));
  if (__builtin_cpu_supports("avx512f")) std::printf(",\"avx512\":%.1f", best(avx512));
  std::printf("}\n");
}
