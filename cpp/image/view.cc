// SPDX-License-Identifier: Apache-2.0
// Which part of a picture training sees: Caffe2's rules for scale, minsize, warp, crop and mirror.
#include <cmath>

#include "image/picture.h"

namespace pf {
namespace {

// Ten tries to find a part that fits, as Caffe2's.
bool random_part(Region within, Random& random, Region* out) {
  for (int i = 0; i < 10; ++i) {
    const float area = float(within.width) * float(within.height) * (0.08f + 0.92f * random.uniform());
    const float aspect = 0.75f + (4.f / 3.f - 0.75f) * random.uniform();
    int width = int(std::lround(std::sqrt(area * aspect))), height = int(std::lround(std::sqrt(area / aspect)));
    if (random.next() & 1) std::swap(width, height);
    if (width < 1 || height < 1 || width > within.width || height > within.height) continue;
    *out = {within.left + int(random.below(uint64_t(within.width - width) + 1)),
            within.top + int(random.below(uint64_t(within.height - height) + 1)), width, height};
    return true;
  }
  return false;
}

// The size of the region after scaling: the shorter side gets `to`.
void scaled(const ViewOptions& o, PictureView* view) {
  const Region& r = view->region;
  const int to = o.scale > 0 ? o.scale : o.minsize;
  int width = to, height = to;
  if (!o.warp && r.height > r.width)
    height = int(float(r.height) * float(to) / float(r.width));
  else if (!o.warp)
    width = int(float(r.width) * float(to) / float(r.height));
  // minsize only makes larger what is too small.
  const bool change = o.scale > 0 || width > r.width || height > r.height;
  view->width = change ? width : r.width, view->height = change ? height : r.height;
}

}  // namespace

Status choose_view(const ViewOptions& o, Region within, Random& random, PictureView* out) {
  *out = PictureView{within};
  if (o.jitter && !o.test && random_part(within, random, &out->region)) {
    out->width = out->height = o.crop;
  } else {
    scaled(o, out);
    const int across = out->width - o.crop, down = out->height - o.crop;
    PF_CHECK(across >= 0 && down >= 0, value, "a picture of ", within.width, " x ", within.height, " is scaled to ",
             out->width, " x ", out->height, ", less than the crop of ", o.crop);
    out->left = o.test ? across / 2 : int(random.below(uint64_t(across) + 1));
    out->top = o.test ? down / 2 : int(random.below(uint64_t(down) + 1));
  }
  out->mirrored = o.mirror && !o.test && random.next() & 1;
  return {};
}

void convert_channels(Picture* p, int channels) {
  if (p->channels == channels) return;
  const size_t count = size_t(p->width) * size_t(p->height);
  std::vector<uint8_t> out(count * size_t(channels));
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* from = &p->pixels[i * size_t(p->channels)];
    if (channels == 1)
      out[i] = uint8_t((1868 * from[0] + 9617 * from[1] + 4899 * from[2] + 8192) >> 14);
    else
      out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = from[0];
  }
  p->pixels = std::move(out), p->channels = channels;
}

}  // namespace pf
