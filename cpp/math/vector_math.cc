// SPDX-License-Identifier: Apache-2.0
#include "math/vector_math.h"

namespace pf {

void exp_array(int64_t n, const float* x, float* y) {
  map_vectors(n, x, y, [](f32x4 v) { return exp(v); });
}
void log_array(int64_t n, const float* x, float* y) {
  map_vectors(n, x, y, [](f32x4 v) { return log(v); });
}
void tanh_array(int64_t n, const float* x, float* y) {
  map_vectors(n, x, y, [](f32x4 v) { return tanh(v); });
}
void sigmoid_array(int64_t n, const float* x, float* y) {
  map_vectors(n, x, y, [](f32x4 v) { return sigmoid(v); });
}

float exp_shifted(int64_t n, const float* x, float shift, float* y) {
  const f32x4 s = f32x4::splat(shift);
  f32x4 total = f32x4::zero();
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const f32x4 e = exp(f32x4::load(x + i) - s);
    e.store(y + i);
    total += e;
  }
  float rest = 0;
  for (; i < n; ++i) rest += y[i] = exp_one(x[i] - shift);
  return sum(total) + rest;
}

}  // namespace pf
