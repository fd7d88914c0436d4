// SPDX-License-Identifier: Apache-2.0
// The functions of vector_functions.h over arrays, read like it inside a namespace, right behind it. No guard.

struct ExpOf {
  PF_INLINE V operator()(V x) const { return exp(x); }
};
struct LogOf {
  PF_INLINE V operator()(V x) const { return log(x); }
};
struct TanhOf {
  PF_INLINE V operator()(V x) const { return tanh(x); }
};
struct SigmoidOf {
  PF_INLINE V operator()(V x) const { return sigmoid(x); }
};

struct ExpOfShifted {
  V shift;
  PF_INLINE V operator()(V x) const { return exp(x - shift); }
};

struct ScaledBy {
  V factor;
  PF_INLINE V operator()(V x) const { return x * factor; }
};

template <class F>
void map_array(int64_t n, const float* x, float* y) {
  map_lanes(n, x, y, F{});
}

inline float largest_of_array(int64_t n, const float* x) {
  constexpr int kLanes = V::kLanes;
  float top = x[0];
  int64_t i = 0;
  if (n >= 2 * kLanes) {
    V a = V::load(x), b = V::load(x + kLanes);
    for (i = 2 * kLanes; i + 2 * kLanes <= n; i += 2 * kLanes)
      a = max(V::load(x + i), a), b = max(V::load(x + i + kLanes), b);
    float lanes[kLanes];
    max(a, b).store(lanes);
    for (float lane : lanes) top = lane > top ? lane : top;
  }
  for (; i < n; ++i) top = x[i] > top ? x[i] : top;
  return top;
}

inline float sum_of_lanes(V v) {
  float lanes[V::kLanes];
  v.store(lanes);
  for (int half = V::kLanes / 2; half; half /= 2)
    for (int k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  return lanes[0];
}

inline SoftmaxRow softmax_array(int64_t n, const float* x, float* y) {
  constexpr int kLanes = V::kLanes;
  const float top = largest_of_array(n, x);  // without it, e^x overflows for x above 88
  const ExpOfShifted power{V::splat(top)};
  V total = V::zero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V e = power(V::load(x + i));
    e.store(y + i);
    total = total + e;
  }
  float sum = sum_of_lanes(total);
  if (i < n) map_lanes(n - i, x + i, y + i, power);
  for (; i < n; ++i) sum += y[i];
  map_lanes(n, y, y, ScaledBy{V::splat(1.f / sum)});
  return {top, sum};
}

const VectorMath kVectorMath = {map_array<ExpOf>, map_array<LogOf>, map_array<TanhOf>, map_array<SigmoidOf>,
                                softmax_array};
