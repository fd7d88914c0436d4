// SPDX-License-Identifier: Apache-2.0
// User operators: kernels written in AssemblyScript, compiled to a module of its own that runs on the core's memory and
// whose functions stand in the core's function table. The core calls them directly, on every thread.
//
// One is declared by an OperatorDef: type, input and output name the operator and its ports; an argument (f or i) is
// one of the operator's own with its default; arguments named pf.* say how to run it:
//   pf.kernel           i: where the kernel stands in the function table
//   pf.shape            i: where its shape function stands; without one, outputs have the shape and type of input 0
//   pf.map              i = 1: elementwise over tensors of one size; threads share the elements
//   pf.any_type         i = 1: takes inputs of any fixed-size type; without it they must be float
//   pf.inplace          ints: pairs of an input and an output that may be the same blob
//   pf.gradient         s: the type of its gradient operator, whose outputs are the gradients of all inputs in order
//   pf.gradient_inputs  strings: what that operator reads, of "I0" (an input), "O0" (an output), "GO0" (its gradient)
#pragma once
#include <cstdint>

#include "core/op_def.h"

namespace pf {

// What a kernel gets to see. assembly/pf.ts reads the same structs.
struct UserTensor {
  void* data;  // null while shapes are inferred
  uint32_t dtype;
  uint32_t rank;
  uint32_t size;  // elements
  int64_t* dims;  // a shape function sets those of the outputs, at most Shape::kMaxRank
};

struct UserCall {
  uint32_t inputs, outputs, args;
  UserTensor* tensors;   // inputs, then outputs
  const double* values;  // of the arguments, in the order of their declaration
};

// Elements [begin, end) of a `pf.map` operator, else everything: [0, size of output 0). A shape function gets [0, 0).
using UserKernel = void (*)(const UserCall* call, uint32_t begin, uint32_t end);

Status register_user_operator(const OpDef& declaration);

}  // namespace pf
