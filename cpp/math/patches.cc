// SPDX-License-Identifier: Apache-2.0
#include "math/patches.h"

#include <cstring>

#include "core/parallel.h"
#include "core/simd.h"
#include "math/integers.h"

namespace pf {
namespace {

constexpr int kMaxWidth = 64;  // of a panel

// Some output pixels that follow one another within an output row.
struct Run {
  int64_t length, base;
};

// The runs of output pixels [begin, end), end - begin <= kMaxWidth.
struct Runs {
  int count = 0;
  Run run[kMaxWidth];
  Runs(const PatchLayout& layout, int64_t begin, int64_t end) {
    const int64_t width = layout.out[layout.rank - 1];
    for (int64_t p = begin; p < end; ++count) {
      const int64_t length = smaller(end - p, width - p % width);
      run[count] = {length, layout.base(p)};
      p += length;
    }
  }
};

// `length` inputs, `stride` apart. May write up to three floats too many, which the caller overwrites later.
PF_INLINE void copy_run(const float* from, int64_t stride, int64_t length, float* to) {
  if (stride == 1) {
    for (int64_t i = 0; i < length; i += 4) f32x4::load(from + i).store(to + i);
  } else if (stride == 2) {
    for (int64_t i = 0; i < length; i += 4)
      even_lanes(f32x4::load(from + 2 * i), f32x4::load(from + 2 * i + 4)).store(to + i);
  } else {
    for (int64_t i = 0; i < length; ++i) to[i] = from[i * stride];
  }
}

// The other way: adds to where copy_run reads.
PF_INLINE void add_run(const float* from, int64_t stride, int64_t length, float* to) {
  int64_t i = 0;
  if (stride == 1)
    for (; i + 4 <= length; i += 4) (f32x4::load(to + i) + f32x4::load(from + i)).store(to + i);
  for (; i < length; ++i) to[i * stride] += from[i];
}

}  // namespace

int64_t PatchLayout::base(int64_t pixel) const {
  int64_t at = 0;
  for (int d = rank - 1; d >= 0; --d) {
    at += pixel % out[d] * stride[d] * step[d];
    pixel /= out[d];
  }
  return at;
}

PatchLayout patch_layout(const Window& w, int64_t channels, bool channels_last, int32_t* tap_offset) {
  PatchLayout l{};
  l.rank = w.rank, l.channels = channels, l.channels_last = channels_last;
  for (int d = 0; d < w.rank; ++d) {
    l.padded |= w.pad_head[d] != 0 || w.span(d) > w.in[d];
    l.out[d] = w.out[d], l.stride[d] = w.stride[d];
  }
  int64_t step = channels_last ? channels : 1;
  l.plane = 1;
  for (int d = w.rank - 1; d >= 0; --d) {
    l.size[d] = l.padded ? w.span(d) : w.in[d];
    l.step[d] = step;
    step *= l.size[d], l.plane *= l.size[d];
  }
  for (int64_t t = 0; tap_offset && t < w.taps; ++t) {
    int64_t rest = t, at = 0;
    for (int d = w.rank - 1; d >= 0; --d) {
      at += rest % w.kernel[d] * w.dilation[d] * l.step[d];
      rest /= w.kernel[d];
    }
    tap_offset[t] = int32_t(at);
  }
  l.tap_offset = tap_offset;
  return l;
}

namespace {

// Where row r of the padded image comes from: its row of the unpadded one, or -1 in the padding.
int64_t source_row(const Window& w, const PatchLayout& l, int64_t r) {
  int64_t row = 0, factor = 1;
  for (int d = w.rank - 2; d >= 0; --d) {
    const int64_t i = r % l.size[d] - w.pad_head[d];
    if (i < 0 || i >= w.in[d]) return -1;
    row += i * factor;
    factor *= w.in[d];
    r /= l.size[d];
  }
  return row;
}

// The part [to, to + length) of a padded row that holds input [from, from + length), counted in pixels.
struct RowPart {
  int64_t from, to, length;
  RowPart(const Window& w, const PatchLayout& l) {
    const int64_t head = w.pad_head[w.rank - 1];
    from = smaller(head < 0 ? -head : 0, w.in[w.rank - 1]);
    to = smaller(head < 0 ? 0 : head, l.size[w.rank - 1]);
    length = smaller(w.in[w.rank - 1] - from, l.size[w.rank - 1] - to);
  }
};

}  // namespace

void pad_images(const Window& w, const PatchLayout& l, int64_t begin, int64_t end, const float* x, float* out) {
  const int64_t unit = l.channels_last ? l.channels : 1, planes = l.channels_last ? 1 : l.channels;
  const int64_t width = l.size[w.rank - 1], rows = l.plane / width, in_width = w.in[w.rank - 1];
  const RowPart part(w, l);
  parallel_for((end - begin) * planes, 1 + 16384 / (l.plane * unit + 1), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const float* from = x + (begin * planes + i) * w.in_size * unit;
      float* to = out + i / planes * l.image_size() + i % planes * l.plane;
      for (int64_t r = 0; r < rows; ++r, to += width * unit) {
        const int64_t row = source_row(w, l, r);
        if (row < 0) {
          std::memset(to, 0, size_t(width * unit) * sizeof(float));
          continue;
        }
        std::memset(to, 0, size_t(part.to * unit) * sizeof(float));
        std::memcpy(to + part.to * unit, from + (row * in_width + part.from) * unit,
                    size_t(part.length * unit) * sizeof(float));
        const int64_t done = part.to + part.length;
        std::memset(to + done * unit, 0, size_t((width - done) * unit) * sizeof(float));
      }
    }
  });
}

