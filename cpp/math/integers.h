// SPDX-License-Identifier: Apache-2.0
// Sizes of pieces.
#pragma once

#include <cstdint>

namespace pf {

constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t larger(int64_t a, int64_t b) { return a < b ? b : a; }
// n, neither negative, in pieces of so many; and so many pieces' worth.
constexpr int64_t divide_up(int64_t n, int64_t by) { return (n + by - 1) / by; }
constexpr int64_t round_up(int64_t n, int64_t to) { return divide_up(n, to) * to; }

}  // namespace pf
