// SPDX-License-Identifier: Apache-2.0
// The functions of vector_functions.h over arrays, read like it inside a namespace, right behind it. No guard.

// Terms that the compiler does not know to be constants.
PF_INLINE const float* from_memory(const float* terms) {
  asm("" : "+r"(terms));
  return terms;
}

// e^(x + shift)
struct PowerOf {
  ExpOf exp;
  V shift;
  static constexpr int32_t kBound = ExpOf::kBound;
  PF_INLINE V::Ints key(V x) const { return exp.key(x + shift); }
  PF_INLINE V near(V x) const { return exp.near(x + shift); }
  PF_INLINE V operator()(V x) const { return exp(x + shift); }
};

struct ScaledBy {
  V factor;
  PF_INLINE V operator()(V x) const { return x * factor; }
};

// Apart and with one place for f, since that is seldom needed.
template <class F>
__attribute__((noinline)) void map_any(int64_t n, const float* x, float* y, F f) {
  float tail[V::kLanes] = {};
  for (int64_t i = 0; i < n; i += V::kLanes) {
    const bool whole = i + V::kLanes <= n;
    if (!whole) std::memcpy(tail, x + i, size_t(n - i) * sizeof(float));
    const V v = f(V::load(whole ? x + i : tail));
    v.store(whole ? y + i : tail);
    if (!whole) std::memcpy(y + i, tail, size_t(n - i) * sizeof(float));
  }
}

// y[i] = f(x[i]) in blocks that are computed as if all elements were near, and again where some were not.
template <class F>
PF_INLINE void map_blocks(int64_t n, const float* x, float* y, F f) {
  constexpr int64_t kBlock = 16 * V::kLanes;
  for (int64_t size; n >= V::kLanes; n -= size, x += size, y += size) {
    size = n < kBlock ? n / V::kLanes * V::kLanes : kBlock;
    float kept[kBlock];
    const float* from = x;
    if (x == y) from = static_cast<float*>(std::memcpy(kept, x, size_t(size) * sizeof(float)));
    V::Ints most = f.key(V::load(from));
    for (int64_t i = 0; i < size; i += V::kLanes) {
      const V v = V::load(from + i);
      most = max(f.key(v), most);
      f.near(v).store(y + i);
    }
    if (!all(most < V::Ints::splat(F::kBound))) map_any(size, from, y, f);
  }
  if (n) map_any(n, x, y, f);
}

inline __attribute__((noinline)) void map_power(int64_t n, const float* x, float* y, float shift) {
  map_blocks(n, x, y, PowerOf{ExpOf(from_memory(kExpTerms)), V::splat(shift)});
}
inline void map_exp(int64_t n, const float* x, float* y) { map_power(n, x, y, 0.f); }
inline void map_log(int64_t n, const float* x, float* y) { map_blocks(n, x, y, LogOf(from_memory(kLogTerms))); }
inline void map_sigmoid(int64_t n, const float* x, float* y) { map_blocks(n, x, y, SigmoidOf(from_memory(kExpTerms))); }
inline void map_tanh(int64_t n, const float* x, float* y) { map_lanes(n, x, y, TanhOf(from_memory(kExpTerms))); }

// Both with four running vectors, which hide the latency of one.
inline float largest_of_array(int64_t n, const float* x) {
  constexpr int kLanes = V::kLanes;
  float top = x[0];
  int64_t i = 0;
  if (n >= 4 * kLanes) {
    V a = V::load(x), b = a, c = a, d = a;
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
      a = max(V::load(x + i), a), b = max(V::load(x + i + kLanes), b);
      c = max(V::load(x + i + 2 * kLanes), c), d = max(V::load(x + i + 3 * kLanes), d);
    }
    float lanes[kLanes];
    max(max(a, b), max(c, d)).store(lanes);
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

inline float sum_of_array(int64_t n, const float* x) {
  constexpr int kLanes = V::kLanes;
  V a = V::zero(), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    a = a + V::load(x + i), b = b + V::load(x + i + kLanes);
    c = c + V::load(x + i + 2 * kLanes), d = d + V::load(x + i + 3 * kLanes);
  }
  float sum = sum_of_lanes((a + b) + (c + d));
  for (; i < n; ++i) sum += x[i];
  return sum;
}

inline SoftmaxRow softmax_array(int64_t n, const float* x, float* y) {
  const float top = largest_of_array(n, x);  // without it, e^x overflows for x above 88
  map_power(n, x, y, -top);
  const float sum = sum_of_array(n, y);
  map_lanes(n, y, y, ScaledBy{V::splat(1.f / sum)});
  return {top, sum};
}

const VectorMath kVectorMath = {map_exp, map_log, map_tanh, map_sigmoid, softmax_array};