void unpad_image(const Window& w, const PatchLayout& l, const float* padded, float* x) {
  const int64_t width = l.size[w.rank - 1], rows = l.plane / width, in_width = w.in[w.rank - 1];
  const RowPart part(w, l);
  parallel_for(l.channels, 1 + 16384 / (l.plane + 1), [&](int64_t first, int64_t last) {
    // Inputs that no window reads keep gradient 0.
    std::memset(x + first * w.in_size, 0, size_t((last - first) * w.in_size) * sizeof(float));
    for (int64_t i = first * rows; i < last * rows; ++i) {
      const int64_t row = source_row(w, l, i % rows);
      if (row >= 0)
        std::memcpy(x + i / rows * w.in_size + row * in_width + part.from, padded + i * width + part.to,
                    size_t(part.length) * sizeof(float));
    }
  });
}

void pack_pixels(const void* source, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end,
                 float* out) {
  const PatchSource& s = *static_cast<const PatchSource*>(source);
  const PatchLayout& l = *s.layout;
  const int64_t stride = l.stride[l.rank - 1];
  for (int64_t p = begin; p < end; p += width) {
    const int64_t valid = smaller(width, end - p);
    const Runs runs(l, p, p + valid);
    int64_t tap = k_begin % s.taps;
    const float* image = s.image + k_begin / s.taps * l.plane;
    for (int64_t k = k_begin; k < k_end; ++k, out += width) {
      const float* const from = image + l.tap_offset[tap];
      float* to = out;
      for (int r = 0; r < runs.count; ++r) {
        copy_run(from + runs.run[r].base, stride, runs.run[r].length, to);
        to += runs.run[r].length;
      }
      for (; to < out + width; ++to) *to = 0;
      if (++tap == s.taps) tap = 0, image += l.plane;
    }
  }
}

void locate_taps(const void* source, int64_t i, int64_t piece, int64_t pieces, const float** out, int step) {
  const PatchSource& s = *static_cast<const PatchSource*>(source);
  const PatchLayout& l = *s.layout;
  const int last = l.rank - 1;
  // Output rows that follow each other at equal distances; one where a plane is one piece.
  const bool whole = s.length == s.pixels;
  const int64_t rows = whole || last == 0 ? 1 : l.out[last - 1],
                distance = rows > 1 ? l.stride[last - 1] * l.step[last - 1] : 0;
  const float* const from = s.image + i / s.taps * l.plane + l.tap_offset[i % s.taps];
  const int64_t each = s.pixels / s.length;
  for (const int64_t end = piece + pieces; piece < end;) {
    const int64_t row = piece % each, some = smaller(end - piece, rows - row % rows);
    const float* at = from + piece / each * s.image_stride + l.base(row * s.length);
    piece += some;
    for (int64_t j = 0; j < some; ++j, at += distance, out += step) *out = at;
  }
}

void pack_taps(const void* source, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end, float* out) {
  const PatchSource& s = *static_cast<const PatchSource*>(source);
  const PatchLayout& l = *s.layout;
  const int64_t stride = l.stride[l.rank - 1], out_width = l.out[l.rank - 1];
  for (int64_t i = begin; i < end; i += width)
    for (int64_t k = k_begin; k < k_end;) {
      const int64_t p = k % s.pixels, length = smaller(k_end - k, out_width - p % out_width);
      const float* const image = s.image + k / s.pixels * s.image_stride + l.base(p);
      for (int64_t j = 0; j < width; ++j) {
        const float* from = image + (i + j) / s.taps * l.plane + l.tap_offset[(i + j) % s.taps];
        const bool there = i + j < end;
        for (int64_t q = 0; q < length; ++q, from += stride) out[q * width + j] = there ? *from : 0.f;
      }
      out += length * width;
      k += length;
    }
}

void pack_planes(const void* source, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end,
                 float* out) {
  const PlaneSource& s = *static_cast<const PlaneSource*>(source);
  for (int64_t i = begin; i < end; i += width)
    for (int64_t k = k_begin; k < k_end;) {
      const int64_t p = k % s.pixels, length = smaller(k_end - k, s.pixels - p);
      const GemmSide side = rows_of(s.data + k / s.pixels * s.image_stride, s.pixels);
      pack_matrix(side, width, i, smaller(i + width, end), p, p + length, out);
      out += length * width;
      k += length;
    }
}

void locate_pixels(const void* source, int64_t i, int64_t tap, int64_t taps, const float** out, int step) {
  const RowSource& s = *static_cast<const RowSource*>(source);
  const float* const window = s.image + s.layout->base(i);
  for (int64_t t = tap; t < tap + taps; ++t, out += step) *out = window + s.layout->tap_offset[t * s.taps];
}

void scatter_patches(const PatchLayout& l, int64_t channels, int64_t taps, int64_t begin, int64_t end,
                     const float* columns, float* image) {
  const int64_t stride = l.stride[l.rank - 1], pixels = end - begin;
  parallel_for(channels, 1 + 8192 / (taps * pixels + 1), [&](int64_t first, int64_t last) {
    for (int64_t p = begin; p < end; p += kMaxWidth) {
      const Runs runs(l, p, smaller(p + kMaxWidth, end));
      for (int64_t k = first * taps; k < last * taps; ++k) {
        float* const plane = image + k / taps * l.plane + l.tap_offset[k % taps];
        const float* from = columns + k * pixels + p - begin;
        for (int r = 0; r < runs.count; from += runs.run[r++].length)
          add_run(from, stride, runs.run[r].length, plane + runs.run[r].base);
      }
    }
  });
}

}  // namespace pf
