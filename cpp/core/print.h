// SPDX-License-Identifier: Apache-2.0
// The core's only voice: lines on standard output (or error), for operators whose purpose it is to print.
#pragma once
#include <string_view>

namespace pf {

// Writes the line and a line feed in one call, so that lines of several threads do not mix.
void print_line(std::string_view line);
// From now on lines go to this descriptor: 1 (unless told) or 2.
void set_print_target(int descriptor);

}  // namespace pf
