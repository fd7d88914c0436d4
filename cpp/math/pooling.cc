// SPDX-License-Identifier: Apache-2.0
#include "math/pooling.h"

#include <cstring>

#include "core/parallel.h"
#include "core/simd.h"
#include "math/integers.h"

namespace pf {
namespace {

constexpr float kLowest = -3.402823466e+38f;
constexpr int64_t kFewPixels = 64, kSomeChannels = 64;

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
      const Span span(w, d, d ? out % w.out[d] : out);
      if (d) out /= w.out[d];
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

// to[i] = join(a[i], b[i]). These loops have a text for each kind; what calls them has one.
template <Pool kKind>
__attribute__((noinline)) void join_rows_of(int64_t n, const float* a, const float* b, float* to) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) join(kKind, f32x4::load(a + i), f32x4::load(b + i)).store(to + i);
  for (; i < n; ++i) to[i] = join(kKind, a[i], b[i]);
}
void join_rows(Pool kind, int64_t n, const float* a, const float* b, float* to) {
  kind == Pool::kMax ? join_rows_of<Pool::kMax>(n, a, b, to) : join_rows_of<Pool::kAverage>(n, a, b, to);
}

// Columns [begin, end) of one output row, after the `rows` rows of its windows were joined into one.
void pool_columns(Pool kind, const Window& w, const float* row, int64_t rows, int64_t begin, int64_t end, float* y) {
  for (int64_t o = begin; o < end; ++o) {
    const Span span(w, w.rank - 1, o);
    float value = start(kind);
    for (int64_t i = span.begin; i < span.end; ++i) value = join(kind, value, row[i]);
    const int64_t covered = span.size() * rows;
    y[o] = kind == Pool::kMax || covered == 0 ? value : value / float(covered);
  }
}

// Four outputs at a time where windows of 2 or 3 columns, 2 apart, lie inside: most pooling layers.
template <Pool kind>
__attribute__((noinline)) int64_t pool_pairs(const Window& w, const float* row, int64_t rows, int64_t begin, float* y) {
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

void pool_row(Pool kind, const Window& w, const float* row, int64_t rows, float* y) {
  const int d = w.rank - 1;
  int64_t begin = 0, done = 0;
  if (w.stride[d] == 2 && (w.kernel[d] == 2 || w.kernel[d] == 3) && w.pad_head[d] >= 0 && w.pad_head[d] <= 1 &&
      rows > 0) {
    begin = w.pad_head[d];
    done = kind == Pool::kMax ? pool_pairs<Pool::kMax>(w, row, rows, begin, y)
                              : pool_pairs<Pool::kAverage>(w, row, rows, begin, y);
  }
  pool_columns(kind, w, row, rows, 0, smaller(begin, w.out[d]), y);
  pool_columns(kind, w, row, rows, done, w.out[d], y);
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

void pool_plane(Pool kind, const Window& w, const float* x, float* y, float* row) {
  if (w.out_size == 1 && w.taps == w.in_size) {
    *y = pool_all(kind, w.in_size, x);
    return;
  }
  const int64_t width = w.in[w.rank - 1], out_width = w.out[w.rank - 1];
  for (int64_t r = 0; r < w.out_size / out_width; ++r, y += out_width) {
    RowWalk walk(w, w.rank - 1, r);
    const float* from = x + walk.row() * width;
    if (walk.count == 0) {
      for (int64_t i = 0; i < width; ++i) row[i] = start(kind);
      from = row;
    }
    for (int64_t i = 1; i < walk.count; ++i, from = row) {
      walk.next();
      join_rows(kind, width, from, x + walk.row() * width, row);
    }
    pool_row(kind, w, from, walk.count, y);
  }
}

// Joins the taps into y[i, n), and what is there too unless `first`; so many vectors at a time as kVectors stay in
// registers. Answers where it ends.
template <Pool kKind, int kVectors>
PF_INLINE int64_t join_columns(int64_t i, int64_t n, const float* const* taps, int64_t count, bool first, float* y) {
  for (; i + 4 * kVectors <= n; i += 4 * kVectors) {
    f32x4 value[kVectors];
    PF_UNROLL
    for (int v = 0; v < kVectors; ++v) value[v] = first ? f32x4::splat(start(kKind)) : f32x4::load(y + i + 4 * v);
    for (int64_t t = 0; t < count; ++t) {
      PF_UNROLL
      for (int v = 0; v < kVectors; ++v) value[v] = join(kKind, value[v], f32x4::load(taps[t] + i + 4 * v));
    }
    PF_UNROLL
    for (int v = 0; v < kVectors; ++v) value[v].store(y + i + 4 * v);
  }
  return i;
}
template <Pool kKind>
__attribute__((noinline)) void join_taps_of(int64_t n, const float* const* taps, int64_t count, bool first, float* y) {
  int64_t i = join_columns<kKind, 4>(0, n, taps, count, first, y);
  i = join_columns<kKind, 1>(i, n, taps, count, first, y);
  for (; i < n; ++i) {
    float value = first ? start(kKind) : y[i];
    for (int64_t t = 0; t < count; ++t) value = join(kKind, value, taps[t][i]);
    y[i] = value;
  }
}

// NHWC: `count` channels of one output pixel, x and y from the first of them on.
void pool_pixel(Pool kind, const PoolShape& s, int64_t count, const float* x, int64_t pixel, float* y) {
  constexpr int64_t kTaps = 16;  // at a time
  const float* taps[kTaps];
  RowWalk walk(s.window, s.window.rank, pixel);
  int64_t done = 0;
  do {
    const int64_t some = smaller(walk.count - done, kTaps);
    for (int64_t t = 0; t < some; ++t, walk.next()) taps[t] = x + walk.row() * s.channels;
    kind == Pool::kMax ? join_taps_of<Pool::kMax>(count, taps, some, done == 0, y)
                       : join_taps_of<Pool::kAverage>(count, taps, some, done == 0, y);
    done += kTaps;
  } while (done < walk.count);
  if (kind == Pool::kAverage && walk.count)
    for (int64_t c = 0; c < count; ++c) y[c] /= float(walk.count);
}

}  // namespace

void as_in_first_run(const WindowArgs& args, Window* w) {
  for (int d = args.global_kernels ? args.global_kernels : 2; d < w->rank; ++d) {
    w->in_size /= w->in[d], w->taps /= w->kernel[d];
    w->in[d] = w->kernel[d] = 1;
  }
}

int64_t pool_scratch(const PoolShape& s) {
  return s.channels_last ? 0 : (s.window.in[s.window.rank - 1] + 16) * thread_count();
}

void pool_forward(Pool kind, const PoolShape& s, const float* x, float* y, float* scratch) {
  const Window& w = s.window;
  const int64_t work = w.taps + w.in_size / larger(w.out_size, 1) + 1;
  if (s.channels_last) {
    // Few pixels, as of a global pool: threads share the channels too.
    const int64_t pixels = s.batch * w.out_size;
    const int64_t some = pixels < kFewPixels && s.channels > kSomeChannels ? kSomeChannels : s.channels;
    const int64_t parts = (s.channels - 1) / larger(some, 1) + 1;
    parallel_for(pixels * parts, 1 + 32768 / (work * some + 1), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t p = i / parts, first = i % parts * some;
        pool_pixel(kind, s, smaller(some, s.channels - first), x + p / w.out_size * w.in_size * s.channels + first,
                   p % w.out_size, y + p * s.channels + first);
      }
    });
    return;
  }
  const int64_t row = w.in[w.rank - 1] + 16;
  parallel_for(s.batch * s.channels, 1 + 32768 / (work * w.out_size + 1), [&](int64_t begin, int64_t end) {
    float* own = scratch + row * thread_index();
    for (int64_t i = begin; i < end; ++i) pool_plane(kind, w, x + i * w.in_size, y + i * w.out_size, own);
  });
}

