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

namespace {
constexpr float kLargest = 4.135166556742356f;  // log(1000 / 16)
constexpr double kDegree = 3.14159265358979323846 / 180;
}  // namespace

Box decode(const Box& box, const float* delta, const float* weights, bool correct) {
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

RotatedBox decode(const RotatedBox& b, const float* delta, const float* weights, const AngleBounds& bounds) {
  const float dw = delta[2] / weights[2], dh = delta[3] / weights[3];
  float angle = float(delta[4] / kDegree) + b.angle;
  const float period = bounds.high - bounds.low;
  if (bounds.on) angle += angle < bounds.low ? period : angle > bounds.high ? -period : 0.f;
  return {delta[0] / weights[0] * b.width + b.x, delta[1] / weights[1] * b.height + b.y,
          std::exp(dw < kLargest ? dw : kLargest) * b.width, std::exp(dh < kLargest ? dh : kLargest) * b.height, angle};
}

RotatedBox clip(const RotatedBox& b, float height, float width, float most_turned) {
  if (!(std::abs(b.angle) <= most_turned)) return b;
  const float half_width = (b.width - 1) / 2, half_height = (b.height - 1) / 2;
  const Box upright =
      clip(Box{b.x - half_width, b.y - half_height, b.x + half_width, b.y + half_height}, height, width);
  return {(upright.x1 + upright.x2) / 2, (upright.y1 + upright.y2) / 2, upright.width(), upright.height(), b.angle};
}

Status check_angle_bounds(const Args& args) {
  if (!args.b("rotated") || !args.b("angle_bound_on")) return {};
  const int64_t low = args.i("angle_bound_lo"), high = args.i("angle_bound_hi");
  PF_CHECK(low < high && low > -100000 && high < 100000 && (high - low) % 180 == 0, argument,
           "angle_bound_lo and angle_bound_hi must lie a multiple of 180 degrees apart, found ", low, " and ", high);
  return {};
}

namespace {

struct Point {
  double x, y;
};

// The corners of a box, in order around it.
void corners(const RotatedBox& b, Point* out) {
  const double c = std::cos(b.angle * kDegree) / 2, s = std::sin(b.angle * kDegree) / 2;
  const double ax = c * b.width, ay = -s * b.width, bx = s * b.height, by = c * b.height;  // y points down
  out[0] = {b.x - ax - bx, b.y - ay - by}, out[1] = {b.x + ax - bx, b.y + ay - by};
  out[2] = {b.x + ax + bx, b.y + ay + by}, out[3] = {b.x - ax + bx, b.y - ay + by};
}

// Keeps the part of a polygon on one side of the line through a and b. Returns its corners: one more at most.
int cut(const Point* polygon, int n, Point a, Point b, Point* out) {
  const auto side = [&](Point p) { return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x); };
  int kept = 0;
  for (int i = 0; i < n; ++i) {
    const Point p = polygon[i], q = polygon[(i + 1) % n];
    const double from = side(p), to = side(q);
    if (from >= 0) out[kept++] = p;
    if ((from < 0) != (to < 0)) {
      const double share = from / (from - to);
      out[kept++] = {p.x + share * (q.x - p.x), p.y + share * (q.y - p.y)};
    }
  }
  return kept;
}

double common_area(const RotatedBox& a, const RotatedBox& b) {
  Point polygon[2][16], lines[4];  // a cut of eight corners makes sixteen at most, whatever rounding does
  corners(a, polygon[0]);
  corners(b, lines);
  int n = 4;
  for (int i = 0; i < 4 && n; ++i) {
    n = cut(polygon[i & 1], n, lines[i], lines[(i + 1) & 3], polygon[~i & 1]);
    if (n > 8) return 0;  // no numbers
  }
  double twice = 0;
  for (int i = 1; i + 1 < n; ++i) {
    const Point p = polygon[0][0], q = polygon[0][i], r = polygon[0][i + 1];
    twice += (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
  }
  return std::abs(twice) / 2;
}

}  // namespace

float overlap(const RotatedBox& a, const RotatedBox& b) {
  const double common = common_area(a, b);
  return float(common / (double(a.width) * a.height + double(b.width) * b.height - common));
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
    bool free = true;
    for (int64_t k = 0; free && k < kept; ++k) free = boxes.overlap(indexes[k], indexes[i]) <= threshold;
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
    int64_t left = kept;
    for (int64_t i = kept; i < count; ++i) {
      const float common = boxes.overlap(chosen, indexes[i]);
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
