// SPDX-License-Identifier: Apache-2.0
// Winograd's minimal filtering F(r, 3) in one dimension, over any vector type: y = A' [(G g) * (B' d)], where d are
// r + 2 inputs, g the 3 weights, y the r outputs. Two dimensions apply a step to the columns, then to the rows.
//
// The matrices follow from interpolation points (Lavin and Gray, 2015, "Fast Algorithms for Convolutional Neural
// Networks"; Winograd, 1980). F(2, 3) has 0, 1, -1 and infinity. F(4, 3) has 0, +-sqrt(1/2), +-sqrt(2) and infinity
// instead of the usual 0, +-1, +-2: the powers of a point and of its inverse stay near each other, so that rounding
// errors grow less (Barabasz et al., 2020, "Error Analysis and Improving the Accuracy of Winograd Convolution"), and
// the squares 1/2 and 2 are exact.
//
// No include guard on purpose, as in math/gemm_kernel.h: each instruction set includes it once, inside a namespace and
// a target region of its own, after core/simd.h and math/winograd_transforms.h.

template <int kTile>
struct WinogradSteps;

template <>
struct WinogradSteps<2> {
  static constexpr int kInputs = 4;

  template <class V>
  static PF_INLINE void image(const V* d, V* out) {
    out[0] = d[0] - d[2], out[1] = d[1] + d[2], out[2] = d[2] - d[1], out[3] = d[1] - d[3];
  }
  template <class V>
  static PF_INLINE void sums(const V* m, V* out) {
    out[0] = m[0] + m[1] + m[2], out[1] = m[1] - m[2] - m[3];
  }
};

template <>
struct WinogradSteps<4> {
  static constexpr int kInputs = 6;
  static constexpr float kRootHalf = 0.70710678118654752f, kRootTwo = 1.4142135623730951f;

  template <class V>
  static PF_INLINE void image(const V* d, V* out) {
    const V two = V::splat(-2.f), half = V::splat(-0.5f), both = V::splat(-2.5f);
    const V even = madd(two, d[2], d[4]), odd = madd(two, d[1], d[3]) * V::splat(kRootHalf);
    const V even2 = madd(half, d[2], d[4]), odd2 = madd(half, d[1], d[3]) * V::splat(kRootTwo);
    out[0] = madd(both, d[2], d[0] + d[4]), out[5] = madd(both, d[3], d[1] + d[5]);
    out[1] = even + odd, out[2] = even - odd, out[3] = even2 + odd2, out[4] = even2 - odd2;
  }
  template <class V>
  static PF_INLINE void sums(const V* m, V* out) {
    const V half = V::splat(0.5f), two = V::splat(2.f), four = V::splat(4.f), root = V::splat(kRootHalf);
    const V plus = m[1] + m[2], minus = m[1] - m[2], plus2 = m[3] + m[4], minus2 = m[3] - m[4];
    out[0] = m[0] + plus + plus2, out[1] = madd(two, minus2, minus) * root;
    out[2] = madd(two, plus2, half * plus), out[3] = madd(madd(four, minus2, half * minus), root, m[5]);
  }
};

// B' d B of one piece, all channels. `at` tells where its inputs are, column by column.
template <class V, int kTile>
void transform_image(const float* const* at, int64_t channels, int64_t step, float* out) {
  using Steps = WinogradSteps<kTile>;
  constexpr int n = Steps::kInputs;
  for (int64_t c = 0; c < channels; c += V::kLanes) {
    // The last vector overlaps the one before.
    const int64_t from = c + V::kLanes <= channels ? c : channels - V::kLanes;
    V half[n][n];
    for (int j = 0; j < n; ++j) {
      V d[n], u[n];
      PF_UNROLL
      for (int r = 0; r < n; ++r) d[r] = V::load(at[j * n + r] + from);
      Steps::image(d, u);
      PF_UNROLL
      for (int r = 0; r < n; ++r) half[r][j] = u[r];
    }
    float* to = out + from;
    for (int r = 0; r < n; ++r) {
      V u[n];
      Steps::image(half[r], u);
      PF_UNROLL
      for (int j = 0; j < n; ++j, to += step) u[j].store(to);
    }
  }
}

// Some channels of the outputs that lie side by side. Not inlined: one text for all sizes of tiles.
template <class V>
__attribute__((noinline)) void finish_row(const ::pf::PieceOutput& o, const V* sums, int64_t at, int64_t from,
                                          int64_t skip) {
  const V bias = o.finish->bias ? V::load(o.finish->bias + from) : V::zero();
  const V low = V::splat(o.finish->low), high = V::splat(o.finish->high);
  at += from;
  for (int64_t j = 0; j < o.columns; ++j, at += o.channels) {
    V y = sums[j] + bias;
    if (o.add) y = y + V::load(o.add + at);
    y = min(max(y, low), high);
    if (!skip) {
      y.store(o.y + at);
      continue;
    }
    float lanes[V::kLanes];
    y.store(lanes);
    for (int64_t i = skip; i < V::kLanes; ++i) o.y[at + i] = lanes[i];
  }
}

// A' m A of one piece, all channels, finished and stored.
template <class V, int kTile>
void transform_sums(const float* sums, int64_t step, const ::pf::PieceOutput& o) {
  using Steps = WinogradSteps<kTile>;
  constexpr int n = Steps::kInputs;
  for (int64_t c = 0; c < o.channels; c += V::kLanes) {
    // The last vector overlaps the one before, whose outputs, if they lie where `add` does, must not be added to again.
    const int64_t from = c + V::kLanes <= o.channels ? c : o.channels - V::kLanes, skip = c - from;
    V half[kTile][n];
    for (int j = 0; j < n; ++j) {
      V m[n], y[kTile];
      PF_UNROLL
      for (int r = 0; r < n; ++r) m[r] = V::load(sums + (r * n + j) * step + from);
      Steps::sums(m, y);
      PF_UNROLL
      for (int r = 0; r < kTile; ++r) half[r][j] = y[r];
    }
    for (int64_t r = 0; r < o.rows; ++r) {
      V y[kTile];
      Steps::sums(half[r], y);
      finish_row(o, y, r * o.row_step, from, skip);
    }
  }
}

template <class V, int kTile>
constexpr ::pf::WinogradTransforms winograd_transforms_of = {transform_image<V, kTile>, transform_sums<V, kTile>};
