// SPDX-License-Identifier: Apache-2.0
// Convolution and its gradients, by each of their ways, against the definition.
#include "math/conv.h"

#include <cstring>

#include "draw.h"
#include "math/reduce.h"
#include "math/winograd.h"

using namespace pf;

namespace {

// False when the window does not fit.
bool draw_conv(Dice& dice, ConvShape* s) {
  s->rank = dice.chance(2) ? 2 : int(dice.upto(3));
  s->group = dice.chance(3) ? dice.upto(4) : 1;
  s->in_channels = dice.upto(6) * s->group, s->out_channels = dice.upto(9) * s->group;
  if (dice.chance(5)) s->group = s->in_channels = s->out_channels = dice.upto(15);
  s->batch = dice.upto(3), s->channels_last = dice.chance(2);
  s->filter_first = s->channels_last && dice.chance(2);
  for (int d = 0; d < s->rank; ++d) {
    s->in[d] = dice.upto(s->rank == 1 ? 40 : s->rank == 2 ? 14 : 7);
    s->kernel[d] = dice.chance(3) ? 1 : dice.upto(4);
    s->stride[d] = dice.chance(2) ? 1 : dice.upto(3), s->dilation[d] = dice.chance(4) ? 2 : 1;
    s->pad_head[d] = dice.upto(4) - 2, s->pad_tail[d] = dice.upto(3) - 1;  // legacy_pad SAME can make -1
    const int64_t room = s->in[d] + s->pad_head[d] + s->pad_tail[d] - s->dilation[d] * (s->kernel[d] - 1) - 1;
    if (room < 0) return false;
    s->out[d] = room / s->stride[d] + 1;
    s->in_size *= s->in[d], s->out_size *= s->out[d], s->taps *= s->kernel[d];
  }
  return true;
}

// A convolution with a square kernel and stride 1, whose output has the size of its input.
ConvShape square(int64_t kernel, int64_t batch, int64_t height, int64_t width, int64_t in_channels,
                 int64_t out_channels) {
  ConvShape s;
  s.rank = 2, s.batch = batch, s.in_channels = in_channels, s.out_channels = out_channels;
  s.in[0] = height, s.in[1] = width, s.in_size = height * width, s.taps = kernel * kernel;
  for (int d = 0; d < 2; ++d) {
    s.kernel[d] = kernel, s.stride[d] = s.dilation[d] = 1, s.pad_head[d] = s.pad_tail[d] = kernel / 2;
    s.out[d] = s.in[d], s.out_size *= s.out[d];
  }
  return s;
}

// One that Winograd's transform takes.
ConvShape draw_winograd(Dice& dice) {
  const int64_t kernel = dice.chance(2) ? 5 : 3;
  ConvShape s =
      square(kernel, dice.upto(3), 7 + dice.upto(15), 7 + dice.upto(15), 15 + dice.upto(20), 15 + dice.upto(30));
  s.out_size = 1;
  for (int d = 0; d < 2; ++d) {
    s.pad_head[d] = dice.upto(4) - 2, s.pad_tail[d] = dice.upto(4) - 2;
    s.out[d] = s.in[d] + s.pad_head[d] + s.pad_tail[d] + 1 - kernel, s.out_size *= s.out[d];
  }
  s.channels_last = dice.chance(2), s.filter_first = s.channels_last && dice.chance(2);
  return s;
}

// The forward pass with a filter packed for it: conv_…, or, given a tile, Winograd's.
void run_forward(const ConvShape& s, int tile, const Floats& x, const Floats& w, const float* scale,
                 const ConvFinish& finish, float* y) {
  ConvShape filter = s;
  if (tile && !s.channels_last) filter.channels_last = filter.filter_first = true;  // Winograd's own is packed so
  Room packed(conv_packed_size(filter));
  Room scratch(tile ? winograd_scratch(s, tile) : conv_forward_scratch(s));
  conv_pack(filter, w.data(), scale, packed.data());
  if (tile)
    winograd_forward(s, tile, x.data(), packed.data(), finish, y, scratch.data());
  else
    conv_forward(s, x.data(), packed.data(), finish, y, scratch.data());
  EXPECT(packed.intact() && scratch.intact());
}

void check_forward(Dice& dice, const ConvShape& s, const Floats& x, const Floats& w, int tile = 0) {
  const int64_t y_size = s.batch * s.out_channels * s.out_size;
  Floats y(static_cast<size_t>(y_size)), plain = y, scaled = w;
  const Floats bias = dice.floats(s.out_channels), scale = dice.floats(s.out_channels);
  ConvFinish finish;
  if (dice.chance(2)) finish.bias = bias.data();
  if (dice.chance(2)) finish.low = 0;
  const Floats add = dice.floats(y_size);
  if (s.channels_last && dice.chance(2)) finish.add = add.data();
  if (tile && s.channels_last && dice.chance(4)) y = add, finish.add = y.data();  // Y may be the tensor that is added
  const bool with_scale = dice.chance(2);
  for (int64_t i = 0; with_scale && i < s.out_channels * s.patch(); ++i)
    scaled[size_t(i)] *= scale[size_t(i / s.patch())];
  ConvFinish plain_finish = finish;
  const bool at_the_end = with_scale && conv_scales(s) && dice.chance(2);
  if (at_the_end) finish.scale = scale.data();
  if (finish.add) plain_finish.add = add.data();
  run_forward(s, tile, x, w, with_scale && !at_the_end ? scale.data() : nullptr, finish, y.data());
  conv_forward_plain(s, x.data(), scaled.data(), plain_finish, plain.data());
  for (int64_t i = 0; i < y_size && !pf_test::faults; ++i)
    EXPECT(near(y[size_t(i)], plain[size_t(i)]), i, y[size_t(i)], plain[size_t(i)], s.rank, s.group, s.channels_last,
           tile);
}

struct Gradients {
  Floats dw, dx;
  bool operator==(const Gradients& other) const { return dw == other.dw && dx == other.dx; }
};

// By Winograd's transform if it is to be so.
Gradients run_backward(const ConvShape& s, bool winograd, const Floats& x, const Floats& w, const Floats& dy) {
  Gradients g{Floats(w.size(), NAN), Floats(x.size(), NAN)};
  Room first(winograd ? winograd_gradient_scratch(s) : conv_filter_gradient_scratch(s));
  Room second(winograd ? 0 : conv_input_gradient_scratch(s));
  if (winograd) {
    winograd_gradient(s, x.data(), w.data(), dy.data(), g.dw.data(), g.dx.data(), first.data());
  } else {
    conv_filter_gradient(s, x.data(), dy.data(), g.dw.data(), first.data());
    conv_input_gradient(s, w.data(), dy.data(), g.dx.data(), second.data());
  }
  EXPECT(first.intact() && second.intact());
  g.dw.resize(w.size() - 16), g.dx.resize(x.size() - 16);  // without what Floats have behind them
  return g;
}

// Convolution is linear in X and in W: the gradient of one element is dY times the output of that element alone.
void check_backward(Dice& dice, const ConvShape& s, const Floats& x, const Floats& w, bool winograd = false) {
  const int64_t y_size = s.batch * s.out_channels * s.out_size;
  const Floats dy = dice.floats(y_size);
  const auto [dw, dx] = run_backward(s, winograd, x, w, dy);
  Floats y(static_cast<size_t>(y_size));
  const auto loss = [&](const Floats& input, const Floats& filter) {
    conv_forward_plain(s, input.data(), filter.data(), {}, y.data());
    return double(dot_plain(y_size, y.data(), dy.data()));
  };
  for (int i = 0; i < 4 && !pf_test::faults; ++i) {
    Floats one(w.size());
    size_t at = dice.next() % dw.size();
    one[at] = 1;
    EXPECT(near(dw[at], loss(x, one), 1e-3), at, dw[at], loss(x, one), s.rank, s.group);
    one.assign(x.size(), 0);
    at = dice.next() % dx.size();
    one[at] = 1;
    EXPECT(near(dx[at], loss(one, w), 1e-3), at, dx[at], loss(one, w), s.rank, s.group);
  }
}

}  // namespace

