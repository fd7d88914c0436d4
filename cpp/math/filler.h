// SPDX-License-Identifier: Apache-2.0
// What all operators that make a tensor from nothing have in common: how they are told its shape.
#pragma once
#include "core/op.h"

namespace pf {

// The shape from the argument `shape`, from input 0, or from the numbers in input 0 (input_as_shape), and extra_shape
// after it. `known` is false when those numbers are not there yet.
Status filler_shape(Infer& in, Shape* out, bool* known);

// The argument `value` and the type it asks for: `dtype`, else that of the value, else float.
Status value_type(const Args& args, DType* out);

// The shape function of a filler whose result is float.
Status float_filler_shape(Infer& in);

inline constexpr auto kFillerArguments = [](auto& op) {
  op.optional_arg("shape", ArgType::kInts, "The shape, where there is no input.")
      .optional_arg("extra_shape", ArgType::kInts, "Dimensions added after those that the input gives.")
      .arg("input_as_shape", false, "The input holds the shape, instead of having it.");
};
inline constexpr auto kFillerPorts = [](auto& op) {
  op.optional_input("shape", "Gives its shape; with input_as_shape int64, 1-D: holds the shape.")
      .output("Y", "The new tensor.");
};

}  // namespace pf
