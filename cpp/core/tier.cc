// SPDX-License-Identifier: Apache-2.0
// build/wasm.mjs makes some builds of the operators of classic nets alone, and says so.
#include "core/schema.h"

namespace pf {

bool is_base_build() {
#ifdef PF_BASE
  return true;
#else
  return false;
#endif
}

}  // namespace pf