TEST("convolution and its gradients are the plain ones, for any rank, group, stride, dilation and padding") {
  for (int threads : {1, 3})
    with_threads(threads, [] {
      Dice dice{3};
      for (int i = 0; i < 300 && !pf_test::faults; ++i) {
        ConvShape s;
        if (!draw_conv(dice, &s)) continue;
        const Floats x = dice.floats(s.batch * s.in_channels * s.in_size), w = dice.floats(s.out_channels * s.patch());
        check_forward(dice, s, x, w);
        if (!s.channels_last) check_backward(dice, s, x, w);
      }
    });
}

TEST("convolution by Winograd's transform is the plain one, for every kernel, tile, border, order and finish") {
  for (int threads : {1, 3})
    with_threads(threads, [] {
      Dice dice{6};
      for (int i = 0; i < 90 && !pf_test::faults; ++i) {
        const ConvShape s = draw_winograd(dice);
        const int tile = s.kernel[0] == 5 ? i % 2 * 2 : i % 3 * 2;  // 0: as conv_… chooses
        check_forward(dice, s, dice.floats(s.batch * s.in_channels * s.in_size),
                      dice.floats(s.out_channels * s.patch()), tile);
      }
    });
}

TEST("so are its gradients") {
  for (int threads : {1, 3})
    with_threads(threads, [] {
      Dice dice{8};
      for (int i = 0; i < 40 && !pf_test::faults; ++i) {
        const ConvShape s = draw_winograd(dice);
        check_backward(dice, s, dice.floats(s.batch * s.in_channels * s.in_size),
                       dice.floats(s.out_channels * s.patch()), true);
      }
    });
}

