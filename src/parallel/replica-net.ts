// SPDX-License-Identifier: Apache-2.0
// The net of one replica: the model's, with the sums of gradients where they belong.
import { type BlobGradient, namesOf } from '../net/gradient.ts'
import type { ModelHelper } from '../net/model-helper.ts'
import { copyOf } from '../net/net.ts'
import { type NetDef, type OperatorDef, operatorDef } from '../net/net-def.ts'
import { PfError } from '../util/error.ts'
import type { GradientBucket } from './data-parallel.ts'

/** The blob of each replica that knows the others. */
export const worldBlob = 'replicas/world'

// The first sum shall begin early: until then nothing overlaps.
const kFirstBucketBytes = 4 << 20

export interface CollectiveOptions {
  readonly bucketBytes: number
  readonly broadcastComputedParams: boolean
  /** Bytes of the gradient of a parameter. */
  readonly bytesOf: (parameter: string) => number
}

/** A copy of the model's net, and its operators as they were copied: the net may be changed meanwhile. */
export interface ModelCopy {
  readonly def: NetDef
  readonly ops: readonly OperatorDef[]
}

/** The model's net for one of so many workers. */
export function copyModel(model: ModelHelper, workers: number): ModelCopy {
  const def = copyOf(model.net.proto())
  const { losses, begin, end } = backwardOf(model)
  for (const loss of losses) divideLoss(def.op.slice(begin, end), loss, workers)
  denseGradients(model)
  return { def, ops: [...def.op] }
}

/** Puts the sums of gradients behind the operators that make them, and one that waits before the first that wants them. */
export function addCollectives(model: ModelHelper, copy: ModelCopy, options: CollectiveOptions): GradientBucket[] {
  const { def, ops } = copy
  const { begin, end } = backwardOf(model)
  const buckets = bucketsOf(denseGradients(model), ops.slice(0, end), options)
  const before = new Map<OperatorDef | undefined, OperatorDef[]>()
  const insert = (index: number, op: OperatorDef) => before.set(ops[index], [...(before.get(ops[index]) ?? []), op])
  const computed = options.broadcastComputedParams ? model.computedParams : []
  if (computed.length > 0) insert(begin, collective('ReplicaBroadcast', computed))
  for (const { gradients, after } of buckets) insert(after + 1, collective('ReplicaAllreduce', gradients))
  const together = new Set([...buckets.flatMap(({ gradients }) => gradients), ...computed])
  insert(firstUse(ops, together, end), collective('ReplicaWait', [...together]))

  for (const op of before.keys()) {
    if (op === undefined || def.op.includes(op)) continue
    throw new PfError('net', `adapt has taken away ${op.type} "${op.output[0]}", beside which replicas have to meet`)
  }
  def.op = [...def.op.flatMap((op) => [...(before.get(op) ?? []), op]), ...(before.get(undefined) ?? [])]
  if (def.externalInput.length > 0) def.externalInput.push(worldBlob)
  return buckets
}

/** A collective in place on these blobs. */
export function collective(type: string, blobs: readonly string[]): OperatorDef {
  return operatorDef(type, [worldBlob, ...blobs], [...blobs])
}

function backwardOf(model: ModelHelper) {
  if (model.backward && model.params.some((blob) => model.getParamGrad(blob) !== undefined)) return model.backward
  throw new PfError(
    'net',
    `model "${model.name}" has no gradients to train with: call addGradientOperators and build an optimizer first`,
  )
}

// Where the gradient of a loss begins it is 1; the sum over all workers shall be that of the joint batch.
function divideLoss(backward: readonly OperatorDef[], loss: string, workers: number): void {
  const start = backward.find(({ type, input }) => type === 'ConstantFill' && input[0] === loss)
  const value = start?.arg.find(({ name }) => name === 'value')
  if (value?.f === undefined) {
    throw new PfError(
      'unsupported',
      `the gradient of the loss "${loss}" was given, so it cannot be divided by the ${workers} workers here; ` +
        'give addGradientOperators the names of losses only',
    )
  }
  value.f /= workers
}

interface DenseGradient {
  readonly parameter: string
  readonly gradient: string
}

function denseGradients(model: ModelHelper): DenseGradient[] {
  const seen = new Set<string>()
  return model.parameterGradients().flatMap(({ blob, gradient }) => {
    const name = denseName(blob, gradient)
    if (seen.has(name)) return []
    seen.add(name)
    return [{ parameter: blob, gradient: name }]
  })
}

function denseName(parameter: string, gradient: BlobGradient): string {
  if (typeof gradient === 'string') return gradient
  throw new PfError(
    'unsupported',
    `the gradient of "${parameter}" is sparse (${namesOf(gradient).join(', ')}); replicas can only sum dense ones`,
  )
}

const touches = ({ input, output }: OperatorDef, blob: string) => input.includes(blob) || output.includes(blob)

/** In the order in which the backward pass is done with them. */
function bucketsOf(
  gradients: readonly DenseGradient[],
  ops: readonly OperatorDef[],
  { bucketBytes, bytesOf }: CollectiveOptions,
): GradientBucket[] {
  const ready = gradients
    .map(({ parameter, gradient }) => ({
      gradient,
      bytes: bytesOf(parameter),
      after: ops.findLastIndex((op) => touches(op, gradient)),
    }))
    .sort((a, b) => a.after - b.after)
  const buckets: { gradients: string[]; after: number; bytes: number }[] = []
  for (const { gradient, bytes, after } of ready) {
    const limit = buckets.length > 1 ? bucketBytes : Math.min(bucketBytes, kFirstBucketBytes)
    const last = buckets.at(-1)
    if (last === undefined || last.bytes + bytes > limit) buckets.push({ gradients: [gradient], after, bytes })
    else Object.assign(last, { gradients: [...last.gradients, gradient], after, bytes: last.bytes + bytes })
  }
  return buckets.map(({ gradients: names, after }) => ({ gradients: names, after }))
}

function firstUse(ops: readonly OperatorDef[], blobs: ReadonlySet<string>, from: number): number {
  const found = ops.findIndex((op, i) => i >= from && [...op.input, ...op.output].some((blob) => blobs.has(blob)))
  return found < 0 ? ops.length : found
}
