// SPDX-License-Identifier: Apache-2.0
#include "math/pooling.h"

#include <cstring>

#include "core/parallel.h"
#include "core/simd.h"

namespace pf {
namespace {

constexpr float kLowest = -3.402823466e+38f;

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t larger(int64_t a, int64_t b) { return a < b ? b : a; }

// Inputs [begin, end) of one dimension under window `out`, borders cut off.
struct Span {
  int64_t begin, end;
  Span(const Window& w, int d, int64_t out) {
    const int64_t first = out * w.stride[d] - w.pad_head[d];
    begin = smaller(larger(first, 0), w.in[d]);
    end = larger(smaller(first + w.kernel[d], w.in[d]), begin);
  }
  int64_t size() const { return end - begin; }
};

// The window of one output over all dimensions but the last `inner`, as a walk over the input's rows.
struct RowWalk {
  const Window& w;
  const int dims;
  int64_t begin[kMaxSpatial], end[kMaxSpatial], at[kMaxSpatial];
  int64_t count = 1;

  RowWalk(const Window& w, int dims, int64_t out) : w(w), dims(dims) {
    for (int d = dims - 1; d >= 0; --d) {
      const Span span(w, d, out % w.out[d]);
      out /= w.out[d];
      begin[d] = at[d] = span.begin, end[d] = span.end;
      count *= span.size();
    }
  }
  int64_t row() const {
    int64_t r = 0;
    for (int d = 0; d < dims; ++d) r = r * w.in[d] + at[d];
    return r;
  }
  void next() {
    for (int d = dims - 1; d >= 0; --d) {
      if (++at[d] < end[d]) return;
      at[d] = begin[d];
    }
  }
};

PF_INLINE f32x4 join(Pool kind, f32x4 a, f32x4 b) { return kind == Pool::kMax ? max(b, a) : a + b; }
PF_INLINE float join(Pool kind, float a, float b) { return kind == Pool::kMax ? (b < a ? a : b) : a + b; }
float start(Pool kind) { return kind == Pool::kMax ? kLowest : 0.f; }

// into[i] = join(into[i], from[i])
PF_INLINE void join_row(Pool kind, int64_t n, const float* from, float* into) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) join(kind, f32x4::load(into + i), f32x4::load(from + i)).store(into + i);
  for (; i < n; ++i) into[i] = join(kind, into[i], from[i]);
}

// Columns [begin, end) of one output row, after the `rows` rows of its windows were joined into one.
PF_INLINE void pool_columns(Pool kind, const Window& w, const float* row, int64_t rows, int64_t begin, int64_t end,
                            float* y) {
  for (int64_t o = begin; o < end; ++o) {
    const Span span(w, w.rank - 1, o);
    float value = start(kind);
    for (int64_t i = span.begin; i < span.end; ++i) value = join(kind, value, row[i]);
    const int64_t covered = span.size() * rows;
    y[o] = kind == Pool::kMax || covered == 0 ? value : value / float(covered);
  }
}

// Four outputs at a time where windows of 2 or 3 columns, 2 apart, lie inside: most pooling layers.
PF_INLINE int64_t pool_pairs(Pool kind, const Window& w, const float* row, int64_t rows, int64_t begin, float* y) {
  const int d = w.rank - 1;
  const int64_t kernel = w.kernel[d];
  const float* from = row - w.pad_head[d];
  const f32x4 scale = f32x4::splat(kind == Pool::kMax ? 1.f : 1.f / float(rows * kernel));
  int64_t o = begin;
  // For four outputs, eight columns are read, and two more for windows of 3.
  const int64_t last = w.in[d] + w.pad_head[d] - (kernel == 3 ? 10 : 8);
  for (; o + 4 <= w.out[d] && 2 * o <= last; o += 4) {
    const f32x4 a = f32x4::load(from + 2 * o), b = f32x4::load(from + 2 * o + 4);
    f32x4 value = join(kind, even_lanes(a, b), odd_lanes(a, b));
    if (kernel == 3)
      value = join(kind, value, even_lanes(f32x4::load(from + 2 * o + 2), f32x4::load(from + 2 * o + 6)));
    (value * scale).store(y + o);
  }
  return o;
}

template <Pool kKind>
void pool_row(const Window& w, const float* row, int64_t rows, float* y) {
  const int d = w.rank - 1;
  int64_t begin = 0, done = 0;
  if (w.stride[d] == 2 && (w.kernel[d] == 2 || w.kernel[d] == 3) && w.pad_head[d] >= 0 && w.pad_head[d] <= 1 &&
      rows > 0) {
    begin = w.pad_head[d];
    done = pool_pairs(kKind, w, row, rows, begin, y);
  }
  pool_columns(kKind, w, row, rows, 0, smaller(begin, w.out[d]), y);
  pool_columns(kKind, w, row, rows, done, w.out[d], y);
}

