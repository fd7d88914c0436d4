// SPDX-License-Identifier: Apache-2.0
// exp, log, tanh and sigmoid over four lanes and over arrays. Infinities and NaN give what the C library gives.
// Errors were measured over all floats of the range named, against double: see tests/native/math_test.cc.
#pragma once

#include "core/simd.h"

namespace pf {

namespace four {
using V = f32x4;
#include "math/vector_functions.h"
}  // namespace four
using four::exp;
using four::log;
using four::sigmoid;
using four::tanh;

// For where they are not what takes the time: there once.
inline __attribute__((noinline)) f32x4 exp_apart(f32x4 x) { return exp(x); }
inline __attribute__((noinline)) f32x4 log_apart(f32x4 x) { return log(x); }

// One float, by the same arithmetic as the vectors: results do not depend on where an element lies.
inline float exp_one(float x) { return exp_apart(f32x4::splat(x)).lane(0); }
inline float log_one(float x) { return log_apart(f32x4::splat(x)).lane(0); }
inline float tanh_one(float x) { return tanh(f32x4::splat(x)).lane(0); }
inline float sigmoid_one(float x) { return sigmoid(f32x4::splat(x)).lane(0); }

template <class F>
PF_INLINE void map_vectors(int64_t n, const float* x, float* y, F f) {
  four::map_lanes(n, x, y, f);
}

// y[i] = f(a[i], b[i]), where f takes f32x4.
template <class F>
PF_INLINE void map_vectors(int64_t n, const float* a, const float* b, float* y, F f) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) f(f32x4::load(a + i), f32x4::load(b + i)).store(y + i);
  for (; i < n; ++i) y[i] = f(f32x4::splat(a[i]), f32x4::splat(b[i])).lane(0);
}

// y[i] = f(x[i]) on the calling thread, with the widest vectors of the machine; y may be x. On x86 these round a little
// differently from f32x4, within the same bounds.
void exp_array(int64_t n, const float* x, float* y);
void log_array(int64_t n, const float* x, float* y);
void tanh_array(int64_t n, const float* x, float* y);
void sigmoid_array(int64_t n, const float* x, float* y);
// What makes y of x: y[i] = e^(x[i] - top) / sum, with the largest x as top.
struct SoftmaxRow {
  float top, sum;
};
// The softmax of n > 0 numbers; y may be x.
SoftmaxRow softmax_row(int64_t n, const float* x, float* y);

// The same for one kind of vector.
struct VectorMath {
  void (*exp)(int64_t, const float*, float*);
  void (*log)(int64_t, const float*, float*);
  void (*tanh)(int64_t, const float*, float*);
  void (*sigmoid)(int64_t, const float*, float*);
  SoftmaxRow (*softmax)(int64_t, const float*, float*);
};

}  // namespace pf
