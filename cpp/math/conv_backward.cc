// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "core/parallel.h"
#include "math/conv.h"
#include "math/integers.h"
#include "math/patches.h"
#include "math/reduce.h"
#include "math/transpose.h"

namespace pf {
namespace {

// --- filter: dW[m, (c, t)] = sum over images and pixels of dY[m, pixel] * patch[(c, t), pixel]: products, turned over,
// whose k runs over the pixels of many images. The patches mostly lie in rows as they are needed, so only dY is packed.
// Few weights are summed up in several parts, one on each thread; how many does not depend on the number of threads.

constexpr int64_t kParts = 8, kPartFloats = int64_t(1) << 18;  // parts, and floats of all of them, at most

struct FilterScratch {
  int64_t together;  // images padded at a time: their copies may take 8 MiB
  int64_t parts, product_step, total;
  int32_t* tap_offset;
  float *images, *sums, *product;
  FilterScratch(const ConvShape& s, const PatchLayout& l, float* block) {
    Carver carve(block);
    together = l.padded ? larger(1, smaller(s.batch, (int64_t(2) << 20) / (l.image_size() + 1))) : s.batch;
    parts = larger(1, smaller(smaller(kParts, together), kPartFloats / (s.out_channels * s.patch() + 1)));
    tap_offset = carve.ints(s.taps);
    images = carve.floats(l.image_size() * together);
    sums = carve.floats(s.out_channels * s.patch() * parts);
    const int64_t k = s.out_size * ((together + parts - 1) / parts);
    product_step = gemm_alone_scratch(s.patch(), s.out_per_group(), k);
    product = carve.floats(larger(gemm_scratch(s.patch(), s.out_per_group(), k), product_step * thread_count()));
    total = carve.total;
  }
};

// One group's share of some images, of which `image` and `dy` are the first, added to or put into dW'.
void filter_share(const ConvShape& s, const PatchLayout& l, int64_t count, const float* image, const float* dy,
                  bool accumulate, float* dw, bool alone, float* scratch) {
  const PlaneSource planes{dy, s.out_channels * s.out_size, s.out_size};
  const PatchSource patches{&l,         image,  l.padded ? l.image_size() : s.in_channels * s.in_size,
                            s.out_size, s.taps, s.pointwise() ? s.out_size : s.out[s.rank - 1]};
  Gemm product;
  product.m = s.patch(), product.n = s.out_per_group(), product.k = s.out_size * count;
  product.a.source = &patches, product.a.length = patches.length;
  if (s.stride[s.rank - 1] == 1)
    product.a.locate = locate_taps;
  else
    product.a.pack = pack_taps;
  product.b.pack = pack_planes, product.b.source = &planes;
  product.c = dw, product.c_stride = product.n;
  if (accumulate) product.add = dw;
  alone ? gemm_alone(product, scratch) : gemm(product, scratch);
}

}  // namespace

int64_t conv_filter_gradient_scratch(const ConvShape& s) {
  return FilterScratch(s, patch_layout(s, s.in_channels, false, nullptr), nullptr).total;
}

void conv_filter_gradient(const ConvShape& s, const float* x, const float* dy, float* dw, float* scratch) {
  const PatchLayout l = patch_layout(s, s.in_channels, false, reinterpret_cast<int32_t*>(scratch));
  const FilterScratch part(s, l, scratch);
  const int64_t outputs = s.out_per_group(), patch = s.patch(), weights = s.out_channels * patch;
  if (s.batch == 0 || s.out_size == 0) return void(std::memset(dw, 0, size_t(weights) * sizeof(float)));
  const int64_t image = l.padded ? l.image_size() : s.in_channels * s.in_size, out_image = s.out_channels * s.out_size;
  for (int64_t n = 0; n < s.batch; n += part.together) {
    const int64_t count = smaller(part.together, s.batch - n), shares = part.parts * s.group;
    if (l.padded) pad_images(s, l, n, n + count, x, part.images);
    parallel_for(shares, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t p = i / s.group, g = i % s.group;
        const int64_t first = count * p / part.parts, some = count * (p + 1) / part.parts - first;
        float* const own = part.sums + p * weights + g * outputs * patch;
        const bool alone = shares > 1;
        if (some)
          filter_share(s, l, some, (l.padded ? part.images : x) + first * image + g * s.in_per_group() * l.plane,
                       dy + (n + first) * out_image + g * outputs * s.out_size, n > 0, own, alone,
                       part.product + (alone ? thread_index() * part.product_step : 0));
        else if (n == 0)
          std::memset(own, 0, size_t(outputs * patch) * sizeof(float));
      }
    });
  }
  if (part.parts > 1) sum_rows(part.parts - 1, weights, part.sums + weights, true, part.sums);
  transpose_matrices(s.group, patch, outputs, part.sums, dw);
}

// --- input: dX. Columns = W' * dY are added back to where the patches take them from.

namespace {

bool by_image(const ConvShape& s) { return s.batch >= thread_count(); }

// Output pixels whose columns are made at a time: 1 MiB of them, or one tile.
int64_t column_chunk(const ConvShape& s) {
  return smaller(s.out_size, larger(64, (int64_t(1) << 18) / (s.patch() + 1)));
}

struct ColumnScratch {
  int32_t* tap_offset;
  float *packed, *columns, *images, *product;
  int64_t product_step, total;  // from thread to thread
  ColumnScratch(const ConvShape& s, const PatchLayout& l, float* block) {
    Carver carve(block);
    const int64_t workers = by_image(s) ? thread_count() : 1;
    tap_offset = carve.ints(s.taps);
    packed = carve.floats(s.group * gemm_packed_size(s.patch(), s.out_per_group(), gemm_kernel().rows));
    columns = carve.floats(s.patch() * column_chunk(s) * workers);
    images = carve.floats(l.image_size() * workers);
    product_step = gemm_alone_scratch(s.patch(), column_chunk(s), s.out_per_group());
    product = carve.floats(
        larger(gemm_scratch(s.patch(), column_chunk(s), s.out_per_group()), by_image(s) ? product_step * workers : 0));
    total = carve.total;
  }
};

// One image: dY times the filter, added up in `image`, or where that is one tap for each input, put there.
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
      float* const inputs = image + g * s.in_per_group() * l.plane;
      product.c = s.pointwise() ? inputs + p : columns, product.c_stride = s.pointwise() ? l.plane : product.n;
      by_image(s) ? gemm_alone(product, scratch) : gemm(product, scratch);
      if (!s.pointwise()) scatter_patches(l, s.in_per_group(), s.taps, p, p + product.n, columns, inputs);
    }
}

}  // namespace

int64_t conv_input_gradient_scratch(const ConvShape& s) {
  return ColumnScratch(s, patch_layout(s, s.in_channels, false, nullptr), nullptr).total;
}

void conv_input_gradient(const ConvShape& s, const float* w, const float* dy, float* dx, float* scratch) {
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
      if (!s.pointwise()) std::memset(image, 0, size_t(l.plane * s.in_channels) * sizeof(float));
      add_columns(s, l, part.packed, dy + n * s.out_channels * s.out_size, part.columns + worker * k * column_chunk(s),
                  image, part.product + worker * part.product_step);
      if (l.padded) unpad_image(s, l, own, dx + n * in_step);
    }
  };
  if (by_image(s))
    parallel_for(s.batch, 1, run);
  else
    run(0, s.batch);
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