namespace {

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

void average_gradient_pixel(int64_t n, int64_t rows, const float* dy, float* dx) {
  for (int64_t c = 0; c < n; ++c) dx[c] += dy[c] / float(rows);
}

// Every pair of an input and an output row whose windows touch, of each plane of NCHW or image of NHWC. A row of NHWC
// is one pixel and has no columns.
void gradient(Pool kind, const PoolShape& s, const float* x, const float* y, const float* dy, float* dx) {
  const Window& w = s.window;
  const bool last = s.channels_last, max = kind == Pool::kMax;
  const int dims = last ? w.rank : w.rank - 1;
  const int64_t units = last ? s.batch : s.batch * s.channels, in = last ? s.channels : w.in[w.rank - 1],
                out = last ? s.channels : w.out[w.rank - 1];
  const int64_t in_step = w.in_size * (last ? s.channels : 1), rows = last ? w.out_size : w.out_size / larger(out, 1);
  parallel_for(units, 1 + 16384 / (in_step + 1), [&](int64_t begin, int64_t end) {
    std::memset(dx + begin * in_step, 0, size_t((end - begin) * in_step) * sizeof(float));
    for (int64_t u = begin; u < end; ++u)
      for (int64_t r = 0; r < rows; ++r) {
        RowWalk walk(w, dims, r);
        const int64_t to = (u * rows + r) * out;
        for (int64_t i = 0; i < walk.count; ++i, walk.next()) {
          const int64_t from = u * in_step + walk.row() * in;
          if (max)
            last ? max_gradient_pixel(in, x + from, y + to, dy + to, dx + from)
                 : max_gradient_row(w, x + from, y + to, dy + to, dx + from);
          else
            last ? average_gradient_pixel(in, walk.count, dy + to, dx + from)
                 : average_gradient_row(w, walk.count, dy + to, dx + from);
        }
      }
  });
}

}  // namespace

void max_pool_gradient(const PoolShape& s, const float* x, const float* y, const float* dy, float* dx) {
  gradient(Pool::kMax, s, x, y, dy, dx);
}

void average_pool_gradient(const PoolShape& s, const float* dy, float* dx) {
  gradient(Pool::kAverage, s, nullptr, nullptr, dy, dx);
}

}  // namespace pf
