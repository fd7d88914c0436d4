// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "core/parallel.h"
#include "math/conv.h"
#include "math/patches.h"
#include "math/reduce.h"

namespace pf {
namespace {

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t larger(int64_t a, int64_t b) { return a < b ? b : a; }

// --- filter: dW[m, (c, t)] = sum over images and pixels of dY[m, pixel] * patch[(c, t), pixel], one product whose k
// runs over the pixels of many images, so that all threads have work even when images are small.

// Images padded at a time: their copies may take 8 MiB.
int64_t images_at_once(const ConvShape& s, const PatchLayout& l) {
  if (!l.padded) return s.batch;
  return larger(1, smaller(s.batch, (int64_t(2) << 20) / (l.image_size() + 1)));
}

struct FilterScratch {
  int32_t* tap_offset;
  float *images, *product;
  int64_t total;
  FilterScratch(const ConvShape& s, const PatchLayout& l, float* block) {
    Carver carve(block);
    tap_offset = carve.ints(s.taps);
    const int64_t images_count = images_at_once(s, l);
    images = carve.floats(l.image_size() * images_count);
    product = carve.floats(gemm_scratch(s.out_per_group(), s.patch(), s.out_size * images_count));
    total = carve.total;
  }
};

}  // namespace

int64_t conv_filter_gradient_scratch(const ConvShape& s) {
  return FilterScratch(s, patch_layout(s, s.in_channels, false, nullptr), nullptr).total;
}

void conv_filter_gradient(const ConvShape& s, const float* x, const float* dy, float* dw, float* scratch) {
  const PatchLayout l = patch_layout(s, s.in_channels, false, reinterpret_cast<int32_t*>(scratch));
  const FilterScratch part(s, l, scratch);
  const int64_t step = images_at_once(s, l), outputs = s.out_per_group(), inputs = s.in_per_group();
  if (s.batch == 0) std::memset(dw, 0, size_t(s.out_channels * s.patch()) * sizeof(float));
  for (int64_t n = 0; n < s.batch; n += step) {
    const int64_t count = smaller(step, s.batch - n);
    if (l.padded) pad_images(s, l, n, n + count, x, part.images);
    const float* images = l.padded ? part.images : x;
    const int64_t image_stride = l.padded ? l.image_size() : s.in_channels * s.in_size;
    for (int64_t g = 0; g < s.group; ++g) {
      const PlaneSource planes{dy + (n * s.out_channels + g * outputs) * s.out_size, s.out_channels * s.out_size,
                               s.out_size};
      const PatchSource patches{&l, images + g * inputs * l.plane, image_stride, s.out_size, s.taps, inputs};
      Gemm product;
      product.m = outputs, product.n = s.patch(), product.k = s.out_size * count;
      product.a.pack = pack_planes, product.a.source = &planes;
      product.b.pack = pack_taps, product.b.source = &patches;
      product.c = dw + g * outputs * s.patch(), product.c_stride = s.patch();
      product.add = n > 0 ? product.c : nullptr;
      gemm(product, part.product);
    }
  }
}

// --- input: dX. With steps of 1 it is a convolution of dY with the filter turned round; else (and where that would
// spend too much on the border) columns = W' * dY are added back to where they were taken from.

namespace {

bool turned_is_better(const ConvShape& s) {
  for (int d = 0; d < s.rank; ++d)
    if (s.stride[d] != 1) return false;
  return s.in_per_group() >= 4 && s.in_size * 10 <= s.out_size * 12;
}

// The convolution that takes dY to dX.
ConvShape turned(const ConvShape& s) {
  ConvShape t = s;
  t.in_channels = s.out_channels, t.out_channels = s.in_channels;
  for (int d = 0; d < s.rank; ++d) {
    t.in[d] = s.out[d], t.out[d] = s.in[d];
    t.pad_head[d] = s.dilation[d] * (s.kernel[d] - 1) - s.pad_head[d];
    t.pad_tail[d] = t.span(d) - t.in[d] - t.pad_head[d];
  }
  t.in_size = s.out_size, t.out_size = s.in_size;
  return t;
}

// w[g][m][c][t] to turned[g][c][m][taps - 1 - t]
void turn_filter(const ConvShape& s, const float* w, float* to) {
  const int64_t outputs = s.out_per_group(), inputs = s.in_per_group();
  for (int64_t m = 0; m < s.out_channels; ++m)
    for (int64_t c = 0; c < inputs; ++c) {
      const float* from = w + (m * inputs + c) * s.taps;
      float* into = to + ((m / outputs * inputs + c) * outputs + m % outputs) * s.taps;
      for (int64_t t = 0; t < s.taps; ++t) into[s.taps - 1 - t] = from[t];
    }
}

struct TurnedScratch {
  float *filter, *packed, *forward;
  int64_t total;
  TurnedScratch(const ConvShape& s, float* block) {
    Carver carve(block);
    const ConvShape t = turned(s);
    filter = carve.floats(s.out_channels * s.patch());
    packed = carve.floats(conv_packed_size(t));
    forward = carve.floats(conv_forward_scratch(t));
    total = carve.total;
  }
};

void turned_gradient(const ConvShape& s, const float* w, const float* dy, float* dx, float* scratch) {
  const TurnedScratch part(s, scratch);
  const ConvShape t = turned(s);
  turn_filter(s, w, part.filter);
  conv_pack(t, part.filter, nullptr, part.packed);
  conv_forward(t, dy, part.packed, {}, dx, part.forward);
}

bool by_image(const ConvShape& s) { return s.batch >= thread_count(); }

// Output pixels whose columns are made at a time: 1 MiB of them, or one tile.
int64_t column_chunk(const ConvShape& s) {
  return smaller(s.out_size, larger(64, (int64_t(1) << 18) / (s.patch() + 1)));
}

struct ColumnScratch {
  int32_t* tap_offset;
  float *packed, *columns, *images, *product;
  int64_t total;
  ColumnScratch(const ConvShape& s, const PatchLayout& l, float* block) {
    Carver carve(block);
    const int64_t workers = by_image(s) ? thread_count() : 1;
    tap_offset = carve.ints(s.taps);
    packed = carve.floats(s.group * gemm_packed_size(s.patch(), s.out_per_group(), gemm_kernel().rows));
    columns = carve.floats(s.patch() * column_chunk(s) * workers);
    images = carve.floats(l.image_size() * workers);
    product = carve.floats(gemm_scratch(s.patch(), column_chunk(s), s.out_per_group()));
    total = carve.total;
  }
};

// One image: dY times the filter, added up in `image`.
void add_columns(const ConvShape& s, const PatchLayout& l, const float* packed, const float* dy, float* columns,
                 float* image, float* scratch) {
  const int64_t outputs = s.out_per_group(), chunk = column_chunk(s);
  const int64_t packed_size = gemm_packed_size(s.patch(), outputs, gemm_kernel().rows);
  for (int64_t g = 0; g < s.group; ++g)
    for (int64_t p = 0; p < s.out_size; p += chunk) {
      Gemm product;
      product.m = s.patch(), product.n = smaller(chunk, s.out_size - p), product.k = outputs;
      product.a.packed = packed + g * packed_size;
      product.b = columns_of(dy + g * outputs * s.out_size + p, s.out_size);
      product.c = columns, product.c_stride = product.n;
      gemm(product, scratch);
      scatter_patches(l, s.in_per_group(), s.taps, p, p + product.n, columns, image + g * s.in_per_group() * l.plane);
    }
}

void column_gradient(const ConvShape& s, const float* w, const float* dy, float* dx, float* scratch) {
  const PatchLayout l = patch_layout(s, s.in_channels, false, reinterpret_cast<int32_t*>(scratch));
  const ColumnScratch part(s, l, scratch);
  const int64_t outputs = s.out_per_group(), k = s.patch(), in_step = s.in_channels * s.in_size;
  const int64_t packed_size = gemm_packed_size(k, outputs, gemm_kernel().rows);
  for (int64_t g = 0; g < s.group; ++g)
    gemm_pack(columns_of(w + g * outputs * k, k), gemm_kernel().rows, k, outputs, part.packed + g * packed_size);
  const auto run = [&](int64_t begin, int64_t end) {
    const int64_t worker = by_image(s) ? thread_index() : 0;
    float* const own = part.images + worker * l.image_size();
    for (int64_t n = begin; n < end; ++n) {
      float* image = l.padded ? own : dx + n * in_step;
      std::memset(image, 0, size_t(l.plane * s.in_channels) * sizeof(float));
      add_columns(s, l, part.packed, dy + n * s.out_channels * s.out_size, part.columns + worker * k * column_chunk(s),
                  image, part.product);
      if (l.padded) unpad_image(s, l, own, dx + n * in_step);
    }
  };
  if (by_image(s))
    parallel_for(s.batch, 1, run);
  else
    run(0, s.batch);
}

}  // namespace

int64_t conv_input_gradient_scratch(const ConvShape& s) {
  if (turned_is_better(s)) return TurnedScratch(s, nullptr).total;
  return ColumnScratch(s, patch_layout(s, s.in_channels, false, nullptr), nullptr).total;
}

void conv_input_gradient(const ConvShape& s, const float* w, const float* dy, float* dx, float* scratch) {
  if (turned_is_better(s))
    turned_gradient(s, w, dy, dx, scratch);
  else
    column_gradient(s, w, dy, dx, scratch);
}

void conv_bias_gradient(int64_t batch, int64_t channels, int64_t pixels, const float* dy, float* db) {
  parallel_for(channels, 1 + 16384 / (batch * pixels + 1), [=](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      float total = 0;
      for (int64_t n = 0; n < batch; ++n) total += sum_of(pixels, dy + (n * channels + c) * pixels);
      db[c] = total;
    }
  });
}

}  // namespace pf
