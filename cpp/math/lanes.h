// SPDX-License-Identifier: Apache-2.0
// One text for a step over several arrays at once: four lanes at a time on the CPU, one lane in the tail and on CUDA.
// The optimizers use it: they read and write three or four arrays, often in place, where a compiler gives up.
#pragma once

#include <cmath>

#include "core/op.h"
#include "core/simd.h"

namespace pf {

// One float under the interface of f32x4.
struct f32x1 {
  float v;
  static PF_FN f32x1 load(const float* p) { return {*p}; }
  static PF_FN f32x1 splat(float x) { return {x}; }
  PF_FN void store(float* p) const { *p = v; }
};
PF_FN f32x1 operator+(f32x1 a, f32x1 b) { return {a.v + b.v}; }
PF_FN f32x1 operator-(f32x1 a, f32x1 b) { return {a.v - b.v}; }
PF_FN f32x1 operator*(f32x1 a, f32x1 b) { return {a.v * b.v}; }
PF_FN f32x1 operator/(f32x1 a, f32x1 b) { return {a.v / b.v}; }
PF_FN f32x1 sqrt(f32x1 a) { return {std::sqrt(a.v)}; }

template <class F>
struct OneLane {
  F f;
  PF_FN void operator()(int64_t i) const { f.template step<f32x1>(i); }
};

// f.step<V>(i) for all i in [0, n), where V is f32x4 (elements i to i + 3) or f32x1. A step reads all it needs of its
// elements before it writes them, so that outputs may be inputs.
template <class Device, class F>
void each_lanes(OpRun& op, int64_t n, F f) {
  if constexpr (Device::kIsHost) {
    static_assert(Device::kGrain % 4 == 0);
    parallel_for(n, Device::kGrain, [=](int64_t begin, int64_t end) {
      const F local = f;  // its members stay in registers: nobody else has its address
      int64_t i = begin;
      for (; i + 4 <= end; i += 4) local.template step<f32x4>(i);
      for (; i < end; ++i) local.template step<f32x1>(i);
    });
  } else {
    Device::each(op, n, OneLane<F>{f});
  }
}

}  // namespace pf
