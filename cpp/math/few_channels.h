// SPDX-License-Identifier: Apache-2.0
// Convolutions over pictures, whose three channels leave matrix units idle: blocks of stride x stride places become one
// place of that many more channels (zeros fill them up to what the units take), and the filter is rearranged alike.
// What is left is a convolution of stride 1 without padding.
#pragma once
#include "math/convolution.h"

namespace pf {

// Whether rearranging pays.
bool has_few_channels(const OpRun& op, const ConvShape& s, bool half);

struct FewChannels {
  ConvShape shape;  // of the convolution that is left
  FewChannels(const ConvShape& s, bool half);

  // X and W in the new order; `filter` is in the form of convolutions.
  Status arrange_input(OpRun& op, const View& x, void** out) const;
  Status arrange_filter(OpRun& op, const void* filter, void** out) const;
  // The gradient of the filter, from that of the rearranged one.
  Status restore_filter(OpRun& op, const void* arranged, void* filter) const;
  int64_t filter_size() const { return shape.out_channels * shape.taps * shape.in_channels; }

 private:
  ConvShape from_;
  bool half_;
  int block_;
};

}  // namespace pf
