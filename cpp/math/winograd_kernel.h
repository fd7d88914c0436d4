// SPDX-License-Identifier: Apache-2.0
// Winograd's minimal filtering F(r, k) in one dimension, over any vector type: y = A' [(G g) * (B' d)], where d are
// r + k - 1 inputs, g the k weights, y the r outputs. Two dimensions apply a step to the columns, then to the rows.
// Transposed, the same matrices give the gradients: of d, B [(G g) * (A dy)]; of g, G' [(A dy) * (B' d)].
//
// The matrices follow from interpolation points (Lavin and Gray, 2015, "Fast Algorithms for Convolutional Neural
// Networks"; Winograd, 1980), one for each input; B depends on them alone, and A and G hold their powers. Four inputs
// have 0, 1, -1 and infinity. Six have 0, +-sqrt(1/2), +-sqrt(2) and infinity instead of the usual 0, +-1, +-2: the
// powers of a point and of its inverse stay near each other, so that rounding errors grow less (Barabasz et al., 2020,
// "Error Analysis and Improving the Accuracy of Winograd Convolution"), and the squares 1/2 and 2 are exact. Infinity
// belongs to the last output (and weight): with two outputs instead of four, `second` is 1 and `fourth` 0.
//
// No include guard on purpose, as in math/gemm_kernel.h: each instruction set includes it once, inside a namespace and
// a target region of its own, after core/simd.h and math/winograd_transforms.h.

template <int kInputs>
struct WinogradSteps;

template <>
struct WinogradSteps<4> {
  static constexpr int kTile = 2;

  template <class V>
  static PF_INLINE void image(const V* d, V* out) {
    out[0] = d[0] - d[2], out[1] = d[1] + d[2], out[2] = d[2] - d[1], out[3] = d[1] - d[3];
  }
  template <class V>
  static PF_INLINE void sums(const V* m, V, V, V* out) {
    out[0] = m[0] + m[1] + m[2], out[1] = m[1] - m[2] - m[3];
  }
  template <int kTaps, class V>
  static PF_INLINE void weights(const V* g, V* out) {
    const V half = V::splat(0.5f), even = half * (g[0] + g[2]), odd = half * g[1];
    out[0] = g[0], out[1] = even + odd, out[2] = even - odd, out[3] = g[2];
  }
};

template <>
struct WinogradSteps<6> {
  static constexpr int kTile = 4;
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
  static PF_INLINE void sums(const V* m, V second, V fourth, V* out) {
    const V half = V::splat(0.5f), two = V::splat(2.f), four = V::splat(4.f), root = V::splat(kRootHalf);
    const V plus = m[1] + m[2], minus = m[1] - m[2], plus2 = m[3] + m[4], minus2 = m[3] - m[4];
    out[0] = m[0] + plus + plus2, out[1] = madd(madd(two, minus2, minus), root, second * m[5]);
    out[2] = madd(two, plus2, half * plus), out[3] = madd(madd(four, minus2, half * minus), root, fourth * m[5]);
  }
  // G, whose rows are those of +-sqrt(1/2) times -2/3, and of +-sqrt(2) times 1/6; of three or five weights.
  template <int kTaps, class V>
  static PF_INLINE void weights(const V* g, V* out) {
    constexpr float kThird = 1.f / 3, kSixth = 1.f / 6;
    const V half = V::splat(0.5f), two = V::splat(2.f);
    V even = g[2], odd = g[1], even2 = g[2], odd2 = g[1];
    if constexpr (kTaps == 5) {
      even = madd(half, g[4], even), odd = madd(half, g[3], odd);
      even2 = madd(two, g[4], even2), odd2 = madd(two, g[3], odd2);
    }
    even = V::splat(-2 * kThird) * madd(half, even, g[0]), odd = V::splat(-2 * kRootHalf * kThird) * odd;
    even2 = V::splat(kSixth) * madd(two, even2, g[0]), odd2 = V::splat(kRootHalf * kThird) * odd2;
    out[0] = g[0], out[5] = g[kTaps - 1];
    out[1] = even + odd, out[2] = even - odd, out[3] = even2 + odd2, out[4] = even2 - odd2;
  }
  // A: from the changes of four outputs and, once more, that of the last one there is.
  template <class V>
  static PF_INLINE void changes(const V* y, V* out) {
    const V half = V::splat(0.5f), two = V::splat(2.f);
    const V even = madd(half, y[2], y[0]), odd = madd(half, y[3], y[1]) * V::splat(kRootHalf);
    const V even2 = madd(two, y[2], y[0]), odd2 = madd(two, y[3], y[1]) * V::splat(kRootTwo);
    out[0] = y[0], out[5] = y[4];
    out[1] = even + odd, out[2] = even - odd, out[3] = even2 + odd2, out[4] = even2 - odd2;
  }
  // B.
  template <class V>
  static PF_INLINE void inputs(const V* m, V* out) {
    const V two = V::splat(-2.f), half = V::splat(-0.5f), both = V::splat(-2.5f);
    const V plus = m[1] + m[2], plus2 = m[3] + m[4];
    const V minus = (m[1] - m[2]) * V::splat(kRootHalf), minus2 = (m[3] - m[4]) * V::splat(kRootTwo);
    out[0] = m[0], out[5] = m[5];
    out[1] = madd(two, minus, madd(half, minus2, m[5])), out[3] = madd(both, m[5], minus + minus2);
    out[2] = madd(two, plus, madd(half, plus2, both * m[0])), out[4] = m[0] + plus + plus2;
  }
};

