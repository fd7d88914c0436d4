// SPDX-License-Identifier: Apache-2.0
// Boxes [x1, y1, x2, y2] whose corners both belong to them, so that the width is x2 - x1 + 1, and rotated ones:
// decoding, clipping and suppression of overlapping ones.
#pragma once

#include "core/op.h"

namespace pf {

struct Box {
  float x1, y1, x2, y2;
  float width() const { return x2 - x1 + 1; }
  float height() const { return y2 - y1 + 1; }
};

// Intersection over union.
float overlap(const Box& a, const Box& b);

// The box moved and resized by [dx, dy, dw, dh], each divided by its weight. dw and dh count as log(1000 / 16) at most.
// `correct`: take the 1 off again that the width counts.
Box decode(const Box& box, const float* delta, const float* weights, bool correct);

// Into a picture of this size.
Box clip(const Box& box, float height, float width);

// The order of scores from the largest down; equal ones, and NaN, keep their order. `spare` and `order` have n places.
void order_by_score(int64_t n, const float* score, int64_t step, int32_t* order, int32_t* spare);

// A box of any direction: its centre, its size and the degrees by which it is turned, counter-clockwise as one sees it.
// Here nothing is added to width and height.
struct RotatedBox {
  float x, y, width, height, angle;
};

float overlap(const RotatedBox& a, const RotatedBox& b);

// Angles are brought between `low` and `high`, which lie a multiple of 180 degrees apart.
struct AngleBounds {
  bool on;
  float low, high;
};

// As decode above, and turned by delta[4] radians.
RotatedBox decode(const RotatedBox& box, const float* delta, const float* weights, const AngleBounds& bounds);

// Into a picture of this size, if the box is turned by `most_turned` degrees at most; others stay as they are.
RotatedBox clip(const RotatedBox& box, float height, float width, float most_turned);

// Boxes that lie `step` floats apart: four numbers each, or five of rotated ones.
struct BoxList {
  const float* data;
  int64_t step;
  bool rotated;
  float overlap(int64_t i, int64_t k) const {
    const float *a = data + i * step, *b = data + k * step;
    if (rotated) return pf::overlap(RotatedBox{a[0], a[1], a[2], a[3], a[4]}, RotatedBox{b[0], b[1], b[2], b[3], b[4]});
    return pf::overlap(Box{a[0], a[1], a[2], a[3]}, Box{b[0], b[1], b[2], b[3]});
  }
};

// What the arguments angle_bound_on, angle_bound_lo and angle_bound_hi say, and the check that they make sense.
inline AngleBounds angle_bounds(const Args& args) {
  return {args.b("angle_bound_on"), float(args.i("angle_bound_lo")), float(args.i("angle_bound_hi"))};
}
Status check_angle_bounds(const Args& args);

// Of `count` boxes by their indexes, best first: keeps those that no kept one overlaps by more than the threshold, at
// most `limit` (below 0: all), at the front of `indexes`. Returns how many.
int64_t suppress(const BoxList& boxes, int32_t* indexes, int64_t count, float threshold, int64_t limit);

enum class SoftMethod { kHard, kLinear, kGaussian };
struct SoftSuppression {
  SoftMethod method;
  float sigma, threshold, least_score;
};
// Lowers the score of a box for each better one that it overlaps, instead of dropping it, until it falls below
// least_score. `score` (score_step apart) is changed, indexes as above.
int64_t suppress_softly(const BoxList& boxes, float* score, int64_t score_step, int32_t* indexes, int64_t count,
                        const SoftSuppression& s);

}  // namespace pf
