// SPDX-License-Identifier: Apache-2.0
// A blob read by several operators has a gradient from each: dense ones are summed, sparse ones are joined.
import { PfError } from '../util/error.ts'
import type { BlobGradient, GradientSlice } from './gradient.ts'
import { renameOutput } from './nested-nets.ts'
import { type DeviceOption, type OperatorDef, operatorDef } from './net-def.ts'

/** An output of a gradient operator. */
interface Part {
  readonly op: OperatorDef
  readonly output: number
}

/** Where one gradient of a blob comes from; without an operator it was handed through. */
export type Generator =
  | { readonly gradient: string; readonly op?: OperatorDef; readonly output?: number }
  | { readonly slice: GradientSlice; indices?: Part; values?: Part }

/** Generators by version and blob. */
export type Accumulator = Map<string, Generator[]>

type Dense = Extract<Generator, { gradient: string }>
type Sparse = Extract<Generator, { slice: GradientSlice }>

/** The operators that make one gradient out of several, or nothing when there is but one. Renames the parts. */
export function accumulate(
  blob: string,
  generators: readonly Generator[],
): { ops: OperatorDef[]; gradient: BlobGradient } | undefined {
  const dense = generators.filter((generator): generator is Dense => 'gradient' in generator)
  const sparse = generators.filter((generator): generator is Sparse => 'slice' in generator)
  if (dense.length > 0 && sparse.length > 0) {
    throw new PfError('no_gradient', `"${blob}" has dense and sparse gradients; their sum is not supported`)
  }
  if (generators.length < 2) return undefined
  const device = commonDevice(blob, generators)
  const sum = dense.length > 0 ? sumDense(blob, dense) : joinSparse(blob, sparse)
  if (device) for (const op of sum.ops) op.deviceOption = { ...device }
  return sum
}

function sumDense(blob: string, generators: readonly Dense[]) {
  const first = generators.find((generator) => generator.op)
  const name = first?.op ? first.op.output[first.output ?? 0] : `${blob}_grad`
  let count = 0
  const inputs = generators.map((generator) => {
    const { op, output = 0, gradient } = generator
    if (op === undefined) return handedThrough(blob, name, gradient)
    return generator === first ? name : split(op, output, count++)
  })
  // Sum may work in place only on its first input.
  const at = inputs.indexOf(name)
  if (at > 0) [inputs[0], inputs[at]] = [inputs[at], inputs[0]]
  return { ops: [operatorDef('Sum', inputs, name)], gradient: name }
}

function joinSparse(blob: string, generators: readonly Sparse[]) {
  const name = sparseName(blob, generators)
  const indices = joinParts(blob, name, generators, 'indices')
  const values = joinParts(blob, name, generators, 'values')
  return { ops: [indices, values], gradient: { indices: indices.output[0], values: values.output[0] } }
}

function joinParts(blob: string, name: string, generators: readonly Sparse[], which: 'indices' | 'values') {
  let count = 0
  const inputs = generators.map((generator) => {
    const part = generator[which]
    return part ? split(part.op, part.output, count++) : handedThrough(blob, name, generator.slice[which])
  })
  const joined = `${name}_${which}_concat`
  return operatorDef('Concat', inputs, [joined, `${joined}_split`], { axis: 0 })
}

function sparseName(blob: string, generators: readonly Sparse[]): string {
  for (const { indices, values } of generators) {
    if (indices) return indices.op.output[indices.output].replace(/_indices$/, '')
    if (values) return values.op.output[values.output].replace(/_values$/, '')
  }
  return `${blob}_grad`
}

function split(op: OperatorDef, output: number, count: number): string {
  return renameOutput(op, output, `_${op.output[output]}_autosplit_${count}`)
}

function handedThrough(blob: string, sum: string, gradient: string): string {
  if (gradient !== sum) return gradient
  throw new PfError('net', `"${gradient}", a gradient of "${blob}" handed through, has the name its sum would get`)
}

function commonDevice(blob: string, generators: readonly Generator[]): DeviceOption | undefined {
  const ops = generators.flatMap((generator) => {
    const made = 'slice' in generator ? [generator.indices?.op, generator.values?.op] : [generator.op]
    return made.filter((op) => op !== undefined)
  })
  const keys = new Set(ops.map((op) => `${op.deviceOption?.deviceType ?? 0}:${op.deviceOption?.cudaGpuId ?? 0}`))
  if (keys.size > 1) {
    throw new PfError('net', `the gradients of "${blob}" are made on several devices; copy them to one first`)
  }
  return ops.find((op) => op.deviceOption)?.deviceOption
}
