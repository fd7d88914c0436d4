// SPDX-License-Identifier: Apache-2.0
// The gradient operators of one operator, from the maker registered with it.
//
// Request and reply are NetDefs. Request: op[0] is the forward operator; external_input holds one string per output
// of it: "" where there is no gradient, the blob's name where it is dense, "indices\0values" where it is sparse.
// Reply: op are the gradient operators; external_output holds one such string per input of the forward operator.
#pragma once
#include "core/op_def.h"

namespace pf {

Status make_gradient(const NetDef& request, NetDef* reply);

}  // namespace pf
