// SPDX-License-Identifier: Apache-2.0
// What tests of kernels draw at random, and how they look at it.
#pragma once
#include <cmath>

#include "core/parallel.h"
#include "test.h"

using Floats = std::vector<float>;

// The same numbers in every run.
struct Dice {
  uint32_t state;
  uint32_t next() { return (state = state * 1664525u + 1013904223u) >> 8; }
  int64_t upto(int64_t n) { return 1 + next() % n; }
  bool chance(int one_in) { return next() % uint32_t(one_in) == 0; }
  float number() { return float(next() % 2001) / 1000.f - 1.f; }
  // With the 64 bytes behind it that every tensor has.
  Floats floats(int64_t n) {
    Floats all(size_t(n) + 16);
    for (float& x : all) x = number();
    return all;
  }
};

inline bool near(double found, double wanted, double tolerance = 1e-4) {
  return std::fabs(found - wanted) <= tolerance * (1 + std::fabs(wanted));
}

// Scratch with a guard behind it.
struct Room {
  Floats all;
  explicit Room(int64_t n) : all(size_t(n) + 1, NAN) { all.back() = 12345; }
  float* data() { return all.data(); }
  bool intact() const { return all.back() == 12345; }
};

inline void with_threads(int count, void (*body)()) {
  const int before = pf::thread_count();
  pf::set_thread_count(count);
  body();
  pf::set_thread_count(before);
}
