// SPDX-License-Identifier: Apache-2.0
// OuterProduct: Y[i, j] = scale A[i] B[j]. Its output has a shape of its own, so it brings a shape function.
import { Call, DType } from '../pf'

export const operators: string = `[{
  "name": "OuterProduct", "doc": "Y[i, j] = scale A[i] B[j].",
  "inputs": ["A", "B"], "outputs": ["Y"], "args": [{ "name": "scale", "type": "float", "default": 1 }],
  "kernel": "outerProduct", "shape": "outerShape"
}]`

export function outerShape(call: Call, _begin: u32, _end: u32): void {
  const y = call.output(0)
  y.dtype = DType.Float32
  y.rank = 2
  y.setDim(0, call.input(0).size)
  y.setDim(1, call.input(1).size)
}

export function outerProduct(call: Call, _begin: u32, _end: u32): void {
  const a = call.input(0)
  const b = call.input(1)
  let y = call.output(0).data
  const scale = <f32>call.arg(0)
  for (let i: u32 = 0; i < a.size; i++) {
    const row = scale * load<f32>(a.at(i))
    for (let j: u32 = 0; j < b.size; j++, y += 4) store<f32>(y, row * load<f32>(b.at(j)))
  }
}
