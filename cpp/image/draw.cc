// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "image/picture.h"

namespace pf {
namespace {

// The inputs that an output is mixed of: `count` from `first` on, weights from `weight` on.
struct Tap {
  int first, count;
  size_t weight;
};
struct Axis {
  std::vector<Tap> taps;
  std::vector<float> weights;
  int from, to;  // inputs in use
};

void add_tap(Axis* axis, int first, std::initializer_list<float> weights) {
  axis->taps.push_back({first, int(weights.size()), axis->weights.size()});
  axis->weights.insert(axis->weights.end(), weights);
}

// `begin` and `size` of the region among the inputs, scaled to `scaled`; outputs `left` to `left + count`.
Axis area_axis(double begin, double size, int scaled, int left, int count, int inputs) {
  Axis axis;
  const double step = size / scaled;
  for (int i = 0; i < count; ++i) {
    const double low = begin + (left + i) * step, high = low + step;
    // What floating point leaves of a boundary between two inputs is no part of either.
    const int first = std::clamp(int(std::floor(low + 1e-4)), 0, inputs - 1);
    const int last = std::clamp(int(std::ceil(high - 1e-4)), first + 1, inputs);
    axis.taps.push_back({first, last - first, axis.weights.size()});
    double total = 0;
    for (int k = first; k < last; ++k) total += std::min<double>(high, k + 1) - std::max<double>(low, k);
    for (int k = first; k < last; ++k)
      axis.weights.push_back(
          last - first == 1 ? 1.f : float((std::min<double>(high, k + 1) - std::max<double>(low, k)) / total));
  }
  return axis;
}

// Growing: two neighbours, with the weights that OpenCV gives them for INTER_AREA.
Axis linear_axis(double begin, double size, int scaled, int left, int count, int inputs) {
  Axis axis;
  const double step = size / scaled;
  const int last = std::min(int(std::ceil(begin + size)), inputs) - 1;
  for (int i = left; i < left + count; ++i) {
    const int low = int(std::floor(i * step));
    double part = (i + 1) - (low + 1) / step;
    part = part <= 0 ? 0 : part - std::floor(part);
    const int first = std::clamp(int(begin) + low, 0, last);
    if (part == 0 || first == last)
      add_tap(&axis, first, {1.f});
    else
      add_tap(&axis, first, {float(1 - part), float(part)});
  }
  return axis;
}

void find_range(Axis* axis) {
  axis->from = axis->taps[0].first, axis->to = 0;
  for (const Tap& t : axis->taps) {
    axis->from = std::min(axis->from, t.first);
    axis->to = std::max(axis->to, t.first + t.count);
  }
}

// One row of the picture's columns in use, mixed of several.
void mix_rows(const Picture& p, const Tap& tap, const float* weights, size_t offset, size_t count, float* out) {
  const size_t pitch = size_t(p.width) * size_t(p.channels);
  for (int k = 0; k < tap.count; ++k) {
    const uint8_t* row = p.pixels.data() + size_t(tap.first + k) * pitch + offset;
    const float weight = weights[tap.weight + size_t(k)];
    if (k == 0)
      for (size_t i = 0; i < count; ++i) out[i] = weight * float(row[i]);
    else
      for (size_t i = 0; i < count; ++i) out[i] += weight * float(row[i]);
  }
}

template <int kChannels>
void mix_columns(const float* row, const Axis& columns, bool mirrored, uint8_t* out) {
  const int count = int(columns.taps.size());
  for (int i = 0; i < count; ++i) {
    const Tap& tap = columns.taps[size_t(i)];
    const float* weight = columns.weights.data() + tap.weight;
    const float* from = row + (tap.first - columns.from) * kChannels;
    float sum[kChannels] = {};
    for (int k = 0; k < tap.count; ++k)
      for (int c = 0; c < kChannels; ++c) sum[c] += weight[k] * from[k * kChannels + c];
    uint8_t* to = out + (mirrored ? count - 1 - i : i) * kChannels;
    for (int c = 0; c < kChannels; ++c) to[c] = uint8_t(std::min(255.f, sum[c] + 0.5f));
  }
}

}  // namespace

void draw(const Picture& p, const PictureView& v, int shrunk, int crop, uint8_t* out) {
  const double width = double(v.region.width) / shrunk, height = double(v.region.height) / shrunk;
  const double left = double(v.region.left) / shrunk, top = double(v.region.top) / shrunk;
  const bool area = width >= v.width && height >= v.height;
  const auto axis = area ? area_axis : linear_axis;
  Axis columns = axis(left, width, v.width, v.left, crop, p.width);
  Axis rows = axis(top, height, v.height, v.top, crop, p.height);
  find_range(&columns);
  const size_t channels = size_t(p.channels), offset = size_t(columns.from) * channels;
  std::vector<float> row(size_t(columns.to - columns.from) * channels);
  for (int y = 0; y < crop; ++y) {
    mix_rows(p, rows.taps[size_t(y)], rows.weights.data(), offset, row.size(), row.data());
    uint8_t* to = out + size_t(y) * size_t(crop) * channels;
    if (p.channels == 3)
      mix_columns<3>(row.data(), columns, v.mirrored, to);
    else
      mix_columns<1>(row.data(), columns, v.mirrored, to);
  }
}

}  // namespace pf
