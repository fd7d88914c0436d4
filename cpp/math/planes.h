// SPDX-License-Identifier: Apache-2.0
// Pictures of either order as [count][height][width][depth]: NCHW has depth 1 and a plane for each channel.
#pragma once
#include "core/op.h"

namespace pf {

struct Planes {
  int64_t count, height, width, depth;
  Planes(const Shape& x, bool channels_last)
      : count(channels_last ? x[0] : x[0] * x[1]),
        height(x[channels_last ? 1 : 2]),
        width(x[channels_last ? 2 : 3]),
        depth(channels_last ? x[3] : 1) {}
  int64_t row() const { return width * depth; }
  int64_t plane() const { return height * row(); }
};

inline bool is_channels_last(const Args& args) { return args.s("order") == "NHWC"; }

// Input i must be a batch of float pictures, in an order there is.
inline Status want_pictures(const Infer& in, int i) {
  const std::string_view order = in.args.s("order");
  PF_CHECK(order == "NCHW" || order == "NHWC", argument, "order must be NCHW or NHWC, is \"", order, "\"");
  PF_TRY(in.want_dtype(i, DType::kFloat));
  return in.want_rank(i, 4);
}

// The shape of pictures like x but of another height and width.
inline Shape resized(Shape x, bool channels_last, int64_t height, int64_t width) {
  x[channels_last ? 1 : 2] = height, x[channels_last ? 2 : 3] = width;
  return x;
}

}  // namespace pf
