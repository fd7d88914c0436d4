// SPDX-License-Identifier: Apache-2.0
#pragma once

// Before a loop over a type that no net computes much with: kept short instead of fast, there are hundreds of them.
#if defined(__clang__)
#define PF_SCALAR_LOOP _Pragma("clang loop vectorize(disable) interleave(disable) unroll(disable)")
#else
#define PF_SCALAR_LOOP
#endif

// The iterations of the loop that follows do not depend on each other: its vectors need no check of which arrays
// overlap. Where size counts clang would gather their elements one by one instead, so there it gets no promise.
#if defined(__clang__) && !defined(__OPTIMIZE_SIZE__)
#define PF_INDEPENDENT _Pragma("clang loop vectorize(assume_safety) interleave(disable) unroll(disable)")
#elif defined(__GNUC__) && !defined(__clang__)
#define PF_INDEPENDENT _Pragma("GCC ivdep")
#else
#define PF_INDEPENDENT
#endif
