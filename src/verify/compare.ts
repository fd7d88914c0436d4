// SPDX-License-Identifier: Apache-2.0
// Is a computed tensor the recorded one? Floats within a tolerance, everything else exactly.
import { elementCount, type Tensor } from '../core/tensor.ts'
import { fromHalf } from '../util/half.ts'

/** |got - want| may be at most `absolute + relative * |want|`; `outliers` elements may be further off, by `far` at most. */
export interface Tolerance {
  absolute: number
  relative: number
  outliers?: { count: number; far: number }
}

/** Of one operator: float32 sums in another order differ by about this much. */
export const operatorTolerance: Tolerance = { absolute: 1e-5, relative: 1e-4 }

// A half has 11 bits; one unit in the last place is what another rounding changes.
const halfTolerance: Tolerance = { absolute: 1e-4, relative: 1e-3 }

/** What is known of a recorded blob beside its values. */
export interface Expected {
  name: string
  tensor: Tensor
  /** The file holds only the first rows of the tensor, whose whole shape is this. */
  wholeShape?: readonly number[]
  /** Drawn at random: only shape and dtype can be compared. */
  random?: boolean
}

/** Why `got` is not as recorded, or undefined where it is. */
export function difference(got: Tensor, expected: Expected, tolerance: Tolerance): string | undefined {
  const { name, tensor: want } = expected
  const shape = expected.wholeShape ?? want.shape
  if (got.dtype !== want.dtype) return `${name}: dtype is ${got.dtype}, expected ${want.dtype}`
  if (got.shape.join() !== shape.join()) return `${name}: shape is [${got.shape}], expected [${shape}]`
  if (expected.random) return undefined
  if (want.dtype === 'float16') return compareValues(name, want.shape, halves(got), halves(want), halfTolerance)
  const floats = want.dtype === 'float32' || want.dtype === 'float64'
  if (floats) return compareValues(name, want.shape, got.data as Float32Array, want.data as Float32Array, tolerance)
  if (tolerance.outliers && want.dtype === 'uint8') {
    const exact = { absolute: 0, relative: 0, outliers: tolerance.outliers }
    return compareValues(name, want.shape, got.data as Uint8Array, want.data as Uint8Array, exact)
  }
  return compareExactly(name, got, want)
}

function halves({ data }: Tensor): Float32Array {
  return Float32Array.from(data as Uint16Array, fromHalf)
}

function compareExactly(name: string, got: Tensor, want: Tensor): string | undefined {
  for (let i = 0; i < want.data.length; i++) {
    if (got.data[i] === want.data[i]) continue
    return `${at(name, want.shape, i)} is ${show(got.data[i])}, expected ${show(want.data[i])}`
  }
  return undefined
}

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value))

type Numbers = ArrayLike<number>

function compareValues(name: string, shape: readonly number[], got: Numbers, want: Numbers, tolerance: Tolerance) {
  const { absolute, relative, outliers } = tolerance
  let off = 0
  let first = -1
  let worst = 0
  for (let i = 0; i < want.length; i++) {
    const g = got[i]
    const w = want[i]
    if (g === w || (Number.isNaN(g) && Number.isNaN(w))) continue
    const d = Math.abs(g - w)
    if (d <= absolute + relative * Math.abs(w)) continue
    if (off++ === 0) first = i
    // A NaN where a number should be is further off than any number.
    worst = Math.max(worst, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d)
  }
  if (off === 0 || (outliers && off <= outliers.count && worst <= outliers.far)) return undefined
  const count = `${off} of ${want.length} values differ, by ${worst.toPrecision(3)} at most`
  return `${at(name, shape, first)} is ${got[first]}, expected ${want[first]} (${count})`
}

// The index in the tensor's own coordinates: Y[0, 2, 1].
function at(name: string, shape: readonly number[], index: number): string {
  const coordinates: number[] = []
  let rest = index
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    coordinates.unshift(rest % shape[axis])
    rest = Math.floor(rest / shape[axis])
  }
  return elementCount(shape) === 1 ? name : `${name}[${coordinates.join(', ')}]`
}
