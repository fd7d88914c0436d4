// SPDX-License-Identifier: Apache-2.0
// The fast kernels of quantized tensors against their plain versions, byte for byte, on shapes drawn at random.
#include <cmath>

#include "core/parallel.h"
#include "math/int8_conv.h"
#include "test.h"

using namespace pf;

namespace {

using Bytes = std::vector<uint8_t>;

// The same numbers in every run.
struct Dice {
  uint32_t state;
  uint32_t next() { return (state = state * 1664525u + 1013904223u) >> 8; }
  int64_t upto(int64_t n) { return 1 + next() % n; }
  int64_t below(int64_t n) { return next() % n; }
  bool chance(int one_in) { return next() % uint32_t(one_in) == 0; }
  // With the 64 bytes behind it that every tensor has. `extreme`: bounds only, where sums are largest.
  Bytes bytes(int64_t n, bool extreme) {
    Bytes all(size_t(n) + 64);
    for (uint8_t& x : all) x = extreme ? uint8_t(-int(next() & 1)) : uint8_t(next());
    return all;
  }
};

struct Case {
  Int8Conv c;
  Bytes x, w;
  std::vector<int32_t> bias;
  int64_t size() const { return c.shape.batch * c.shape.out_size * c.shape.out_channels; }
};

int64_t product(int64_t a, int64_t b) { return a * b; }

Case draw(Dice& dice, const ConvShape& s, float scale) {
  const bool extreme = dice.chance(4), relu = dice.chance(2);
  Case drawn{{s, nullptr, nullptr, int32_t(dice.below(256)), int32_t(dice.chance(2) ? 128 : dice.below(256)), nullptr,
              Requantize(scale, {1.f, int32_t(dice.chance(3) ? 0 : dice.below(256))}, relu)},
             dice.bytes(s.batch * s.in_size * s.in_channels, extreme),
             dice.bytes(product(s.out_channels, s.patch()), extreme),
             {}};
  drawn.bias.resize(size_t(s.out_channels));
  for (int32_t& b : drawn.bias) b = int32_t(dice.below(200001)) - 100000;
  drawn.c.x = drawn.x.data(), drawn.c.w = drawn.w.data();
  if (!dice.chance(4)) drawn.c.bias = drawn.bias.data();
  return drawn;
}

// Of a window of one dimension: its output, if it has one.
bool fit(ConvShape& s, int d) {
  const int64_t span = s.dilation[d] * (s.kernel[d] - 1) + 1, room = s.in[d] + s.pad_head[d] + s.pad_tail[d] - span;
  s.out[d] = room < 0 ? 0 : room / s.stride[d] + 1;
  return room >= 0;
}

ConvShape draw_shape(Dice& dice, bool depthwise) {
  ConvShape s;
  do {
    s = {};
    s.rank = 2, s.channels_last = true;
    s.batch = dice.upto(2), s.group = dice.chance(4) ? dice.upto(3) : 1;
    s.in_channels = s.group * dice.upto(40), s.out_channels = s.group * dice.upto(40);
    if (depthwise) s.group = s.out_channels = s.in_channels;
    const bool one = dice.chance(3), three = dice.chance(2);
    for (int d = 0; d < 2; ++d) {
      s.in[d] = dice.upto(14);
      s.kernel[d] = one ? 1 : three ? 3 : dice.upto(5);
      s.stride[d] = dice.upto(three ? 2 : 3), s.dilation[d] = dice.chance(4) ? 2 : 1;
      s.pad_head[d] = dice.below(3), s.pad_tail[d] = dice.below(3);
      if (one && dice.chance(2)) s.stride[d] = 1, s.pad_head[d] = s.pad_tail[d] = 0;
    }
  } while (!fit(s, 0) || !fit(s, 1));
  s.in_size = s.in[0] * s.in[1], s.out_size = s.out[0] * s.out[1], s.taps = s.kernel[0] * s.kernel[1];
  return s;
}

// Elements that differ between the fast and the plain way.
int64_t faults(const Case& drawn, const Int8Kernel& kernel) {
  const Int8Conv& c = drawn.c;
  Bytes found(size_t(drawn.size()) + 1, 77), wanted(size_t(drawn.size()));
  Int8Filter filter;
  if (!filter.pack(c, kernel)) return -1;
  std::vector<int32_t> scratch(size_t(filter.scratch(c.shape)) + 1);
  scratch.back() = 12345;
  filter.run(c, found.data(), scratch.data());
  int8_conv_plain(c, wanted.data());
  int64_t count = found.back() != 77 || scratch.back() != 12345;
  for (size_t i = 0; i < wanted.size(); ++i) count += found[i] != wanted[i];
  return count;
}

// Scales at which outputs are spread over the bytes, rarely others.
float draw_scale(Dice& dice, const ConvShape& s) {
  if (dice.chance(8)) return float(dice.upto(3000)) / 1000;
  return float(dice.upto(1000)) / 1000 / std::sqrt(float(s.patch())) / 40;
}

void compare(bool depthwise, int count) {
  Dice dice{depthwise ? 5u : 7u};
  for (int threads : {1, 3}) {
    set_thread_count(threads);
    for (int i = 0; i < count; ++i) {
      const ConvShape s = draw_shape(dice, depthwise);
      const Case drawn = draw(dice, s, draw_scale(dice, s));
      for (int k = 0; const Int8Kernel* kernel = int8_kernel_at(k); ++k) {
        const int64_t off = faults(drawn, *kernel);
        EXPECT(off == 0, off, k, s.in_channels, s.out_channels, s.group, s.in[0], s.in[1], s.kernel[0], s.kernel[1],
               s.stride[1], s.pad_head[1], s.dilation[1], drawn.c.x_zero, drawn.c.w_zero);
      }
    }
  }
}

}  // namespace

