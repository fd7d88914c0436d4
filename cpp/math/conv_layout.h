// SPDX-License-Identifier: Apache-2.0
// NHWC through the NCHW backward functions: tensors are transposed on the way in and out.
#pragma once

#include "core/op.h"
#include "math/conv_geometry.h"
#include "math/transpose.h"

namespace pf {

class PlanesFirst {
 public:
  PlanesFirst(OpRun& op, const ConvShape& s) : op_(op), last_(s.channels_last), s_(s) {}

  // `count` matrices of pixels x channels, as channels x pixels.
  Status read(int64_t count, int64_t pixels, int64_t channels, const float* x, const float** out) {
    *out = x;
    if (!last_) return {};
    float* room;
    PF_TRY(op_.scratch(count * pixels * channels, &room));
    transpose_matrices(count, pixels, channels, x, room);
    *out = room;
    return {};
  }
  Status read_filter(const float* w, const float** out) {
    return read(s_.out_channels, s_.taps, s_.in_per_group(), w, out);
  }

  // Where to compute what write() then brings to `final`.
  Status room(int64_t size, float* final, float** out) {
    *out = final;
    return last_ ? op_.scratch(size, out) : Status();
  }
  void write(int64_t count, int64_t pixels, int64_t channels, const float* computed, float* final) {
    if (last_) transpose_matrices(count, channels, pixels, computed, final);
  }

 private:
  OpRun& op_;
  bool last_;
  const ConvShape& s_;
};

}  // namespace pf
