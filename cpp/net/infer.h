// SPDX-License-Identifier: Apache-2.0
// Shapes and types of every blob of a net, from those of the blobs in a workspace, without running it.
#pragma once
#include <string>

#include "core/op_def.h"
#include "net/workspace.h"

namespace pf {

// `out` becomes a TensorShapes message, one entry a blob; what cannot be told has unknown_shape set.
Status infer_net(const NetDef& def, Workspace& workspace, std::string* out);

}  // namespace pf
