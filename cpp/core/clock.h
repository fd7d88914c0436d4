// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#ifndef __wasm__
#include <chrono>
#endif

namespace pf {

#ifdef __wasm__
// WASI: clock 1 is monotonic; the result is in nanoseconds.
extern "C" __attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get"))) int32_t
pf_wasi_clock(int32_t clock, int64_t precision, int64_t* nanoseconds);
inline double now_ms() {
  int64_t ns = 0;
  pf_wasi_clock(1, 1000, &ns);
  return double(ns) * 1e-6;
}
#else
inline double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
#endif

}  // namespace pf
