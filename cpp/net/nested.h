// SPDX-License-Identifier: Apache-2.0
// Nets inside the arguments of operators.
#pragma once
#include "core/op_def.h"

namespace pf {

// A blob that such a net names. Names are parts of the definition they were found in.
struct NestedName {
  std::string_view name;
  bool written;  // by an operator of the net
};

// All names in the nets of the operator's arguments, however deep they lie.
std::vector<NestedName> nested_names(const OpDef& op);

}  // namespace pf
