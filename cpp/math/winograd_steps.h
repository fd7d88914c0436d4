// SPDX-License-Identifier: Apache-2.0
// Winograd's minimal filtering F(r, 3) in one dimension, over any vector type: y = A' [(G g) * (B' d)], where d are
// r + 2 inputs, g the 3 weights, y the r outputs. Two dimensions apply a step to the columns, then to the rows.
//
// The matrices follow from interpolation points (Lavin and Gray, 2015, "Fast Algorithms for Convolutional Neural
// Networks"; Winograd, 1980). F(2, 3) has 0, 1, -1 and infinity. F(4, 3) has 0, +-sqrt(1/2), +-sqrt(2) and infinity
// instead of the usual 0, +-1, +-2: the powers of a point and of its inverse stay near each other, so that rounding
// errors grow less (Barabasz et al., 2020, "Error Analysis and Improving the Accuracy of Winograd Convolution"), and
// the squares 1/2 and 2 are exact.
#pragma once

#include "core/simd.h"

namespace pf {

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
  static PF_INLINE void filter(const V* g, V* out) {
    const V ends = (g[0] + g[2]) * V::splat(0.5f), middle = g[1] * V::splat(0.5f);
    out[0] = g[0], out[1] = ends + middle, out[2] = ends - middle, out[3] = g[2];
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
  static PF_INLINE void filter(const V* g, V* out) {
    constexpr float kThird = 1.f / 3, kSixth = 1.f / 6;
    const V even = g[0] * V::splat(-2 * kThird) - g[2] * V::splat(kThird),
            odd = g[1] * V::splat(-2 * kThird * kRootHalf);
    const V even2 = g[0] * V::splat(kSixth) + g[2] * V::splat(kThird), odd2 = g[1] * V::splat(kSixth * kRootTwo);
    out[0] = g[0], out[5] = g[2];
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

}  // namespace pf
