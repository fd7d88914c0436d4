// SPDX-License-Identifier: Apache-2.0
// Operators that a convolution or product can do while it stores its output: see Kernel::absorb in core/schema.h.
#pragma once

#include <vector>

#include "core/op.h"

namespace pf {

// Relu and Clip: bounds of the stored value.
struct FoldedClamp {
  float low = -__builtin_huge_valf(), high = __builtin_huge_valf();
  bool used = false;
  bool absorb(const Args& next);
};

// SpatialBN(is_test), and Mul and Add of one number per channel: y = scale[c] * x + shift[c].
class FoldedAffine {
 public:
  bool absorb(const Args& next, int first_input, bool channels_last);
  bool empty() const { return steps_.empty(); }
  // Into scale[channels] and shift[channels]; shift starts as the convolution's own bias.
  Status compute(const OpRun& op, int64_t channels, float* scale, float* shift) const;

 private:
  struct Step {
    enum Kind { kNorm, kMul, kAdd } kind;
    int input;
    float epsilon;
  };
  std::vector<Step> steps_;
};

}  // namespace pf