// The largest difference as part of the largest value.
double difference(const Floats& found, const Floats& wanted) {
  double error = 0, largest = 0;
  for (size_t p = 0; p < wanted.size(); ++p) {
    error = std::fmax(error, std::fabs(double(found[p]) - wanted[p]));
    largest = std::fmax(largest, std::fabs(wanted[p]));
  }
  return error / largest;
}

TEST("Winograd's error stays within 1e-5 of the largest output, and no number of threads changes a bit") {
  Dice dice{7};
  for (int i = 0; i < 8; ++i) {
    const int tile = i % 2 ? 4 : 2, kernel = i < 6 ? 3 : 5;
    const int64_t channels = i < 4 ? 30 : 256;
    ConvShape s = channels == 30 ? square(kernel, 3, 210, 14, channels, 37) : square(kernel, 1, 14, 14, channels, 37);
    s.channels_last = i >= 2;  // else two images at a time are transposed
    const Floats x = dice.floats(s.batch * channels * s.in_size), w = dice.floats(37 * s.patch());
    Floats y[3];
    for (int threads : {0, 1, 3}) {
      Floats& result = y[threads > 1 ? 2 : threads];
      result.resize(size_t(s.batch * 37 * s.out_size));
      if (threads) set_thread_count(threads), run_forward(s, kernel == 5 ? 2 : tile, x, w, nullptr, {}, result.data());
    }
    conv_forward_plain(s, x.data(), w.data(), {}, y[0].data());
    EXPECT(y[1] == y[2], tile, channels);
    EXPECT(difference(y[1], y[0]) < 1e-5, kernel, tile, channels, difference(y[1], y[0]));
  }
}

TEST("the gradients' error stays within 1e-5 of the largest, and no number of threads changes a bit") {
  Dice dice{9};
  for (int i = 0; i < 4; ++i) {
    ConvShape s = square(i % 2 ? 5 : 3, i < 2 ? 5 : 17, 18, 70, 20, 37);  // some images at a time
    if (i >= 2) s = square(s.kernel[0], 9, 13, 16, 40, 64), s.channels_last = true;
    const Floats x = dice.floats(s.batch * s.in_channels * s.in_size), w = dice.floats(s.out_channels * s.patch());
    const Floats dy = dice.floats(s.batch * s.out_channels * s.out_size);
    Gradients found[2];
    for (int threads : {1, 3}) set_thread_count(threads), found[threads > 1] = run_backward(s, true, x, w, dy);
    EXPECT(found[0] == found[1], i);
    if (s.channels_last) continue;
    const Gradients wanted = run_backward(s, false, x, w, dy);
    EXPECT(difference(found[0].dw, wanted.dw) < 1e-5, i, difference(found[0].dw, wanted.dw));
    EXPECT(difference(found[0].dx, wanted.dx) < 1e-5, i, difference(found[0].dx, wanted.dx));
  }
}

TEST("Winograd's transform is chosen where it pays") {
  const auto tile = [](int64_t batch, int64_t size, int64_t channels, int64_t stride = 1) {
    ConvShape s = square(3, batch, size, size, channels, channels);
    s.channels_last = true, s.stride[1] = stride;
    return winograd_tile(s);
  };
  EXPECT(tile(1, 224, 64) == 4 && tile(1, 56, 128) == 4);
  EXPECT(tile(1, 7, 512) < 4);  // 36 filters of 1 MB would be made for four tiles
  EXPECT(tile(64, 7, 512) == 4);
  EXPECT(winograd_gradient_pays(square(3, 16, 32, 32, 16, 16)) &&
         !winograd_gradient_pays(square(3, 1, 3, 3, 512, 512)));
  EXPECT(tile(1, 3, 512) == 0 && tile(1, 224, 8) == 0 && tile(0, 224, 64) == 0 && tile(1, 224, 64, 2) == 0);
}
