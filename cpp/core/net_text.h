// SPDX-License-Identifier: Apache-2.0
// NetDefs in the text format of protobuf: early Caffe2 wrote the step nets of RecurrentNetwork into string arguments
// so.
#pragma once
#include <string_view>

#include "core/op_def.h"

namespace pf {

// Reads all of the text. Messages that a core needs nothing of (partition_info, tensors) are skipped.
Status parse_text(std::string_view text, NetDef* out);

// Puts the NetDef itself into the arguments of RecurrentNetwork that hold one as text. Text that is none stays:
// `net_argument` tells what is wrong with it.
void expand_text_nets(OpDef* op);

}  // namespace pf
