// SPDX-License-Identifier: Apache-2.0
// y = f(x) where f costs an exponential or more: four lanes at a time on the CPU, one element a thread on CUDA.
#pragma once
#include "core/op.h"
#include "math/vector_math.h"

namespace pf {

// F has `float operator()(float)` and either `f32x4 operator()(f32x4)` or `array(n, x, y)`, which does a whole array. y
// may be x.
template <class Device, class F>
void map_wide(OpRun& op, int64_t n, const float* x, float* y, F f) {
  constexpr int64_t kGrain = 4096;
  if constexpr (Device::kIsHost) {
    parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
      if constexpr (requires { F::array(n, x, y); })
        F::array(end - begin, x + begin, y + begin);
      else
        map_vectors(end - begin, x + begin, y + begin, f);
    });
  } else {
    Device::map(op, n, y, f, x);
  }
}

// y = f(a, b), in vectors also where the operator is compiled small. y may be a or b.
template <class Device, class F>
void map_wide(OpRun& op, int64_t n, const float* a, const float* b, float* y, F f) {
  constexpr int64_t kGrain = 16384;
  if constexpr (Device::kIsHost) {
    parallel_for(n, kGrain,
                 [=](int64_t begin, int64_t end) { map_vectors(end - begin, a + begin, b + begin, y + begin, f); });
  } else {
    Device::map(op, n, y, f, a, b);
  }
}

// The whole operator: input 0 to output 0.
template <class Device, class F>
Status map_wide(OpRun& op, F f) {
  const Tensor& x = op.in(0);
  map_wide<Device>(op, x.size(), x.data<float>(), op.out(0).data<float>(), f);
  return {};
}

}  // namespace pf
