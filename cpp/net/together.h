// SPDX-License-Identifier: Apache-2.0
// Runs nets of several workspaces as one: each has operators that wait for those of the others.
#pragma once
#include "net/net.h"

namespace pf {

// What a handle of pf.h stands for.
using FindNet = Status (*)(uint32_t handle, Net** out);

// Runs nets, by their handles, `times` times. On GPUs each net has a thread, for a GPU must be told its part of a
// collective while the others are. On the CPU they take turns: a net runs until it has to wait for another. When one
// fails the others stop, and so does all that they do together.
Status run_together(std::string_view handles, FindNet find, int times);

}  // namespace pf
