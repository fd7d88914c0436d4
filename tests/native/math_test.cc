// SPDX-License-Identifier: Apache-2.0
// The fast kernels against their plain versions, on shapes drawn at random, with one thread and with several.
#include <cmath>
#include <cstring>

#include "draw.h"
#include "math/gemm.h"
#include "math/pooling.h"
#include "math/reduce.h"
#include "math/transpose.h"
#include "math/vector_math.h"

using namespace pf;

namespace {

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
  const int64_t m = dice.chance(5) ? 1 : dice.upto(70), n = dice.upto(200),
                k = (dice.upto(dice.chance(8) ? 1100 : 60) - 1) * pieces;
  const Floats a = dice.floats(m * k), b = dice.floats(n * k), row = dice.floats(m), column = dice.floats(n);
  const Floats add = dice.floats(m * n), scale = dice.floats(n);
  Floats c = dice.floats(m * n), d = c;
  Gemm g;
  g.m = m, g.n = n, g.k = k, g.c = c.data(), g.c_stride = n;
  g.a = dice.chance(2) ? columns_of(a.data(), m) : rows_of(a.data(), k);
  g.b = dice.chance(2) ? rows_of(b.data(), k) : columns_of(b.data(), n);
  if (dice.chance(2)) g.row_bias = row.data();
  if (dice.chance(2)) g.column_bias = column.data();
  if (dice.chance(3)) g.column_scale = scale.data();
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
  Room scratch(gemm_scratch(m, n, k, g.b.packed));
  gemm(g, scratch.data());
  EXPECT(scratch.intact(), m, n, k);
  for (int64_t i = 0; i < m * n; ++i) {
    EXPECT(near(c[size_t(i)], d[size_t(i)]), m, n, k, i, c[size_t(i)], d[size_t(i)]);
    if (pf_test::faults) return;
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

// The same over arrays, which on x86 are computed in wider vectors; in all lengths, and with neighbours that need not
// be of a size.
template <class F, class G>
void check_array(const char* name, double bound, F array, G exact) {
  double worst = 0;
  Dice dice{8};
  Floats x(50), y(51, 12345.f);
  for (uint64_t at = 0; at <= 0xffffffffu;) {
    const size_t n = size_t(dice.upto(50));
    for (size_t i = 0; i < n; ++i, at += 7919) {
      const uint32_t low = dice.chance(64) ? dice.next() << 8 : uint32_t(at);
      std::memcpy(&x[i], &low, 4);
    }
    y[n] = 12345.f;
    array(int64_t(n), x.data(), y.data());
    EXPECT(y[n] == 12345.f, name, n);
    for (size_t i = 0; i < n; ++i) {
      const double error = ulps(y[i], exact(double(x[i])));
      if (error > worst) worst = error;
    }
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

TEST("exp, log, tanh and sigmoid of arrays keep the same bounds, in any length") {
  check_array("exp", 1.5, exp_array, [](double x) { return std::exp(x); });
  check_array("log", 1.5, log_array, [](double x) { return std::log(x); });
  check_array("tanh", 2, tanh_array, [](double x) { return std::tanh(x); });
  check_array("sigmoid", 3, sigmoid_array, [](double x) { return 1 / (1 + std::exp(-x)); });
}

TEST("what an array function makes of an element does not depend on its neighbours") {
  Dice dice{11};
  for (auto array : {exp_array, log_array, tanh_array, sigmoid_array}) {
    Floats x = dice.floats(3000), alone(x.size()), beside(x.size());
    for (float& v : x) v = std::fabs(v) * float(1 + dice.upto(86));
    array(int64_t(x.size()), x.data(), alone.data());
    for (size_t i = 7; i < x.size(); i += 50) x[i] = i % 3 ? -1e30f : INFINITY;
    array(int64_t(x.size()), x.data(), beside.data());
    for (size_t i = 0; i < x.size(); ++i)
      if (i % 50 != 7) EXPECT(alone[i] == beside[i], i, x[i], alone[i], beside[i]);
  }
}

TEST("softmax of rows of any length") {
  Dice dice{9};
  for (int64_t n = 1; n < 70; ++n) {
    Floats x = dice.floats(n);
    for (float& v : x) v *= dice.chance(5) ? 200.f : 3.f;
    Floats y(size_t(n) + 1, 12345.f);
    const SoftmaxRow row = softmax_row(n, x.data(), y.data());
    double top = x[0], sum = 0;
    for (int64_t i = 0; i < n; ++i) top = x[size_t(i)] > top ? x[size_t(i)] : top;
    for (int64_t i = 0; i < n; ++i) sum += std::exp(x[size_t(i)] - top);
    for (int64_t i = 0; i < n; ++i) EXPECT(near(y[size_t(i)], std::exp(x[size_t(i)] - top) / sum, 1e-6), n, i);
    EXPECT(row.top == float(top) && near(row.sum, sum, 1e-6) && y[size_t(n)] == 12345.f, n, row.sum, sum);
  }
}

TEST("scaled rows are added one after the other") {
  Dice dice{10};
  for (int64_t count = 0; count < 11; ++count) {
    const int64_t n = dice.upto(23);
    const Floats x = dice.floats(n * (count + 1)), factors = dice.floats(count);
    std::vector<const float*> rows;
    for (int64_t i = 0; i < count; ++i) rows.push_back(x.data() + i * n);
    Floats y = dice.floats(n), wanted = y;
    add_rows(n, count, factors.data(), rows.data(), y.data());
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j < n; ++j) wanted[size_t(j)] += factors[size_t(i)] * x[size_t(i * n + j)];
    for (size_t j = 0; j < size_t(n); ++j) EXPECT(near(y[j], wanted[j], 1e-6), n, count, j);
    EXPECT(y[size_t(n)] == wanted[size_t(n)], n, count);
  }
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
