// SPDX-License-Identifier: Apache-2.0
// Boxes [x1, y1, x2, y2] whose corners both belong to them, so that the width is x2 - x1 + 1: decoding, clipping and
// suppression of overlapping ones.
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

// Boxes that lie `step` floats apart.
struct BoxList {
  const float* data;
  int64_t step;
  Box operator[](int64_t i) const {
    const float* b = data + i * step;
    return {b[0], b[1], b[2], b[3]};
  }
};

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
