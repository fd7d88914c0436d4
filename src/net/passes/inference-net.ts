// SPDX-License-Identifier: Apache-2.0
// The part of a net that predicts: what computes the outputs from the inputs, without losses, gradients and updates.
import { PfError } from '../../util/error.ts'
import { didYouMean } from '../../util/nearest.ts'
import { copyOf } from '../net.ts'
import { argument, type NetDef, type OperatorDef } from '../net-def.ts'
import { blobsReadFirst } from './outputs.ts'

/** Operators that behave differently while training, and how many outputs they keep. */
const testOutputs: Readonly<Record<string, number>> = { SpatialBN: 1, Dropout: 1, InstanceNorm: 1 }

/** A copy of `net` with only what leads from `inputs` to `outputs`; batch norm and dropout are set to test mode. */
export function inferenceNet(net: NetDef, inputs: readonly string[], outputs: readonly string[]): NetDef {
  const def = copyOf(net)
  const forward = def.op.filter((op) => op.isGradientOp !== true)
  def.op = neededFor(forward, new Set(inputs), outputs).map(inTestMode)
  const read = blobsReadFirst(def.op)
  def.externalInput = [...inputs, ...read.filter((blob) => !inputs.includes(blob))]
  def.externalOutput = [...outputs]
  return def
}

// Walks back from the outputs. The last operator that writes a blob is not always its producer: an update at the end
// of a training net writes parameters. So a blob that is read before it is written counts as given.
function neededFor(
  ops: readonly OperatorDef[],
  inputs: ReadonlySet<string>,
  outputs: readonly string[],
): OperatorDef[] {
  const given = new Set([...inputs, ...blobsReadFirst(ops)])
  const wanted = new Set(outputs)
  const needed = new Set<OperatorDef>()
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i]
    if (!op.output.some((blob) => wanted.has(blob) && !given.has(blob))) continue
    needed.add(op)
    for (const blob of op.output) if (!op.input.includes(blob)) wanted.delete(blob)
    for (const blob of op.input) wanted.add(blob)
  }
  const missing = outputs.find((blob) => !ops.some((op) => needed.has(op) && op.output.includes(blob)))
  if (missing === undefined) return ops.filter((op) => needed.has(op))
  const hint = didYouMean(
    missing,
    ops.flatMap((op) => op.output),
  )
  throw new PfError(
    'net',
    `no operator computes the output "${missing}" from the inputs ${[...inputs].join(', ')}${hint}`,
  )
}

function inTestMode(op: OperatorDef): OperatorDef {
  const keep = testOutputs[op.type ?? '']
  if (keep === undefined) return op
  const arg = op.arg.filter(({ name }) => name !== 'is_test')
  if (op.type !== 'InstanceNorm') arg.push(argument('is_test', 1))
  return { ...op, output: op.output.slice(0, keep), arg }
}
