// SPDX-License-Identifier: Apache-2.0
// Pictures as training reads them: interleaved bytes, rows from the top, blue first as everywhere in Caffe and Caffe2.
#pragma once
#include <string_view>
#include <vector>

#include "core/random.h"
#include "core/status.h"

namespace pf {

struct Picture {
  int width = 0, height = 0, channels = 3;
  std::vector<uint8_t> pixels;
};

// A part of a picture in whole pixels.
struct Region {
  int left = 0, top = 0, width = 0, height = 0;
};

// What becomes of a picture: the region is scaled to width x height, of which a square is cut out.
struct PictureView {
  Region region;
  int width = 0, height = 0;
  int left = 0, top = 0;
  bool mirrored = false;
};

// ImageInput's arguments on what to see of a picture.
struct ViewOptions {
  int crop = 0;
  int scale = -1, minsize = -1;  // one of the two: the shorter side gets it, or at least has it
  bool warp = false, mirror = false, test = false;
  bool jitter = false;  // a random part of 8 to 100 % of the area, with sides of 3:4 to 4:3, as Inception's training
};
Status choose_view(const ViewOptions& options, Region within, Random& random, PictureView* out);

// Draws a view of a picture that is `shrunk` times smaller than the one for which it was chosen. Shrinking takes means
// of areas, growing mixes neighbours, both as OpenCV's INTER_AREA. `out` has crop x crop pixels.
void draw(const Picture& picture, const PictureView& view, int shrunk, int crop, uint8_t* out);

// ImageInput's arguments on changing colours at random.
struct ColourOptions {
  bool jitter = false;
  float saturation = 0, brightness = 0, contrast = 0;  // how far from 1 the factors may be; in any order
  bool lighting = false;
  float deviation = 0;  // of how much of each principal component of ImageNet's colours is added
};
// Of a picture of three channels; numbers stay within 0 to 255.
void change_colours(const ColourOptions& options, Random& random, size_t count, uint8_t* pixels);

// As many channels as wanted: grey ones are copied, colours become luma as ITU-R BT.601 has it.
void convert_channels(Picture* picture, int channels);

}  // namespace pf