TEST("convolutions, in groups, with strides, padding and dilation") { compare(false, 400); }

TEST("depthwise convolutions") { compare(true, 400); }

TEST("fully connected layers of one row and of many, long rows") {
  Dice dice{11};
  for (int i = 0; i < 60; ++i) {
    ConvShape s;
    s.channels_last = true;
    s.batch = dice.chance(2) ? 1 : dice.upto(150);
    s.in_channels = dice.chance(6) ? 20000 : dice.upto(700);
    s.out_channels = dice.upto(150);
    const Case drawn = draw(dice, s, draw_scale(dice, s));
    for (int k = 0; const Int8Kernel* kernel = int8_kernel_at(k); ++k)
      EXPECT(faults(drawn, *kernel) == 0, k, s.batch, s.in_channels, s.out_channels);
  }
}

TEST("a bias that sums cannot hold is left to the plain way") {
  Dice dice{13};
  ConvShape s;
  s.channels_last = true;
  s.batch = 2, s.in_channels = 5, s.out_channels = 3;
  Case drawn = draw(dice, s, 0.01f);
  drawn.bias[1] = INT32_MIN;
  drawn.c.bias = drawn.bias.data();
  EXPECT(faults(drawn, int8_kernel()) == -1);
  Bytes y(6);
  int8_conv_plain(drawn.c, y.data());
  EXPECT(y[1] == drawn.c.requantize.low() && y[4] == drawn.c.requantize.low(), int(y[1]), int(y[4]));
}

TEST("requantization by floats: the same elements wherever it says so, and it mostly does") {
  Dice dice{17};
  int exact = 0;
  for (int i = 0; i < 200; ++i) {
    const float scale = std::ldexp(0.5f + float(dice.below(1 << 20)) / (1 << 21), -int(dice.below(10)));
    const Requantize wanted(scale, {1.f, int32_t(dice.below(256))}, dice.chance(2));
    const auto limit = int64_t(600 / scale);
    const FloatRequantize fast(wanted, limit);
    exact += fast.exact;
    int64_t off = 0;
    for (int64_t sum = -limit; fast.exact && sum < limit - 8; sum += 4) {
      const int32_t sums[] = {int32_t(sum), int32_t(sum + 1), int32_t(sum + 2), int32_t(sum + 3)};
      uint8_t y[8];
      FloatFinish<true>(fast).store(i32x4::load(sums), i32x4::load(sums), y);
      for (int k = 0; k < 4; ++k) off += y[k] != wanted(sums[k]);
    }
    EXPECT(off == 0, off, scale, wanted.zero_point(), wanted.low());
  }
  EXPECT(exact >= 180, exact);
}

TEST("requantization of many sums") {
  Dice dice{23};
  for (int i = 0; i < 100; ++i) {
    const float scale = std::ldexp(0.5f + float(dice.below(1 << 20)) / (1 << 21), 1 - int(dice.below(24)));
    const Requantize requantize(scale, {1.f, int32_t(dice.below(256))}, dice.chance(2));
    std::vector<int32_t> sums(1003);
    for (int32_t& sum : sums) {
      sum = int32_t(float(int(dice.below(4001)) - 2000) / 4 / scale);
      if (dice.chance(50)) sum = dice.chance(2) ? INT32_MAX : INT32_MIN;
    }
    if (i % 2) sums.assign(1003, int32_t(100.5f / scale));
    Bytes y(1003);
    requantize(sums.data(), 1003, y.data());
    for (size_t k = 0; k < 1003; ++k) EXPECT(y[k] == requantize(sums[k]), scale, sums[k], int(y[k]));
  }
}

TEST("quantizing and dequantizing many at once") {
  Dice dice{19};
  std::vector<float> x(1000 + 16), back(1000 + 16);
  for (float& v : x) v = float(int(dice.below(4001)) - 2000) / 8;
  x[3] = NAN, x[20] = INFINITY, x[21] = -INFINITY, x[40] = 1e30f, x[990] = -1e30f, x[997] = NAN;
  for (const Quantization& q : {Quantization{0.25f, 10}, {0.5f, 0}, {1.7f, 255}, {1e-20f, 3}}) {
    Bytes y(1000 + 64);
    quantize(x.data(), 999, q, y.data());
    dequantize(y.data(), 999, q, back.data());
    for (size_t i = 0; i < 999; ++i) {
      EXPECT(y[i] == quantize(x[i], q), i, x[i], int(y[i]), int(quantize(x[i], q)));
      EXPECT(back[i] == q.scale * float(y[i] - q.zero_point), i);
    }
  }
}
