// SPDX-License-Identifier: Apache-2.0
// Planning: images are kept channels last (NHWC) between the operators of a net that is written channels first.
//
// With the channels of a pixel side by side a convolution is a product whose rows lie in memory as they are needed,
// and every other loop over an image is one over whole vectors. So convolutions bring their input to that order, and
// operators that can (Schema::images) take over what they get in it; the rest have it brought back. The net's inputs
// and what it answers keep their order.
#pragma once
#include <string>
#include <vector>

#include "core/op_def.h"
#include "net/workspace.h"

namespace pf {

struct LaidOut {
  std::vector<OpDef> ops;
  std::vector<int> indices;          // of the operator in the net that each belongs to
  std::vector<std::string> helpers;  // blobs that only the plan knows
};

// `kept`: blobs that are wanted afterwards. The workspace tells which inputs are there already, and with which rank.
LaidOut lay_out(const NetDef& def, const std::vector<std::string_view>& kept, Workspace& workspace);

}  // namespace pf