struct WinogradImage {
  template <class V, class Steps>
  static PF_INLINE void apply(const V* d, V* out) {
    Steps::image(d, out);
  }
};
struct WinogradChanges {
  template <class V, class Steps>
  static PF_INLINE void apply(const V* d, V* out) {
    Steps::changes(d, out);
  }
};

// B' d B of one piece, or A dy A', all channels. `at` tells where the kFrom x kFrom elements are, column by column.
template <class V, int kInputs, int kFrom, class Kind>
void transform_image(const float* const* at, int64_t channels, int64_t step, float* out) {
  using Steps = WinogradSteps<kInputs>;
  for (int64_t c = 0; c < channels; c += V::kLanes) {
    // The last vector overlaps the one before.
    const int64_t from = c + V::kLanes <= channels ? c : channels - V::kLanes;
    V half[kInputs][kFrom];
    for (int j = 0; j < kFrom; ++j) {
      V d[kFrom], u[kInputs];
      PF_UNROLL
      for (int r = 0; r < kFrom; ++r) d[r] = V::load(at[j * kFrom + r] + from);
      Kind::template apply<V, Steps>(d, u);
      PF_UNROLL
      for (int r = 0; r < kInputs; ++r) half[r][j] = u[r];
    }
    float* to = out + from;
    for (int r = 0; r < kInputs; ++r) {
      V u[kInputs];
      Kind::template apply<V, Steps>(half[r], u);
      PF_UNROLL
      for (int j = 0; j < kInputs; ++j, to += step) u[j].store(to);
    }
  }
}

// G g G' of `size` filters side by side.
template <class V, int kInputs, int kTaps>
void transform_filter(const float* taps, int64_t size, int64_t step, float* out) {
  using Steps = WinogradSteps<kInputs>;
  for (int64_t i = 0; i < size; i += V::kLanes) {
    V half[kInputs][kTaps];
    for (int j = 0; j < kTaps; ++j) {
      V g[kTaps], u[kInputs];
      PF_UNROLL
      for (int r = 0; r < kTaps; ++r) g[r] = V::load(taps + (r * kTaps + j) * size + i);
      Steps::template weights<kTaps>(g, u);
      PF_UNROLL
      for (int r = 0; r < kInputs; ++r) half[r][j] = u[r];
    }
    float* to = out + i;
    for (int r = 0; r < kInputs; ++r) {
      V u[kInputs];
      Steps::template weights<kTaps>(half[r], u);
      PF_UNROLL
      for (int j = 0; j < kInputs; ++j, to += step) u[j].store(to);
    }
  }
}