// A global pool needs each input once.
float pool_all(Pool kind, int64_t n, const float* x) {
  f32x4 s[2] = {f32x4::splat(start(kind)), f32x4::splat(start(kind))};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    s[0] = join(kind, s[0], f32x4::load(x + i)), s[1] = join(kind, s[1], f32x4::load(x + i + 4));
  s[0] = join(kind, s[0], s[1]);
  float value = kind == Pool::kMax ? largest(s[0]) : sum(s[0]);
  for (; i < n; ++i) value = join(kind, value, x[i]);
  return kind == Pool::kMax || n == 0 ? value : value / float(n);
}

template <Pool kKind>
void pool_plane(const Window& w, const float* x, float* y, float* row) {
  if (w.out_size == 1 && w.taps == w.in_size) {
    *y = pool_all(kKind, w.in_size, x);
    return;
  }
  const int64_t width = w.in[w.rank - 1], out_width = w.out[w.rank - 1];
  for (int64_t r = 0; r < w.out_size / out_width; ++r, y += out_width) {
    RowWalk walk(w, w.rank - 1, r);
    const float* from = x + walk.row() * width;
    if (walk.count == 0) {
      for (int64_t i = 0; i < width; ++i) row[i] = start(kKind);
      from = row;
    } else if (walk.count > 1) {
      std::memcpy(row, from, size_t(width) * sizeof(float));
      walk.next();
      for (int64_t i = 1; i < walk.count; ++i, walk.next()) join_row(kKind, width, x + walk.row() * width, row);
      from = row;
    }
    pool_row<kKind>(w, from, walk.count, y);
  }
}

// NHWC: one output pixel, all channels.
template <Pool kKind>
void pool_pixel(const Window& w, int64_t channels, const float* x, int64_t pixel, float* y) {
  RowWalk walk(w, w.rank, pixel);
  for (int64_t c = 0; c < channels; ++c) y[c] = start(kKind);
  for (int64_t i = 0; i < walk.count; ++i, walk.next()) join_row(kKind, channels, x + walk.row() * channels, y);
  if (kKind == Pool::kAverage && walk.count)
    for (int64_t c = 0; c < channels; ++c) y[c] /= float(walk.count);
}

template <Pool kKind>
void pool_kind(const PoolShape& s, const float* x, float* y, float* scratch) {
  const Window& w = s.window;
  const int64_t work = w.taps + w.in_size / larger(w.out_size, 1) + 1;
  if (s.channels_last) {
    parallel_for(s.batch * w.out_size, 1 + 32768 / (work * s.channels + 1), [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        pool_pixel<kKind>(w, s.channels, x + p / w.out_size * w.in_size * s.channels, p % w.out_size,
                          y + p * s.channels);
    });
    return;
  }
  const int64_t row = w.in[w.rank - 1] + 16;
  parallel_for(s.batch * s.channels, 1 + 32768 / (work * w.out_size + 1), [&](int64_t begin, int64_t end) {
    float* own = scratch + row * thread_index();
    for (int64_t i = begin; i < end; ++i) pool_plane<kKind>(w, x + i * w.in_size, y + i * w.out_size, own);
  });
}

}  // namespace

int64_t pool_scratch(const PoolShape& s) {
  return s.channels_last ? 0 : (s.window.in[s.window.rank - 1] + 16) * thread_count();
}

void pool_forward(Pool kind, const PoolShape& s, const float* x, float* y, float* scratch) {
  if (kind == Pool::kMax)
    pool_kind<Pool::kMax>(s, x, y, scratch);
  else
    pool_kind<Pool::kAverage>(s, x, y, scratch);
}

