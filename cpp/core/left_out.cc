// SPDX-License-Identifier: Apache-2.0
// A build may go without operators that others have; it then knows their names (build/wasm.mjs gives them).
#include "core/schema.h"

#ifndef PF_LEFT_OUT
#define PF_LEFT_OUT " "  // a space before and after each name
#endif

namespace pf {

bool is_left_out(std::string_view type) {
  constexpr std::string_view kNames = PF_LEFT_OUT;
  for (size_t at = kNames.find(type); at != kNames.npos; at = kNames.find(type, at + 1))
    if (at > 0 && kNames[at - 1] == ' ' && kNames[at + type.size()] == ' ') return true;
  return false;
}

}  // namespace pf