// Some channels of the outputs that lie side by side, where something is added or the first lanes are not to be stored.
// Not inlined: one text for all sizes of tiles.
template <class V>
__attribute__((noinline)) void finish_row(const ::pf::PieceOutput& o, const V* sums, int64_t at, int64_t from,
                                          int64_t skip) {
  const V bias = o.finish.bias ? V::load(o.finish.bias + from) : V::zero();
  const V scale = o.finish.scale ? V::load(o.finish.scale + from) : V::splat(1.f);
  const V low = V::splat(o.finish.low), high = V::splat(o.finish.high);
  at += from;
  for (int64_t j = 0; j < o.columns; ++j, at += o.column_step) {
    V y = madd(sums[j], scale, bias);
    if (o.finish.add) y = y + V::load(o.finish.add + at);
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
template <class V, int n>
void transform_sums(const float* sums, int64_t step, const ::pf::PieceOutput& o) {
  using Steps = WinogradSteps<n>;
  constexpr int kTile = Steps::kTile;
  const V second = V::splat(o.tile == 2), fourth = V::splat(o.tile == 4);
  for (int64_t c = 0; c < o.channels; c += V::kLanes) {
    // The last vector overlaps the one before, whose outputs, if they lie where `add` does, must not be added to again.
    const int64_t from = c + V::kLanes <= o.channels ? c : o.channels - V::kLanes, skip = c - from;
    V half[kTile][n];
    for (int j = 0; j < n; ++j) {
      V m[n], y[kTile];
      PF_UNROLL
      for (int r = 0; r < n; ++r) m[r] = V::load(sums + (r * n + j) * step + from);
      Steps::sums(m, second, fourth, y);
      PF_UNROLL
      for (int r = 0; r < kTile; ++r) half[r][j] = y[r];
    }
    const V bias = o.finish.bias ? V::load(o.finish.bias + from) : V::zero();
    const V scale = o.finish.scale ? V::load(o.finish.scale + from) : V::splat(1.f);
    const V low = V::splat(o.finish.low), high = V::splat(o.finish.high);
    for (int64_t r = 0; r < o.rows; ++r) {
      V y[kTile];
      Steps::sums(half[r], second, fourth, y);
      if (o.finish.add || skip) {
        finish_row(o, y, r * o.row_step, from, skip);
        continue;
      }
      float* to = o.y + r * o.row_step + from;
      PF_UNROLL
      for (int j = 0; j < kTile; ++j, to += o.column_step) {
        if (j < o.columns) min(max(madd(y[j], scale, bias), low), high).store(to);
      }
    }
  }
}

// B m B' of one piece, channels [begin, end), added to the inputs that there are. Channels are apart by position, so
// that what lies beyond `end` may be read; but begin and end are multiples of all lanes, or the last channel's end.
template <class V, int n>
void transform_back(const float* sums, int64_t step, int64_t begin, int64_t end, float* const* at) {
  using Steps = WinogradSteps<n>;
  for (int64_t c = begin; c < end; c += V::kLanes) {
    V half[n][n];
    for (int j = 0; j < n; ++j) {
      V m[n], u[n];
      PF_UNROLL
      for (int r = 0; r < n; ++r) m[r] = V::load(sums + (r * n + j) * step + c);
      Steps::inputs(m, u);
      PF_UNROLL
      for (int r = 0; r < n; ++r) half[r][j] = u[r];
    }
    for (int r = 0; r < n; ++r) {
      V u[n];
      Steps::inputs(half[r], u);
      for (int j = 0; j < n; ++j) {
        float* const to = at[j * n + r];
        if (!to) continue;
        if (c + V::kLanes <= end) {
          (V::load(to + c) + u[j]).store(to + c);
          continue;
        }
        float lanes[V::kLanes];
        u[j].store(lanes);
        for (int64_t i = c; i < end; ++i) to[i] += lanes[i - c];
      }
    }
  }
}

template <class V>
constexpr ::pf::WinogradTransforms winograd_transforms_of[] = {{transform_image<V, 4, 4, WinogradImage>,
                                                                {transform_filter<V, 4, 3>, nullptr},
                                                                transform_sums<V, 4>,
                                                                nullptr,
                                                                nullptr},
                                                               {transform_image<V, 6, 6, WinogradImage>,
                                                                {transform_filter<V, 6, 3>, transform_filter<V, 6, 5>},
                                                                transform_sums<V, 6>,
                                                                transform_image<V, 6, 5, WinogradChanges>,
                                                                transform_back<V, 6>}};
