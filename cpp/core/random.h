// SPDX-License-Identifier: Apache-2.0
// Random numbers by counter: the n-th number depends only on seed and n, so that threads and devices agree.
#pragma once
#include <cmath>
#include <cstdint>

#include "core/scalar.h"

namespace pf {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four words per counter.
struct Philox {
  uint32_t word[4];
  constexpr Philox(uint64_t seed, uint64_t counter) : word{uint32_t(counter), uint32_t(counter >> 32), 0, 0} {
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      uint64_t p0 = 0xD2511F53ull * word[0], p1 = 0xCD9E8D57ull * word[2];
      uint32_t next[4] = {uint32_t(p1 >> 32) ^ word[1] ^ k0, uint32_t(p1), uint32_t(p0 >> 32) ^ word[3] ^ k1,
                          uint32_t(p0)};
      for (int i = 0; i < 4; ++i) word[i] = next[i];
      k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
  }
};

class Random {
 public:
  explicit Random(uint64_t seed = 0) : seed_(seed) {}
  void reseed(uint64_t seed) { seed_ = seed, counter_ = seen_ = 0, have_ = 0; }

  // Whether numbers were drawn since reseed() or the last call: what was computed from them cannot simply be repeated.
  bool drawn() {
    const bool any = counter_ != seen_;
    seen_ = counter_;
    return any;
  }

  uint32_t next() {
    if (!have_) {
      Philox block(seed_, counter_++);
      for (int i = 0; i < 4; ++i) words_[i] = block.word[i];
      have_ = 4;
    }
    return words_[--have_];
  }
  uint64_t next64() { return uint64_t(next()) << 32 | next(); }
  float uniform() { return float(next() >> 8) * 0x1p-24f; }  // [0, 1)
  // In [0, n) without bias worth naming for n far below 2^64.
  uint64_t below(uint64_t n) { return n ? next64() % n : 0; }
  // Standard normal by Box and Muller, one of the pair.
  float normal() {
    float u = 1.f - uniform(), v = uniform();
    return std::sqrt(-2.f * std::log(u)) * float(cos_turns(v));
  }

 private:
  uint64_t seed_, counter_ = 0, seen_ = 0;
  uint32_t words_[4];
  int have_ = 0;
};

}  // namespace pf