namespace {

// body(input row, output row, rows covered) for every pair of one image or plane whose windows touch. A row of NHWC is
// one pixel and has no columns.
template <class F>
PF_INLINE void each_row_pair(const Window& w, int dims, F body) {
  int64_t rows = 1;
  for (int d = 0; d < dims; ++d) rows *= w.out[d];
  for (int64_t r = 0; r < rows; ++r) {
    RowWalk walk(w, dims, r);
    for (int64_t i = 0; i < walk.count; ++i, walk.next()) body(walk.row(), r, walk.count);
  }
}

// dy where x is the largest of its window, as y says.
PF_INLINE f32x4 where_largest(const float* x, f32x4 y, f32x4 dy) {
  return select(f32x4::load(x) == y, dy, f32x4::zero());
}

// Windows of two side by side: four of them are eight inputs. Answers how many were done.
int64_t max_gradient_pairs(int64_t count, const float* x, const float* y, const float* dy, float* dx) {
  int64_t o = 0;
  for (; o + 4 <= count; o += 4, x += 8, dx += 8) {
    const f32x4 top = f32x4::load(y + o), change = f32x4::load(dy + o);
    (f32x4::load(dx) + where_largest(x, low_twice(top), low_twice(change))).store(dx);
    (f32x4::load(dx + 4) + where_largest(x + 4, high_twice(top), high_twice(change))).store(dx + 4);
  }
  return o;
}

void max_gradient_row(const Window& w, const float* x, const float* y, const float* dy, float* dx) {
  const int d = w.rank - 1;
  int64_t o = 0;
  if (w.kernel[d] == 2 && w.stride[d] == 2 && w.pad_head[d] == 0)
    o = max_gradient_pairs(smaller(w.out[d], w.in[d] / 2), x, y, dy, dx);
  for (; o < w.out[d]; ++o) {
    const Span span(w, d, o);
    for (int64_t i = span.begin; i < span.end; ++i) dx[i] += x[i] == y[o] ? dy[o] : 0.f;
  }
}

void average_gradient_row(const Window& w, int64_t rows, const float* dy, float* dx) {
  const int d = w.rank - 1;
  for (int64_t o = 0; o < w.out[d]; ++o) {
    const Span span(w, d, o);
    const float share = dy[o] / float(rows * span.size());
    for (int64_t i = span.begin; i < span.end; ++i) dx[i] += share;
  }
}

// The channels of one pixel of NHWC.
void max_gradient_pixel(int64_t n, const float* x, const float* y, const float* dy, float* dx) {
  int64_t c = 0;
  for (; c + 4 <= n; c += 4)
    (f32x4::load(dx + c) + where_largest(x + c, f32x4::load(y + c), f32x4::load(dy + c))).store(dx + c);
  for (; c < n; ++c) dx[c] += x[c] == y[c] ? dy[c] : 0.f;
}

// Calls plane(input offset, output offset) for every plane of NCHW, or image(n) of NHWC, with its gradient zeroed.
template <class F>
void each_zeroed(const PoolShape& s, float* dx, F body) {
  const int64_t units = s.channels_last ? s.batch : s.batch * s.channels, unit = s.channels_last ? s.channels : 1;
  const int64_t in_step = s.window.in_size * unit, out_step = s.window.out_size * unit;
  parallel_for(units, 1 + 16384 / (in_step + 1), [&](int64_t begin, int64_t end) {
    std::memset(dx + begin * in_step, 0, size_t((end - begin) * in_step) * sizeof(float));
    for (int64_t i = begin; i < end; ++i) body(i * in_step, i * out_step);
  });
}

}  // namespace

void max_pool_gradient(const PoolShape& s, const float* x, const float* y, const float* dy, float* dx) {
  const Window& w = s.window;
  const int64_t in = s.channels_last ? s.channels : w.in[w.rank - 1],
                out = s.channels_last ? s.channels : w.out[w.rank - 1];
  each_zeroed(s, dx, [&](int64_t from, int64_t to) {
    each_row_pair(w, s.channels_last ? w.rank : w.rank - 1, [&](int64_t i, int64_t o, int64_t) {
      const float *xi = x + from + i * in, *yo = y + to + o * out, *dyo = dy + to + o * out;
      if (s.channels_last)
        max_gradient_pixel(s.channels, xi, yo, dyo, dx + from + i * in);
      else
        max_gradient_row(w, xi, yo, dyo, dx + from + i * in);
    });
  });
}

void average_pool_gradient(const PoolShape& s, const float* dy, float* dx) {
  const Window& w = s.window;
  const int64_t in = s.channels_last ? s.channels : w.in[w.rank - 1],
                out = s.channels_last ? s.channels : w.out[w.rank - 1];
  each_zeroed(s, dx, [&](int64_t from, int64_t to) {
    each_row_pair(w, s.channels_last ? w.rank : w.rank - 1, [&](int64_t i, int64_t o, int64_t rows) {
      float* dxi = dx + from + i * in;
      const float* dyo = dy + to + o * out;
      if (!s.channels_last)
        average_gradient_row(w, rows, dyo, dxi);
      else
        for (int64_t c = 0; c < s.channels; ++c) dxi[c] += dyo[c] / float(rows);
    });
  });
}

}  // namespace pf
