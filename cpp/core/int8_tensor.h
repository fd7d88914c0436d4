// SPDX-License-Identifier: Apache-2.0
// Quantized tensors, the object that Int8Quantize and the Int8 fillers make: real = scale * (q - zero_point).
#pragma once
#include "core/objects.h"

namespace pf {

struct Quantization {
  float scale = 1;
  int32_t zero_point = 0;
  bool operator==(const Quantization&) const = default;
};

struct Int8Tensor final : Object {
  static constexpr const char* kKind = "int8 tensor";
  const char* kind() const override { return kKind; }
  Quantization q;
  Tensor t;  // uint8, of a bias int32
};

// Y_scale and Y_zero_point of an operator.
Status output_quantization(const Args& args, Quantization* out);
// Input i, which must hold elements of this type.
Status int8_in(OpRun& op, int i, const Int8Tensor** out, DType dtype = DType::kUint8);
// Output j with this shape. In place it is the input: read that's quantization before.
Status int8_out(OpRun& op, int j, const Shape& shape, const Quantization& q, uint8_t** data);
// Operators that only move elements keep the quantization; a Y_scale or Y_zero_point that says otherwise is refused.
Status same_quantization(const Args& args, const Int8Tensor& x);

// Declares Y_scale and Y_zero_point.
inline constexpr auto kQuantized = [](auto& op) {
  op.arg("Y_scale", 1.f, "Scale of the output: real = Y_scale * (q - Y_zero_point).")
      .arg("Y_zero_point", 0, "What stands for 0 in the output, from 0 to 255.")
      .no_grad();
};

}  // namespace pf
