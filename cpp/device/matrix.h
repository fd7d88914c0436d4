// SPDX-License-Identifier: Apache-2.0
// An activation as rows (pictures and places) by channels.
#pragma once
#include "core/shape.h"

namespace pf {

struct Matrix {
  int64_t rows, channels;
};
inline Matrix matrix_of(const Shape& x, bool channels_last) {
  const int64_t channels = channels_last ? x[x.rank() - 1] : x[1];
  return {channels ? x.size() / channels : 0, channels};
}

}  // namespace pf
