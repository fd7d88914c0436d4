// SPDX-License-Identifier: Apache-2.0
#include "math/conv.h"

#include <cstring>
#include <utility>

#include "core/parallel.h"
#include "math/patches.h"
#include "math/winograd.h"

namespace pf {
namespace {

constexpr int64_t kOwnImage = int64_t(1) << 18;  // floats of a padded copy that each thread may have

// Threads take whole images when each gets one; large ones with padding they share, one after the other.
bool by_image(const ConvShape& s, const PatchLayout& layout) {
  return s.batch >= thread_count() && layout.image_size() <= kOwnImage;
}

// Whether the filter lies along k = (tap, channel) in panels of the product's columns, as products over pixels and
// Winograd's way read it; else along (channel, tap) in panels of rows.
bool tap_by_tap(const ConvShape& s) { return s.channels_last || winograd_tile(s); }
int panel_width(const ConvShape& s) { return tap_by_tap(s) ? gemm_kernel().columns : gemm_kernel().rows; }

struct ForwardScratch {
  int32_t* tap_offset;
  float *images, *product;
  int64_t total;
  ForwardScratch(const ConvShape& s, const PatchLayout& layout, float* block) {
    Carver carve(block);
    tap_offset = carve.ints(s.taps);
    images = carve.floats(layout.image_size() * (by_image(s, layout) ? thread_count() : 1));
    product = carve.floats(of_product(s));
    total = carve.total;
  }
  static int64_t of_product(const ConvShape& s) {
    const int64_t outputs = s.out_per_group(), k = s.patch();
    if (!s.channels_last) return gemm_scratch(outputs, s.out_size, k);
    return s.pointwise() ? gemm_together_scratch(s.out_size * s.batch, outputs, k, true)
                         : gemm_scratch(s.out_size, outputs, k, true);
  }
};

// Taps that follow each other along a row of NHWC lie side by side, all channels of one after those of the other.
int64_t taps_in_a_row(const ConvShape& s) {
  return s.group == 1 && s.dilation[s.rank - 1] == 1 ? s.kernel[s.rank - 1] : 1;
}

// One group of one image. `image` is X's own or its padded copy, from the group's first channel on.
void multiply_planes(const ConvShape& s, const PatchLayout& layout, const float* image, const float* packed,
                     const ConvFinish& finish, float* y, float* scratch) {
  const PatchSource source{&layout, image, 0, s.out_size, s.taps};
  Gemm product;
  product.m = s.out_per_group(), product.n = s.out_size, product.k = s.patch();
  product.low = finish.low, product.high = finish.high;
  product.a.packed = packed, product.row_bias = finish.bias;
  if (s.pointwise())
    product.b = columns_of(image, s.in_size);
  else
    product.b.pack = pack_pixels, product.b.source = &source;
  product.c = y, product.c_stride = s.out_size;
  gemm(product, scratch);
}

// The same of NHWC, or, if pointwise, of `images` that follow each other.
void multiply_pixels(const ConvShape& s, const PatchLayout& layout, int64_t images, const float* image,
                     const float* packed, const ConvFinish& finish, float* y, float* scratch) {
  const RowSource source{&layout, image, taps_in_a_row(s)};
  Gemm product;
  product.m = s.out_size * images, product.n = s.out_per_group(), product.k = s.patch();
  product.low = finish.low, product.high = finish.high;
  product.b.packed = packed, product.column_bias = finish.bias, product.column_scale = finish.scale;
  product.add = finish.add;
  if (s.pointwise())
    product.a = rows_of(image, s.in_channels);
  else
    product.a.locate = locate_pixels, product.a.length = source.taps * s.in_per_group(), product.a.source = &source;
  product.c = y, product.c_stride = s.out_step();
  s.pointwise() ? gemm_together(product, scratch) : gemm(product, scratch);
}

// All groups of one image, or of several if pointwise in NHWC.
void forward_images(const ConvShape& s, const PatchLayout& layout, int64_t images, const float* image,
                    const float* packed, const ConvFinish& finish, float* y, float* scratch) {
  const int64_t inputs = s.in_per_group(), outputs = s.out_per_group();
  const int64_t packed_size = gemm_packed_size(outputs, s.patch(), panel_width(s));
  for (int64_t g = 0; g < s.group; ++g, packed += packed_size) {
    ConvFinish part = finish;
    if (part.bias) part.bias += g * outputs;
    if (part.scale) part.scale += g * outputs;
    if (part.add) part.add += g * outputs;
    if (s.channels_last)
      multiply_pixels(s, layout, images, image + g * inputs, packed, part, y + g * outputs, scratch);
    else
      multiply_planes(s, layout, image + g * inputs * layout.plane, packed, part, y + g * outputs * s.out_size,
                      scratch);
  }
}

// The filter as NHWC's product wants it, whatever its own order: rows along k = (tap, channel).
void pack_filter_rows(const void* source, int width, int64_t begin, int64_t end, int64_t, int64_t, float* out) {
  const auto& [s, w] = *static_cast<const std::pair<const ConvShape&, const float*>*>(source);
  const int64_t channel_step = s.filter_channel_step(), tap_step = s.filter_tap_step();
  for (int64_t m = begin; m < end; m += width)
    for (int64_t t = 0; t < s.taps; ++t)
      for (int64_t c = 0; c < s.in_per_group(); ++c, out += width)
        for (int64_t i = 0; i < width; ++i)
          out[i] = m + i < end ? w[(m + i) * s.patch() + c * channel_step + t * tap_step] : 0.f;
}

// A filter as gemm_pack takes it.
struct FilterRows {
  std::pair<const ConvShape&, const float*> source;
  GemmSide side;
  FilterRows(const ConvShape& s, const float* w) : source{s, w}, side(rows_of(w, s.patch())) {
    if (tap_by_tap(s) && s.taps > 1 && s.filter_tap_step() == 1)
      side = {}, side.pack = pack_filter_rows, side.source = &source;
  }
  FilterRows(const FilterRows&) = delete;
};

// scale[i] times row i of a packed filter.
void scale_packed(int width, int64_t count, int64_t k, const float* scale, float* packed) {
  for (int64_t i = 0; i < count; ++i) {
    float* at = packed + i / width * width * k + i % width;
    for (int64_t p = 0; p < k; ++p) at[p * width] *= scale[i];
  }
}

void pack_depthwise(const ConvShape& s, const float* w, const float* scale, float* packed) {
  for (int64_t c = 0; c < s.in_channels; ++c)
    for (int64_t t = 0; t < s.taps; ++t) packed[t * s.in_channels + c] = w[c * s.taps + t] * (scale ? scale[c] : 1.f);
}

}  // namespace

bool conv_scales(const ConvShape& s) { return s.channels_last && !s.depthwise(); }

int64_t conv_packed_size(const ConvShape& s) {
  if (s.depthwise()) return s.in_channels * s.taps;
  return s.group * gemm_packed_size(s.out_per_group(), s.patch(), panel_width(s));
}

void conv_pack(const ConvShape& s, const float* w, const float* scale, float* packed) {
  if (s.depthwise()) return pack_depthwise(s, w, scale, packed);
  const int width = panel_width(s);
  const int64_t outputs = s.out_per_group(), k = s.patch(), size = gemm_packed_size(outputs, k, width);
  for (int64_t g = 0; g < s.group; ++g) {
    const FilterRows filter(s, w + g * outputs * k);
    gemm_pack(filter.side, width, outputs, k, packed + g * size);
    if (scale) scale_packed(width, outputs, k, scale + g * outputs, packed + g * size);
  }
}

int64_t conv_pack_scratch(const ConvShape& s) {
  return s.depthwise() ? conv_packed_size(s) : s.patch() * panel_width(s) * thread_count();
}

void conv_pack_in_place(const ConvShape& s, float* w, float* scratch) {
  if (s.depthwise()) {
    pack_depthwise(s, w, nullptr, scratch);
    std::memcpy(w, scratch, size_t(conv_packed_size(s)) * sizeof(float));
    return;
  }
  // A panel's rows lie where the panel will.
  const int64_t width = panel_width(s), panel = width * s.patch();
  parallel_for(s.out_channels / width, 1 + 16384 / panel, [&](int64_t begin, int64_t end) {
    float* const own = scratch + thread_index() * panel;
    for (int64_t i = begin; i < end; ++i) {
      gemm_pack(FilterRows(s, w + i * panel).side, int(width), width, s.patch(), own);
      std::memcpy(w + i * panel, own, size_t(panel) * sizeof(float));
    }
  });
}

bool conv_packs_alike(const ConvShape& a, const ConvShape& b) {
  return tap_by_tap(a) == tap_by_tap(b) && conv_packed_size(a) == conv_packed_size(b);
}

void conv_unpack(const ConvShape& s, const float* packed, float* w) {
  // The channels of a depthwise filter lie side by side under each tap, those of others in panels.
  const int64_t outputs = s.depthwise() ? s.out_channels : s.out_per_group(), k = s.patch();
  const int64_t width = s.depthwise() ? outputs : panel_width(s);
  for (int64_t m = 0; m < s.out_channels; ++m) {
    if (m && m % outputs == 0) packed += gemm_packed_size(outputs, k, int(width));
    const float* const from = packed + m % outputs / width * width * k + m % outputs % width;
    for (int64_t c = 0; c < s.in_per_group(); ++c)
      for (int64_t t = 0; t < s.taps; ++t) *w++ = from[(t * s.in_per_group() + c) * width];
  }
}

int64_t conv_forward_scratch(const ConvShape& s) {
  if (s.depthwise()) return depthwise_scratch(s);
  if (const int tile = winograd_tile(s)) return winograd_scratch(s, tile);
  const PatchLayout layout = patch_layout(s, s.in_channels, s.channels_last, nullptr);
  return ForwardScratch(s, layout, nullptr).total;
}

void conv_forward(const ConvShape& s, const float* x, const float* packed, const ConvFinish& finish, float* y,
                  float* scratch) {
  if (s.depthwise()) return depthwise_forward(s, x, packed, finish, y, scratch);
  if (const int tile = winograd_tile(s)) return winograd_forward(s, tile, x, packed, finish, y, scratch);
  const PatchLayout layout = patch_layout(s, s.in_channels, s.channels_last, reinterpret_cast<int32_t*>(scratch));
  const ForwardScratch part(s, layout, scratch);
  const int64_t in_step = s.in_channels * s.in_size, out_step = s.out_step() * s.out_size;
  if (s.channels_last && s.pointwise()) return forward_images(s, layout, s.batch, x, packed, finish, y, part.product);
  const auto run = [&](int64_t begin, int64_t end) {
    float* own = part.images + (by_image(s, layout) ? thread_index() * layout.image_size() : 0);
    for (int64_t n = begin; n < end; ++n) {
      if (layout.padded) pad_images(s, layout, n, n + 1, x, own);
      ConvFinish one = finish;
      if (one.add) one.add += n * out_step;
      forward_images(s, layout, 1, layout.padded ? own : x + n * in_step, packed, one, y + n * out_step, part.product);
    }
  };
  if (by_image(s, layout))
    parallel_for(s.batch, 1, run);
  else
    run(0, s.batch);
}

namespace {

// Index of the input under tap t of output p, or -1 in the padding.
int64_t plain_input(const Window& w, int64_t p, int64_t t) {
  int64_t at = 0, factor = 1;
  for (int d = w.rank - 1; d >= 0; --d) {
    const int64_t i = p % w.out[d] * w.stride[d] - w.pad_head[d] + t % w.kernel[d] * w.dilation[d];
    if (i < 0 || i >= w.in[d]) return -1;
    at += i * factor;
    factor *= w.in[d], p /= w.out[d], t /= w.kernel[d];
  }
  return at;
}

}  // namespace

void conv_forward_plain(const ConvShape& s, const float* x, const float* w, const ConvFinish& finish, float* y) {
  const int64_t inputs = s.in_per_group(), outputs = s.out_per_group();
  const bool last = s.channels_last;
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t m = 0; m < s.out_channels; ++m)
      for (int64_t p = 0; p < s.out_size; ++p) {
        double sum = 0;
        for (int64_t t = 0; t < s.taps; ++t) {
          const int64_t at = plain_input(s, p, t);
          for (int64_t c = 0; at >= 0 && c < inputs; ++c) {
            const int64_t channel = m / outputs * inputs + c;
            const float a =
                x[n * s.in_channels * s.in_size + (last ? at * s.in_channels + channel : channel * s.in_size + at)];
            sum += double(a) * w[m * s.patch() + c * s.filter_channel_step() + t * s.filter_tap_step()];
          }
        }
        if (finish.scale) sum *= finish.scale[m];
        if (finish.bias) sum += finish.bias[m];
        const int64_t to = n * s.out_channels * s.out_size + (last ? p * s.out_channels + m : m * s.out_size + p);
        if (finish.add) sum += finish.add[to];
        sum = sum < finish.low ? finish.low : sum > finish.high ? finish.high : sum;
        y[to] = float(sum);
      }
}

}  // namespace pf
