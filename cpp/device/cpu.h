// SPDX-License-Identifier: Apache-2.0
// The CPU's verbs. cuda.h has the same ones; a kernel written over them is compiled for both.
#pragma once
#include <cstring>

#include "core/loops.h"
#include "core/op.h"

namespace pf {

struct Cpu {
  static constexpr const char* kName = "cpu";
  static constexpr bool kIsHost = true;
  // Elements per chunk: long enough that handing it out costs nothing beside the work.
  static constexpr int64_t kGrain = 16384;

  // y[i] = f(x[i], …) for i in [0, n). `y` may be one of the inputs.
  template <class Y, class F, class... X>
  static void map(OpRun&, int64_t n, Y* y, F f, const X*... x) {
    parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
      F local = f;  // its members stay in registers: y cannot be one of them
      PF_INDEPENDENT for (int64_t i = begin; i < end; ++i) y[i] = local(x[i]...);
    });
  }
  // f(i) for i in [0, n): for kernels that address their elements themselves.
  template <class F>
  static void each(OpRun&, int64_t n, F f) {
    parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
      F local = f;
      PF_INDEPENDENT for (int64_t i = begin; i < end; ++i) local(i);
    });
  }
  static void copy(OpRun&, size_t bytes, void* to, const void* from) {
    if (bytes && to != from) std::memmove(to, from, bytes);
  }
  template <class T>
  static void fill(OpRun& op, int64_t n, T* y, T value) {
    each(op, n, [=](int64_t i) { y[i] = value; });
  }
};

}  // namespace pf
