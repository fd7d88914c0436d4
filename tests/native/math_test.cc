// SPDX-License-Identifier: Apache-2.0
// The fast kernels against their plain versions, on shapes drawn at random, with one thread and with several.
#include <cmath>
#include <cstring>

#include "core/parallel.h"
#include "math/conv.h"
#include "math/gemm.h"
#include "math/pooling.h"
#include "math/reduce.h"
#include "math/transpose.h"
#include "math/vector_math.h"
#include "math/winograd.h"
#include "test.h"

using namespace pf;

namespace {

using Floats = std::vector<float>;

// The same numbers in every run.
struct Dice {
  uint32_t state;
  uint32_t next() { return (state = state * 1664525u + 1013904223u) >> 8; }
  int64_t upto(int64_t n) { return 1 + next() % n; }
  bool chance(int one_in) { return next() % uint32_t(one_in) == 0; }
  float number() { return float(next() % 2001) / 1000.f - 1.f; }
  // With the 64 bytes behind it that every tensor has.
  Floats floats(int64_t n) {
    Floats all(size_t(n) + 16);
    for (float& x : all) x = number();
    return all;
  }
};

bool near(double found, double wanted, double tolerance = 1e-4) {
  return std::fabs(found - wanted) <= tolerance * (1 + std::fabs(wanted));
}

// Scratch with a guard behind it.
struct Room {
  Floats all;
  explicit Room(int64_t n) : all(size_t(n) + 1, NAN) { all.back() = 12345; }
  float* data() { return all.data(); }
  bool intact() const { return all.back() == 12345; }
};

// The rows of A cut into pieces of equal length that lie apart: row i, piece t.
struct Pieces {
  int64_t m, length;
  Floats all;
  Pieces(const Floats& a, int64_t rows, int64_t k, int64_t count)
      : m(rows), length(k / count), all(size_t(m * k) + 16) {
    for (int64_t t = 0; t < count; ++t)
      for (int64_t i = 0; i < m * length; ++i)
        all[size_t(t * m * length + i)] = a[size_t(i / length * k + t * length + i % length)];
  }
  static void locate(const void* source, int64_t i, int64_t tap, int64_t taps, const float** out, int step) {
    const Pieces& p = *static_cast<const Pieces*>(source);
    for (int64_t t = tap; t < tap + taps; ++t, out += step) *out = p.all.data() + (t * p.m + i) * p.length;
  }
};

void check_product(Dice& dice) {
  const int64_t pieces = dice.chance(3) ? dice.upto(12) : 1;
  const int64_t m = dice.upto(70), n = dice.upto(200), k = (dice.upto(dice.chance(8) ? 1100 : 60) - 1) * pieces;
  const Floats a = dice.floats(m * k), b = dice.floats(n * k), row = dice.floats(m), column = dice.floats(n);
  const Floats add = dice.floats(m * n);
  Floats c = dice.floats(m * n), d = c;
  Gemm g;
  g.m = m, g.n = n, g.k = k, g.c = c.data(), g.c_stride = n;
  g.a = dice.chance(2) ? columns_of(a.data(), m) : rows_of(a.data(), k);
  g.b = dice.chance(2) ? rows_of(b.data(), k) : columns_of(b.data(), n);
  if (dice.chance(2)) g.row_bias = row.data();
  if (dice.chance(2)) g.column_bias = column.data();
  if (dice.chance(2)) g.add = dice.chance(2) ? c.data() : add.data();
  if (dice.chance(2)) g.low = 0;
  if (dice.chance(4)) g.high = 1;
  if (pieces > 1) g.a = rows_of(a.data(), k);
  Gemm plain = g;
  plain.c = d.data();
  if (g.add == c.data()) plain.add = plain.c;
  gemm_plain(plain);
  const GemmKernel& kernel = gemm_kernel();
  Floats packed_a(size_t(gemm_packed_size(m, k, kernel.rows)) + 1),
      packed_b(size_t(gemm_packed_size(n, k, kernel.columns)) + 1);
  const Pieces located(a, m, k, pieces);
  if (k && pieces > 1)
    g.a = {}, g.a.locate = Pieces::locate, g.a.length = k / pieces, g.a.source = &located;
  else if (dice.chance(2))
    gemm_pack(g.a, kernel.rows, m, k, packed_a.data()), g.a = {}, g.a.packed = packed_a.data();
  if (dice.chance(2)) gemm_pack(g.b, kernel.columns, n, k, packed_b.data()), g.b = {}, g.b.packed = packed_b.data();
  Room scratch(gemm_scratch(m, n, k));
  gemm(g, scratch.data());
  EXPECT(scratch.intact(), m, n, k);
  for (int64_t i = 0; i < m * n; ++i) {
    EXPECT(near(c[size_t(i)], d[size_t(i)]), m, n, k, i, c[size_t(i)], d[size_t(i)]);
    if (pf_test::faults) return;
  }
}

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

// A 3 x 3 convolution with stride 1.
ConvShape three_by_three(int64_t batch, int64_t height, int64_t width, int64_t in_channels, int64_t out_channels) {
  ConvShape s;
  s.rank = 2, s.batch = batch, s.in_channels = in_channels, s.out_channels = out_channels;
  s.in[0] = height, s.in[1] = width, s.in_size = height * width, s.taps = 9;
  for (int d = 0; d < 2; ++d) {
    s.kernel[d] = 3, s.stride[d] = s.dilation[d] = s.pad_head[d] = s.pad_tail[d] = 1;
    s.out[d] = s.in[d], s.out_size *= s.out[d];
  }
  return s;
}

// One that Winograd's transform takes.
ConvShape draw_winograd(Dice& dice) {
  ConvShape s =
      three_by_three(dice.upto(2), 7 + dice.upto(15), 7 + dice.upto(15), 15 + dice.upto(20), 15 + dice.upto(30));
  s.out_size = 1;
  for (int d = 0; d < 2; ++d) {
    s.pad_head[d] = dice.upto(4) - 2, s.pad_tail[d] = dice.upto(4) - 2;
    s.out[d] = s.in[d] + s.pad_head[d] + s.pad_tail[d] - 2, s.out_size *= s.out[d];
  }
  return s;
}

// The forward pass with a filter packed for it: conv_…, or, given a tile, Winograd's.
void run_forward(const ConvShape& s, int tile, const Floats& x, const Floats& w, const float* scale,
                 const ConvFinish& finish, float* y) {
  Room packed(tile ? winograd_packed_size(s, tile) : conv_packed_size(s));
  Room scratch(tile ? winograd_scratch(s, tile) : conv_forward_scratch(s));
  tile ? winograd_pack(s, tile, w.data(), scale, packed.data()) : conv_pack(s, w.data(), scale, packed.data());
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
  if (finish.add) plain_finish.add = add.data();
  run_forward(s, tile, x, w, with_scale ? scale.data() : nullptr, finish, y.data());
  conv_forward_plain(s, x.data(), scaled.data(), plain_finish, plain.data());
  for (int64_t i = 0; i < y_size && !pf_test::faults; ++i)
    EXPECT(near(y[size_t(i)], plain[size_t(i)]), i, y[size_t(i)], plain[size_t(i)], s.rank, s.group, s.channels_last,
           tile);
}

// Convolution is linear in X and in W: the gradient of one element is dY times the output of that element alone.
void check_backward(Dice& dice, const ConvShape& s, const Floats& x, const Floats& w) {
  const int64_t y_size = s.batch * s.out_channels * s.out_size;
  const Floats dy = dice.floats(y_size);
  Floats dw(w.size(), NAN), dx(x.size(), NAN), y(static_cast<size_t>(y_size));
  Room first(conv_filter_gradient_scratch(s)), second(conv_input_gradient_scratch(s));
  conv_filter_gradient(s, x.data(), dy.data(), dw.data(), first.data());
  conv_input_gradient(s, w.data(), dy.data(), dx.data(), second.data());
  EXPECT(first.intact() && second.intact());
  const auto loss = [&](const Floats& input, const Floats& filter) {
    conv_forward_plain(s, input.data(), filter.data(), {}, y.data());
    return double(dot_plain(y_size, y.data(), dy.data()));
  };
  for (int i = 0; i < 4 && !pf_test::faults; ++i) {
    Floats one(w.size());
    size_t at = dice.next() % (w.size() - 16);
    one[at] = 1;
    EXPECT(near(dw[at], loss(x, one), 1e-3), at, dw[at], loss(x, one), s.rank, s.group);
    one.assign(x.size(), 0);
    at = dice.next() % (x.size() - 16);
    one[at] = 1;
    EXPECT(near(dx[at], loss(one, w), 1e-3), at, dx[at], loss(one, w), s.rank, s.group);
  }
}

// Units in the last place between `found` and the double `wanted`.
double ulps(float found, double wanted) {
  if (std::isnan(wanted) || std::isinf(float(wanted)) || std::isinf(found))
    return (std::isnan(wanted) && std::isnan(found)) || found == float(wanted) ? 0 : 1e9;
  int exponent;
  std::frexp(wanted, &exponent);
  return std::fabs(found - wanted) / std::ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
}

template <class F, class G>
void check_function(const char* name, double bound, F fast, G exact) {
  double worst = 0;
  for (uint64_t bits = 0; bits <= 0xffffffffu; bits += 7919) {
    const uint32_t low = uint32_t(bits);
    float x;
    std::memcpy(&x, &low, 4);
    const double error = ulps(fast(x), exact(double(x)));
    if (error > worst) worst = error;
  }
  EXPECT(worst <= bound, name, worst);
}

float naive_pool(Pool kind, const Window& w, const float* x, int64_t channels, int64_t h, int64_t v) {
  double sum = 0, top = -3.402823466e+38;
  int64_t count = 0;
  for (int64_t i = 0; i < w.kernel[0]; ++i)
    for (int64_t j = 0; j < w.kernel[1]; ++j) {
      const int64_t a = h * w.stride[0] - w.pad_head[0] + i, b = v * w.stride[1] - w.pad_head[1] + j;
      if (a < 0 || b < 0 || a >= w.in[0] || b >= w.in[1]) continue;
      const float value = x[(a * w.in[1] + b) * channels];
      sum += value, top = value > top ? value : top, ++count;
    }
  return float(kind == Pool::kMax ? top : count ? sum / double(count) : 0);
}

void check_pool(Dice& dice, Pool kind) {
  PoolShape s{{}, dice.upto(3), dice.upto(6), dice.chance(2)};
  Window& w = s.window;
  w.rank = 2;
  for (int d = 0; d < 2; ++d) {
    w.in[d] = dice.upto(24), w.kernel[d] = dice.upto(w.in[d] < 4 ? w.in[d] : 4), w.stride[d] = dice.upto(3),
    w.dilation[d] = 1;
    w.pad_head[d] = dice.upto(w.kernel[d]) - 1, w.pad_tail[d] = 0;
    w.out[d] = (w.in[d] + w.pad_head[d] - w.kernel[d]) / w.stride[d] + 1;
    w.in_size *= w.in[d], w.out_size *= w.out[d], w.taps *= w.kernel[d];
  }
  const Floats x = dice.floats(s.batch * s.channels * w.in_size);
  Floats y(size_t(s.batch * s.channels * w.out_size));
  Room scratch(pool_scratch(s));
  pool_forward(kind, s, x.data(), y.data(), scratch.data());
  EXPECT(scratch.intact());
  const int64_t unit = s.channels_last ? s.channels : 1;
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t c = 0; c < s.channels; ++c)
      for (int64_t p = 0; p < w.out_size && !pf_test::faults; ++p) {
        const float* plane = x.data() + (s.channels_last ? n * w.in_size * unit + c : (n * s.channels + c) * w.in_size);
        const float wanted = naive_pool(kind, w, plane, unit, p / w.out[1], p % w.out[1]);
        const float found =
            y[size_t(s.channels_last ? (n * w.out_size + p) * unit + c : (n * s.channels + c) * w.out_size + p)];
        EXPECT(near(found, wanted, 1e-5), found, wanted, w.in[1], w.kernel[1], w.stride[1], w.pad_head[1], p);
      }
}

