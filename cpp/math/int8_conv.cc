// SPDX-License-Identifier: Apache-2.0
#include "math/int8_conv.h"

#include <cstring>

#include "core/parallel.h"

namespace pf {
namespace {

// 16 bytes at a time: both have as many behind them.
PF_INLINE void copy(const uint8_t* from, int64_t n, uint8_t* to) {
  for (int64_t i = 0; i < n; i += 16) std::memcpy(to + i, from + i, 16);
}

// One group's rows of the product: each the inputs of an output pixel.
struct GroupRows {
  const Int8Conv* c;
  int64_t first_channel;

  static void in_place(const void* source, int64_t i, int64_t count, uint8_t*, int64_t, const uint8_t** rows) {
    const auto& [c, first] = *static_cast<const GroupRows*>(source);
    for (int64_t r = 0; r < count; ++r) rows[r] = c->x + (i + r) * c->shape.in_channels + first;
  }

  static void gathered(const void* source, int64_t i, int64_t count, uint8_t* room, int64_t room_step,
                       const uint8_t** rows) {
    const auto& all = *static_cast<const GroupRows*>(source);
    const ConvShape& s = all.c->shape;
    const auto size = uint32_t(s.out_size), width = uint32_t(s.out[1]);
    uint32_t n = uint32_t(i) / size, y = (uint32_t(i) - n * size) / width, x = uint32_t(i) - n * size - y * width;
    for (int64_t r = 0; r < count; ++r, room += room_step) {
      all.gather(n, y * s.stride[0] - s.pad_head[0], x * s.stride[1] - s.pad_head[1], room);
      rows[r] = room;
      if (++x == width) x = 0, ++y;
      if (y == s.out[0]) y = 0, ++n;
    }
  }

  // The inputs of the window that begins at row `top` and column `left` of image n.
  void gather(int64_t n, int64_t top, int64_t left, uint8_t* to) const {
    const ConvShape& s = c->shape;
    const int64_t channels = s.in_per_group();
    const uint8_t* const image = c->x + n * s.in_size * s.in_channels + first_channel;
    const bool in_a_row = s.group == 1 && s.dilation[1] == 1 && left >= 0 && left + s.kernel[1] <= s.in[1];
    const int64_t row = s.kernel[1] * channels;
    for (int64_t ky = 0; ky < s.kernel[0]; ++ky, to += row) {
      const int64_t y = top + ky * s.dilation[0];
      const uint8_t* const from = image + y * s.in[1] * s.in_channels;
      if (y < 0 || y >= s.in[0]) {
        std::memset(to, c->x_zero, size_t(row));
        continue;
      }
      if (in_a_row) {
        copy(from + left * channels, row, to);
        continue;
      }
      for (int64_t kx = 0; kx < s.kernel[1]; ++kx) {
        const int64_t x = left + kx * s.dilation[1];
        if (x < 0 || x >= s.in[1])
          std::memset(to + kx * channels, c->x_zero, size_t(channels));
        else
          std::memcpy(to + kx * channels, from + x * s.in_channels, size_t(channels));
      }
    }
  }
};

// With the two dimensions that its kernel goes by: a fully connected layer has none.
bool is_depthwise(const ConvShape& s) { return s.depthwise() && s.rank == 2; }

int64_t most_of_bias(const Int8Conv& c) {
  int64_t most = 0;
  for (int64_t m = 0; c.bias && m < c.shape.out_channels; ++m) {
    const int64_t size = c.bias[m] < 0 ? -int64_t(c.bias[m]) : c.bias[m];
    most = size > most ? size : most;
  }
  return most;
}

// Where tap k of the window at `out` reads, or -1 in the padding. Coordinates go by the last dimension fastest.
int64_t tap_place(const Window& w, int64_t out, int64_t tap) {
  int64_t place = 0, size = 1;
  for (int d = w.rank - 1; d >= 0; --d) {
    const int64_t at = out % w.out[d] * w.stride[d] - w.pad_head[d] + tap % w.kernel[d] * w.dilation[d];
    if (at < 0 || at >= w.in[d]) return -1;
    place += at * size;
    size *= w.in[d], out /= w.out[d], tap /= w.kernel[d];
  }
  return place;
}

}  // namespace

bool Int8Filter::pack(const Int8Conv& c, const Int8Kernel& kernel) {
  const ConvShape& s = c.shape;
  const int64_t limit = s.patch() * 255 * 255 + most_of_bias(c);
  if (limit >= INT32_MAX) return false;
  requantize_ = FloatRequantize(c.requantize, limit);
  kernel_ = &kernel;
  if (is_depthwise(s)) {
    packed_.resize(size_t(int8_depthwise_packed_size(s)));
    int8_depthwise_pack(c, packed_.data());
    return true;
  }
  const int64_t outs = s.out_per_group(), size = int8_packed_size(kernel, outs, s.patch());
  packed_.resize(size_t(size * s.group));
  for (int64_t g = 0; g < s.group; ++g)
    int8_pack(kernel,
              {outs, s.patch(), c.w + g * outs * s.patch(), c.bias ? c.bias + g * outs : nullptr, c.x_zero, c.w_zero},
              packed_.data() + g * size);
  return true;
}

int64_t Int8Filter::scratch(const ConvShape& s) const {
  return is_depthwise(s) ? int8_depthwise_scratch(s) : int8_gemm_scratch(*kernel_, s.patch());
}

void Int8Filter::run(const Int8Conv& c, uint8_t* y, int32_t* scratch) const {
  const ConvShape& s = c.shape;
  if (is_depthwise(s)) return int8_depthwise(c, packed_.data(), requantize_, y, scratch);
  const int64_t outs = s.out_per_group(), size = int8_packed_size(*kernel_, outs, s.patch());
  for (int64_t g = 0; g < s.group; ++g) {
    const GroupRows rows{&c, g * s.in_per_group()};
    const Int8Gemm product{s.batch * s.out_size,
                           outs,
                           s.patch(),
                           s.pointwise() ? GroupRows::in_place : GroupRows::gathered,
                           &rows,
                           c.x_zero,
                           c.w_zero,
                           packed_.data() + g * size,
                           &c.requantize,
                           &requantize_,
                           y + g * outs,
                           s.out_channels};
    int8_gemm(*kernel_, product, scratch);
  }
}

void int8_conv_plain(const Int8Conv& c, uint8_t* y) {
  const ConvShape& s = c.shape;
  const int64_t channels = s.in_per_group();
  for (int64_t i = 0; i < s.batch * s.out_size; ++i)
    for (int64_t m = 0; m < s.out_channels; ++m) {
      int64_t sum = c.bias ? c.bias[m] : 0;
      for (int64_t k = 0; k < s.taps; ++k) {
        const int64_t place = tap_place(s, i % s.out_size, k);
        if (place < 0) continue;
        const uint8_t* const from =
            c.x + (i / s.out_size * s.in_size + place) * s.in_channels + m / s.out_per_group() * channels;
        const uint8_t* const w = c.w + (m * s.taps + k) * channels;
        for (int64_t p = 0; p < channels; ++p) sum += (from[p] - c.x_zero) * (w[p] - c.w_zero);
      }
      y[i * s.out_channels + m] = c.requantize(int32_t(sum > INT32_MAX   ? INT32_MAX
                                                       : sum < INT32_MIN ? INT32_MIN
                                                                         : sum));
    }
}

}  // namespace pf
