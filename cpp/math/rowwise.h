// SPDX-License-Identifier: Apache-2.0
// Tables whose rows are float, float16, or bytes with a scale and a bias for each row: x = scale * byte + bias.
#pragma once
#include "core/op.h"

namespace pf {

// Bytes that follow a row of a fused table: its scale and its bias, each a float.
inline constexpr int64_t kFusedTail = 8;

struct RowTable {
  enum Kind { kFloat, kHalf, kBytes, kFused } kind = kFloat;
  const void* data = nullptr;
  int64_t columns = 0;
  const float* scale_bias = nullptr;  // kBytes: pairs

  // y += weight * row
  void add(int64_t row, float weight, float* y) const;
};

// The scale and bias of one row, and its bytes. Of an even row all bytes are 0.
void quantize_row(int64_t n, const float* x, bool fused, uint8_t* y, float* scale, float* bias);

}  // namespace pf