void with_threads(int count, void (*body)()) {
  const int before = thread_count();
  set_thread_count(count);
  body();
  set_thread_count(before);
}

}  // namespace

TEST("a packed product is the plain one, for every form of its sides") {
  for (int threads : {1, 3})
    with_threads(threads, [] {
      Dice dice{1};
      for (int i = 0; i < 150 && !pf_test::faults; ++i) check_product(dice);
    });
}

TEST("a product does not depend on the number of threads") {
  Dice dice{2};
  const Floats a = dice.floats(90 * 300), b = dice.floats(300 * 130);
  Floats results[2];
  for (int threads : {1, 3}) {
    set_thread_count(threads);
    Floats& c = results[threads > 1];
    c.resize(90 * 130);
    Gemm g;
    g.m = 90, g.n = 130, g.k = 300, g.a = rows_of(a.data(), 300), g.b = columns_of(b.data(), 130);
    g.c = c.data(), g.c_stride = 130;
    Room scratch(gemm_scratch(90, 130, 300));
    gemm(g, scratch.data());
  }
  EXPECT(results[0] == results[1]);
}

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

TEST("3 x 3 convolution by Winograd's transform is the plain one, for every tile, border, order and finish") {
  for (int threads : {1, 3})
    with_threads(threads, [] {
      Dice dice{6};
      for (int i = 0; i < 60 && !pf_test::faults; ++i) {
        ConvShape s = draw_winograd(dice);
        const int tile = i % 3 * 2;  // 0: as conv_… chooses
        s.channels_last = dice.chance(2), s.filter_first = s.channels_last && dice.chance(2);
        check_forward(dice, s, dice.floats(s.batch * s.in_channels * s.in_size),
                      dice.floats(s.out_channels * s.patch()), tile);
      }
    });
}

