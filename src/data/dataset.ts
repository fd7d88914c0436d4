// SPDX-License-Identifier: Apache-2.0
// Examples in memory: one tensor per column, one row per example.
import { type Tensor, type TypedArray, zeros } from '../core/tensor.ts'
import { PfError } from '../util/error.ts'
import { randomIntegers } from '../util/random.ts'

export type Columns = Readonly<Record<string, Tensor>>

export class Dataset {
  readonly columns: Columns
  /** How many examples there are. */
  readonly size: number

  constructor(columns: Columns) {
    const sizes = Object.entries(columns).map(([name, { shape }]) => [name, shape[0]] as const)
    if (sizes.length === 0) throw new PfError('argument', 'a dataset needs at least one column')
    const [[firstName, size]] = sizes
    for (const [name, rows] of sizes) {
      if (rows === undefined || rows !== size) {
        throw new PfError('shape', `column "${name}" has ${rows ?? 'no'} rows, column "${firstName}" has ${size}`)
      }
    }
    this.columns = columns
    this.size = size as number
  }

  /** Rows in the order of `indices`. */
  rows(indices: ArrayLike<number>): Columns {
    return this.#each((tensor) => pick(tensor, indices))
  }

  /** `count` rows from `start`; after the last row comes the first. */
  batch(start: number, count: number): Columns {
    return this.rows(Array.from({ length: count }, (_, i) => (start + i) % this.size))
  }

  /** All rows in batches, the last perhaps smaller. */
  *batches(count: number): Generator<Columns> {
    for (let start = 0; start < this.size; start += count) yield this.batch(start, Math.min(count, this.size - start))
  }

  /** The first `count` rows, and the others. */
  split(count: number): [Dataset, Dataset] {
    const indices = Array.from({ length: this.size }, (_, i) => i)
    return [new Dataset(this.rows(indices.slice(0, count))), new Dataset(this.rows(indices.slice(count)))]
  }

  /** The same rows in another order; the same seed gives the same order everywhere. */
  shuffle(seed = 1): Dataset {
    const random = randomIntegers(seed)
    const order = Uint32Array.from({ length: this.size }, (_, i) => i)
    for (let i = this.size - 1; i > 0; i--) {
      const j = random(i + 1)
      const kept = order[i]
      order[i] = order[j]
      order[j] = kept
    }
    return new Dataset(this.rows(order))
  }

  #each(change: (tensor: Tensor) => Tensor): Columns {
    return Object.fromEntries(Object.entries(this.columns).map(([name, tensor]) => [name, change(tensor)]))
  }
}

function pick(tensor: Tensor, indices: ArrayLike<number>): Tensor {
  const { dtype, data } = tensor
  const row = data.length / Math.max(tensor.shape[0], 1)
  const out = zeros([indices.length, ...tensor.shape.slice(1)], dtype)
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] * row
    if (Array.isArray(data)) (out.data as string[]).splice(i * row, row, ...data.slice(from, from + row))
    else (out.data as Float32Array).set((data as Float32Array).subarray(from, from + row), i * row)
  }
  return out as Tensor & { data: TypedArray }
}
