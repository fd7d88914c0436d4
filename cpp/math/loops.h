// SPDX-License-Identifier: Apache-2.0
#pragma once

// Before a loop over a type that no net computes much with: kept short instead of fast, there are hundreds of them.
#if defined(__clang__)
#define PF_SCALAR_LOOP _Pragma("clang loop vectorize(disable) interleave(disable) unroll(disable)")
#else
#define PF_SCALAR_LOOP
#endif
