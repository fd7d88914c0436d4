// SPDX-License-Identifier: Apache-2.0
#include "math/boxes.h"

#include <cmath>

namespace pf {

float overlap(const Box& a, const Box& b) {
  const float left = a.x1 > b.x1 ? a.x1 : b.x1, top = a.y1 > b.y1 ? a.y1 : b.y1;
  const float right = a.x2 < b.x2 ? a.x2 : b.x2, bottom = a.y2 < b.y2 ? a.y2 : b.y2;
  const float width = right - left + 1, height = bottom - top + 1;
  const float common = (width > 0 ? width : 0) * (height > 0 ? height : 0);
  return common / (a.width() * a.height() + b.width() * b.height() - common);
}

Box decode(const Box& box, const float* delta, const float* weights, bool correct) {
  constexpr float kLargest = 4.135166556742356f;  // log(1000 / 16)
  const float width = box.width(), height = box.height();
  const float x = box.x1 + .5f * width, y = box.y1 + .5f * height;
  const float dw = delta[2] / weights[2], dh = delta[3] / weights[3];
  const float new_x = delta[0] / weights[0] * width + x, new_y = delta[1] / weights[1] * height + y;
  const float new_width = std::exp(dw < kLargest ? dw : kLargest) * width;
  const float new_height = std::exp(dh < kLargest ? dh : kLargest) * height;
  const float off = correct ? 1.f : 0.f;
  return {new_x - .5f * new_width, new_y - .5f * new_height, new_x + .5f * new_width - off,
          new_y + .5f * new_height - off};
}

namespace {
float within(float x, float most) {
  if (x > most) x = most;
  return x > 0 ? x : 0;
}
}  // namespace

Box clip(const Box& b, float height, float width) {
  return {within(b.x1, width - 1), within(b.y1, height - 1), within(b.x2, width - 1), within(b.y2, height - 1)};
}

void order_by_score(int64_t n, const float* score, int64_t step, int32_t* order, int32_t* spare) {
  for (int64_t i = 0; i < n; ++i) order[i] = int32_t(i);
  int32_t *from = order, *to = spare;
  for (int64_t width = 1; width < n; width *= 2) {
    for (int64_t begin = 0; begin < n; begin += 2 * width) {
      const int64_t middle = begin + width < n ? begin + width : n, end = middle + width < n ? middle + width : n;
      int64_t a = begin, b = middle;
      for (int64_t i = begin; i < end; ++i)
        to[i] = a < middle && (b == end || !(score[from[b] * step] > score[from[a] * step])) ? from[a++] : from[b++];
    }
    int32_t* const swap = from;
    from = to, to = swap;
  }
  if (from != order)
    for (int64_t i = 0; i < n; ++i) order[i] = from[i];
}

int64_t suppress(const BoxList& boxes, int32_t* indexes, int64_t count, float threshold, int64_t limit) {
  int64_t kept = 0;
  for (int64_t i = 0; i < count && kept != limit; ++i) {
    const Box box = boxes[indexes[i]];
    bool free = true;
    for (int64_t k = 0; free && k < kept; ++k) free = overlap(boxes[indexes[k]], box) <= threshold;
    if (free) indexes[kept++] = indexes[i];
  }
  return kept;
}

int64_t suppress_softly(const BoxList& boxes, float* score, int64_t score_step, int32_t* indexes, int64_t count,
                        const SoftSuppression& s) {
  int64_t kept = 0;
  while (kept < count) {
    int64_t best = kept;
    for (int64_t i = kept + 1; i < count; ++i)
      if (score[indexes[i] * score_step] > score[indexes[best] * score_step]) best = i;
    const int32_t chosen = indexes[best];
    indexes[best] = indexes[kept], indexes[kept++] = chosen;
    const Box box = boxes[chosen];
    int64_t left = kept;
    for (int64_t i = kept; i < count; ++i) {
      const float common = overlap(box, boxes[indexes[i]]);
      float& mine = score[indexes[i] * score_step];
      if (s.method == SoftMethod::kGaussian)
        mine *= std::exp(-common * common / s.sigma);
      else if (common > s.threshold)
        mine *= s.method == SoftMethod::kLinear ? 1 - common : 0.f;
      if (mine >= s.least_score) indexes[left++] = indexes[i];
    }
    count = left;
  }
  return kept;
}

}  // namespace pf
