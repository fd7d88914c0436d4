// SPDX-License-Identifier: Apache-2.0
// Convolution without a column matrix: the product packs its panels straight from the image.
//
// The image is copied once with its padding (or used where it is when nothing is padded), so that the input of output
// pixel p under tap t always lies at base(p) + tap_offset[t]: no test for borders remains.
#pragma once

#include "math/conv_geometry.h"
#include "math/gemm.h"

namespace pf {

// The input a window reads, as the padded image has it. Holds for one image of any number of channels.
struct PatchLayout {
  int rank;
  bool channels_last;
  int64_t channels;                              // of the whole image
  int64_t size[kMaxSpatial], step[kMaxSpatial];  // padded dimensions and the distance of neighbours in each
  int64_t out[kMaxSpatial], stride[kMaxSpatial];
  int64_t plane;  // padded pixels: NCHW's distance between channels
  bool padded;    // the image must be copied
  const int32_t* tap_offset;

  // Floats of one padded image, with room for vectors that read past its end; 0 when the image serves as it is.
  int64_t image_size() const { return padded ? plane * channels + 16 : 0; }
  int64_t base(int64_t pixel) const;
};

// tap_offset: room for w.taps numbers, which the layout goes on using; null when only its sizes are asked for.
PatchLayout patch_layout(const Window& w, int64_t channels, bool channels_last, int32_t* tap_offset);

// Copies images [begin, end) with their padding to out (image_size() floats each), on all threads.
void pad_images(const Window& w, const PatchLayout& layout, int64_t begin, int64_t end, const float* x, float* out);
// The other way: adds nothing, drops the padding.
void unpad_image(const Window& w, const PatchLayout& layout, const float* padded, float* x);

// What the packing functions read: channels [channel, …) of an image, NCHW. The image may be one of several: output
// pixel p of image i is number i * pixels + p.
struct PatchSource {
  const PatchLayout* layout;
  const float* image;    // of the group's first channel
  int64_t image_stride;  // from image to image
  int64_t pixels;        // output pixels of one image
  int64_t taps;
  int64_t length = 0;  // of a piece that locate_taps finds
};

// For gemm(). Panels of pixels running along k = channel * taps + tap: NCHW's B.
void pack_pixels(const void* source, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end, float* out);
// Rows of k = channel * taps + tap running along pixels, for the gradient of the filter: NCHW's A is read where it
// lies, in pieces of `length` pixels that follow each other in the output as in the image, or, where outputs are not
// next to each other there, packed.
void locate_taps(const void* source, int64_t i, int64_t piece, int64_t pieces, const float** out, int step);
void pack_taps(const void* source, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end, float* out);
// NHWC's A, k = tap * channels + channel, is read where it lies: a row is an output pixel, a piece of it the input
// under `taps` taps that follow each other without a gap.
struct RowSource {
  const PatchLayout* layout;
  const float* image;  // of the group's first channel
  int64_t taps;
};
void locate_pixels(const void* source, int64_t i, int64_t tap, int64_t taps, const float** out, int step);
// Panels of channels running along pixels of several images: NCHW's B, dY, for the gradient of the filter.
struct PlaneSource {
  const float* data;
  int64_t image_stride, pixels;
};
void pack_planes(const void* source, int width, int64_t begin, int64_t end, int64_t k_begin, int64_t k_end, float* out);

// Adds columns[k][p - begin], k = channel * taps + tap, for output pixels [begin, end) to the padded image (NCHW).
void scatter_patches(const PatchLayout& layout, int64_t channels, int64_t taps, int64_t begin, int64_t end,
                     const float* columns, float* image);

}  // namespace pf