TEST("Winograd's error stays within 1e-5 of the largest output, and no number of threads changes a bit") {
  Dice dice{7};
  for (int i = 0; i < 6; ++i) {
    const int tile = i % 2 ? 4 : 2;
    const int64_t channels = i < 4 ? 30 : 256;
    ConvShape s = channels == 30 ? three_by_three(3, 210, 14, channels, 37) : three_by_three(1, 14, 14, channels, 37);
    s.channels_last = i >= 2;  // else two images at a time are transposed
    const Floats x = dice.floats(s.batch * channels * s.in_size), w = dice.floats(37 * s.patch());
    Floats y[3];
    for (int threads : {0, 1, 3}) {
      Floats& result = y[threads > 1 ? 2 : threads];
      result.resize(size_t(s.batch * 37 * s.out_size));
      if (threads) set_thread_count(threads), run_forward(s, tile, x, w, nullptr, {}, result.data());
    }
    conv_forward_plain(s, x.data(), w.data(), {}, y[0].data());
    double error = 0, largest = 0;
    for (size_t p = 0; p < y[0].size(); ++p) {
      error = std::fmax(error, std::fabs(double(y[1][p]) - y[0][p]));
      largest = std::fmax(largest, std::fabs(y[0][p]));
    }
    EXPECT(y[1] == y[2], tile, channels);
    EXPECT(error < 1e-5 * largest, tile, channels, error, largest);
  }
}

