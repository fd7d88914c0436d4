// SPDX-License-Identifier: Apache-2.0
// The prelude of user operators in AssemblyScript. A kernel is an exported function
//   (call: Call, begin: u32, end: u32): void
// that reads and writes tensors where they lie in the core's memory. The module exports `operators`, a JSON text that says
// what there is: see assembly/ops/hard-swish.ts, an elementwise operator with its gradient, and outer-product.ts, one with
// a shape function. Kernels run on several threads at once, each with globals of its own: they must not allocate.

/** The numbers of element types, those of TensorProto.DataType. */
export const enum DType {
  Float32 = 1,
  Int32 = 2,
  Bool = 5,
  Uint8 = 6,
  Int8 = 7,
  Uint16 = 8,
  Int16 = 9,
  Int64 = 10,
  Float16 = 12,
  Float64 = 13,
}

/** A tensor of a call; the layout is UserTensor of cpp/core/user_op.h. */
@unmanaged
export class Tensor {
  /** Address of element 0; 0 in a shape function. */
  data: usize
  dtype: u32
  rank: u32
  /** Number of elements. */
  size: u32
  private dims: usize

  dim(axis: u32): i64 {
    return load<i64>(this.dims + (<usize>axis << 3))
  }

  /** In a shape function: gives an output its dimensions one by one, after its rank. */
  setDim(axis: u32, size: i64): void {
    store<i64>(this.dims + (<usize>axis << 3), size)
  }

  /** Address of element i of a float32 tensor. */
  @inline at(i: u32): usize {
    return this.data + (<usize>i << 2)
  }
}

/** What a kernel is called with; the layout is UserCall of cpp/core/user_op.h. */
@unmanaged
export class Call {
  inputs: u32
  outputs: u32
  args: u32
  private tensors: usize
  private values: usize

  @inline input(i: u32): Tensor {
    return changetype<Tensor>(this.tensors + <usize>i * offsetof<Tensor>())
  }

  @inline output(i: u32): Tensor {
    return this.input(this.inputs + i)
  }

  /** The value of an argument, by its place among those declared. */
  @inline arg(i: u32): f64 {
    return load<f64>(this.values + (<usize>i << 3))
  }
}
