// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "image/picture.h"

namespace pf {
namespace {

// Blue, green and red in a grey of the same brightness.
constexpr float kGrey[3] = {0.114f, 0.587f, 0.299f};

// Principal components of ImageNet's colours, red first, times 255, and how much of each there is (Krizhevsky et al.,
// "ImageNet classification with deep convolutional neural networks", 2012).
constexpr float kComponents[3][3] = {
    {-144.7125f, 183.396f, 102.2295f}, {-148.104f, -1.1475f, -207.57f}, {-148.818f, -177.174f, 107.1765f}};
constexpr float kShares[3] = {0.2175f, 0.0188f, 0.0045f};

float grey_of(const float* pixel) { return kGrey[0] * pixel[0] + kGrey[1] * pixel[1] + kGrey[2] * pixel[2]; }

// Each pixel becomes a part of itself and the rest of something grey.
template <class GreyAt>
void mix(std::vector<float>& pixels, float part, GreyAt grey_at) {
  for (size_t i = 0; i < pixels.size(); i += 3) {
    const float grey = (1 - part) * grey_at(&pixels[i]);
    for (size_t c = 0; c < 3; ++c) pixels[i + c] = part * pixels[i + c] + grey;
  }
}

float around_one(float most, Random& random) { return 1 + most * (2 * random.uniform() - 1); }

void jitter(std::vector<float>& pixels, const ColourOptions& o, Random& random) {
  int order[3] = {0, 1, 2};
  for (int i = 2; i > 0; --i) std::swap(order[i], order[random.below(uint64_t(i) + 1)]);
  for (int what : order) {
    const float part = around_one(what == 0 ? o.saturation : what == 1 ? o.brightness : o.contrast, random);
    if (what == 0) mix(pixels, part, grey_of);
    if (what == 1) mix(pixels, part, [](const float*) { return 0.f; });
    if (what == 2) {
      float mean = 0;
      for (size_t i = 0; i < pixels.size(); i += 3) mean += grey_of(&pixels[i]);
      mean /= float(pixels.size() / 3);
      mix(pixels, part, [=](const float*) { return mean; });
    }
  }
}

void light(std::vector<float>& pixels, float deviation, Random& random) {
  float amounts[3], shift[3] = {};
  for (float& a : amounts) a = deviation * random.normal();
  for (int c = 0; c < 3; ++c)
    for (int k = 0; k < 3; ++k) shift[2 - c] += kComponents[c][k] * kShares[k] * amounts[k];
  for (size_t i = 0; i < pixels.size(); i += 3)
    for (size_t c = 0; c < 3; ++c) pixels[i + c] += shift[c];
}

}  // namespace

void change_colours(const ColourOptions& o, Random& random, size_t count, uint8_t* pixels) {
  std::vector<float> all(pixels, pixels + 3 * count);
  if (o.jitter) jitter(all, o, random);
  if (o.lighting) light(all, o.deviation, random);
  for (size_t i = 0; i < all.size(); ++i) pixels[i] = uint8_t(std::clamp(all[i] + 0.5f, 0.f, 255.f));
}

}  // namespace pf
