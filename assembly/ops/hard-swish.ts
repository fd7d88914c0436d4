// SPDX-License-Identifier: Apache-2.0
// HardSwish: y = x min(max(x + 3, 0), 6) / 6, and its gradient.
import { Call } from '../pf'

export const operators: string = `[
  {
    "name": "HardSwish", "doc": "Elementwise Y = X min(max(X + 3, 0), 6) / 6.",
    "inputs": ["X"], "outputs": ["Y"], "map": true, "inplace": [[0, 0]], "kernel": "forward",
    "gradient": "HardSwishGradient", "gradientInputs": ["I0", "GO0"]
  },
  {
    "name": "HardSwishGradient", "inputs": ["X", "dY"], "outputs": ["dX"], "map": true, "inplace": [[1, 0]],
    "kernel": "backward"
  }
]`

// min(max(x + 3, 0), 6) / 6
@inline function gate4(x: v128): v128 {
  const open = f32x4.min(f32x4.max(f32x4.add(x, f32x4.splat(3)), f32x4.splat(0)), f32x4.splat(6))
  return f32x4.mul(open, f32x4.splat(1.0 / 6.0))
}

@inline function gate(x: f32): f32 {
  return min<f32>(max<f32>(x + 3, 0), 6) * <f32>(1.0 / 6.0)
}

export function forward(call: Call, begin: u32, end: u32): void {
  const x = call.input(0)
  const y = call.output(0)
  let i = begin
  for (; i + 4 <= end; i += 4) {
    const v = v128.load(x.at(i))
    v128.store(y.at(i), f32x4.mul(v, gate4(v)))
  }
  for (; i < end; i++) {
    const v = load<f32>(x.at(i))
    store<f32>(y.at(i), v * gate(v))
  }
}

// The slope is gate(x) + x / 6 where -3 < x < 3, and gate(x) (0 or 1) outside.
export function backward(call: Call, begin: u32, end: u32): void {
  const x = call.input(0)
  const dy = call.input(1)
  const dx = call.output(0)
  let i = begin
  for (; i + 4 <= end; i += 4) {
    const v = v128.load(x.at(i))
    const inside = f32x4.lt(f32x4.abs(v), f32x4.splat(3))
    const slope = f32x4.add(gate4(v), v128.and(inside, f32x4.mul(v, f32x4.splat(1.0 / 6.0))))
    v128.store(dx.at(i), f32x4.mul(v128.load(dy.at(i)), slope))
  }
  for (; i < end; i++) {
    const v = load<f32>(x.at(i))
    const slope = gate(v) + (abs(v) < 3 ? v * <f32>(1.0 / 6.0) : 0)
    store<f32>(dx.at(i), load<f32>(dy.at(i)) * slope)
  }
}