TEST("Winograd's transform is chosen where it pays") {
  const auto tile = [](int64_t batch, int64_t size, int64_t channels, int64_t stride = 1) {
    ConvShape s = three_by_three(batch, size, size, channels, channels);
    s.channels_last = true, s.stride[1] = stride;
    return winograd_tile(s);
  };
  EXPECT(tile(1, 224, 64) == 4 && tile(1, 56, 128) == 4);
  EXPECT(tile(1, 7, 512) < 4);  // 36 filters of 1 MB would be read for four tiles
  EXPECT(tile(64, 7, 512) == 4);
  EXPECT(tile(1, 3, 512) == 0 && tile(1, 224, 8) == 0 && tile(0, 224, 64) == 0 && tile(1, 224, 64, 2) == 0);
}

TEST("pooling is the naive one in both orders") {
  Dice dice{4};
  for (int i = 0; i < 200 && !pf_test::faults; ++i) check_pool(dice, i % 2 ? Pool::kMax : Pool::kAverage);
}

TEST("exp, log, tanh and sigmoid keep their error bounds over all floats") {
  check_function("exp", 1.5, exp_one, [](double x) { return std::exp(x); });
  check_function("log", 1.5, log_one, [](double x) { return std::log(x); });
  check_function("tanh", 2, tanh_one, [](double x) { return std::tanh(x); });
  check_function("sigmoid", 3, sigmoid_one, [](double x) { return 1 / (1 + std::exp(-x)); });
}

TEST("sums, extremes and transposition") {
  Dice dice{5};
  const Floats x = dice.floats(37 * 70);
  EXPECT(near(dot(2590, x.data(), x.data()), dot_plain(2590, x.data(), x.data())));
  double total = 0;
  float top = x[0];
  for (int i = 0; i < 2589; ++i) total += x[size_t(i)], top = x[size_t(i)] > top ? x[size_t(i)] : top;
  EXPECT(near(sum_of(2589, x.data()), total) && largest_of(2589, x.data()) == top);
  Floats y(37 * 70), columns(70), rows(37);
  transpose_matrices(1, 37, 70, x.data(), y.data());
  sum_rows(37, 70, x.data(), false, columns.data());
  sum_columns(37, 70, x.data(), false, rows.data());
  for (size_t i = 0; i < 37; ++i)
    for (size_t j = 0; j < 70; ++j) EXPECT(y[j * 37 + i] == x[i * 70 + j], i, j);
  for (size_t j = 0; j < 70; ++j) EXPECT(near(columns[j], sum_of(37, y.data() + j * 37)), j);
  for (size_t i = 0; i < 37; ++i) EXPECT(near(rows[i], sum_of(70, x.data() + i * 70)), i);
}
