// SPDX-License-Identifier: Apache-2.0
// Blobs of which only a few numbers were recorded: mean, Euclidean norm and the first values.
import { isDType, type Tensor } from '../core/tensor.ts'

export interface RecordedStatistics {
  name: string
  dims?: number[]
  dtype?: string
  mean?: number
  l2?: number
  first?: number[]
}

export interface StatisticsTolerance {
  /** Of means and first values; a share of the blob's root mean square. */
  ofSize: number
  /** The same in absolute terms; the larger counts. */
  absolute: number
  /** Of the norm. */
  relative: number
}

/** Was it a tensor, so that there is something to compare? */
export function isComparable(recorded: RecordedStatistics): boolean {
  return recorded.first !== undefined && recorded.dims !== undefined && isDType(recorded.dtype ?? '')
}

/** Why a tensor is not the recorded one, or undefined. */
export function statisticsDiffer(
  got: Tensor,
  recorded: RecordedStatistics,
  tolerance: StatisticsTolerance,
): string | undefined {
  const { name, dims = [], dtype, first = [] } = recorded
  if (got.dtype !== dtype) return `${name}: dtype is ${got.dtype}, expected ${dtype}`
  if (got.shape.join() !== dims.join()) return `${name}: shape is [${got.shape}], expected [${dims}]`
  const { mean, l2, size } = measure(got)
  const rms = size === 0 ? 0 : (recorded.l2 ?? 0) / Math.sqrt(size)
  // A byte may round to its neighbour.
  const slack = got.dtype === 'uint8' ? 1 : Math.max(tolerance.absolute, tolerance.ofSize * rms)
  const close = (a: number, b: number, room: number) => Math.abs(a - b) <= room || (Number.isNaN(a) && Number.isNaN(b))
  for (const [i, want] of first.entries()) {
    const value = Number(got.data[i])
    if (!close(value, want, slack)) return `${name}: value ${i} is ${value}, expected ${want}`
  }
  if (!close(mean, recorded.mean ?? 0, slack)) return `${name}: the mean is ${mean}, expected ${recorded.mean}`
  const room = tolerance.relative * Math.abs(recorded.l2 ?? 0) + slack
  return close(l2, recorded.l2 ?? 0, room) ? undefined : `${name}: the norm is ${l2}, expected ${recorded.l2}`
}

function measure({ data }: Tensor): { mean: number; l2: number; size: number } {
  let sum = 0
  let squares = 0
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i])
    sum += value
    squares += value * value
  }
  const size = data.length
  return { mean: size === 0 ? 0 : sum / size, l2: Math.sqrt(squares), size }
}
