// SPDX-License-Identifier: Apache-2.0
// Adds the operators that compute gradients to a net: walks it backwards, asks the core for the gradient of each
// operator, and sums where a blob was read more than once. Names and order are Caffe2's, so that nets stay comparable.
import { PfError } from '../util/error.ts'
import { didYouMean } from '../util/nearest.ts'
import type { InnerGradient } from './gradient-control.ts'
import { type Accumulator, accumulate, type Generator } from './gradient-sum.ts'
import { currentBackend } from './init.ts'
import type { Net } from './net.ts'
import { decodeNetDef, encodeNetDef, netDef, type OperatorDef, operatorDef } from './net-def.ts'
import { runsNets, writtenInside } from './nested-nets.ts'
import { type BlobVersions, History } from './ssa.ts'

/** The gradient of a blob of which only some rows were read: row `indices[i]` gets `values[i]`. */
export interface GradientSlice {
  readonly indices: string
  readonly values: string
}

/** The name of the blob that holds a gradient, or the two of a sparse one. */
export type BlobGradient = string | GradientSlice

/** What asks a core for the gradient of an operator; a Backend is one. */
export interface GradientSource {
  gradient(request: Uint8Array): Promise<Uint8Array>
}

export interface GradientOptions {
  /** Who knows the gradients of operators; by default the backend that `init` opened. */
  backend?: GradientSource
  /** Leaves out the first operators of the net, such as those that only read data. */
  skip?: number
}

/** Losses to start from: their gradients are 1, or blobs that hold them. */
export type Losses = readonly string[] | Readonly<Record<string, BlobGradient | null>>

/** Appends gradient operators to `net`; answers the gradient of every blob that has one. */
export async function addGradientOperators(
  net: Net,
  losses: Losses,
  options: GradientOptions = {},
): Promise<Map<string, BlobGradient>> {
  const ops = net.proto().op.slice(options.skip ?? 0)
  const wanted = Array.isArray(losses)
    ? losses.map((loss: string) => [loss, null] as const)
    : Object.entries(losses as Readonly<Record<string, BlobGradient | null>>)
  for (const [loss] of wanted) checkLoss(net, loss)
  const pass = new BackwardPass(ops, options.backend ?? (await currentBackend()))
  await pass.run(wanted)
  net.addOperators(pass.ops)
  return pass.gradients
}

function checkLoss(net: Net, loss: string): void {
  if (net.isDefined(loss)) return
  const known = net.proto().op.flatMap((op) => op.output)
  const where = `net "${net.name}" has no blob "${loss}" to compute gradients of`
  throw new PfError('net', where + didYouMean(loss, known))
}

class BackwardPass {
  readonly ops: OperatorDef[] = []
  readonly gradients = new Map<string, BlobGradient>()
  readonly #history: History
  readonly #source: GradientSource
  readonly #generators: Accumulator = new Map()
  /** The version of each blob that the gradient we have belongs to. */
  readonly #gradientVersion = new Map<string, number>()

  constructor(forward: readonly OperatorDef[], source: GradientSource) {
    this.#history = new History(forward)
    this.#source = source
  }

  async run(losses: readonly (readonly [string, BlobGradient | null])[]): Promise<void> {
    for (const [loss, gradient] of losses) this.#start(loss, gradient)
    const { steps } = this.#history
    for (let index = steps.length - 1; index >= 0; index--) {
      await this.#differentiate(index)
      this.#sum(index)
    }
  }

  #start(loss: string, gradient: BlobGradient | null): void {
    const version = this.#history.versionNow(loss)
    this.#gradientVersion.set(loss, version)
    this.#history.use(loss, version, this.#history.steps.length)
    // One that was given is a part of the sum where operators of the net read the loss as well.
    if (typeof gradient === 'string') this.#record(loss, version, { gradient })
    else if (gradient) this.#record(loss, version, { slice: gradient })
    this.gradients.set(loss, gradient ?? this.#startWithOne(loss, version))
  }

  /** The gradients of what the blobs held before the first operator, for nets inside operators. */
  before(where: string): Map<string, string> {
    const before = new Map<string, string>()
    for (const [blob, gradient] of this.gradients) {
      if (this.#gradientVersion.get(blob) !== 0) continue
      if (typeof gradient !== 'string')
        throw new PfError('no_gradient', `the gradient of "${blob}" is sparse; it cannot leave ${where}`)
      before.set(blob, gradient)
    }
    return before
  }

  #startWithOne(loss: string, version: number): string {
    const name = `${loss}_autogen_grad`
    const producer = this.#history.producer(loss, version)
    const fill = operatorDef('ConstantFill', loss, name, { value: { float: 1 } })
    if (producer?.deviceOption) fill.deviceOption = { ...producer.deviceOption }
    this.ops.push(fill)
    this.#record(loss, version, { gradient: name, op: fill, output: 0 })
    return name
  }

  async #differentiate(index: number): Promise<void> {
    const step = this.#history.steps[index]
    const outputs = step.op.output.map((blob) => this.gradients.get(blob))
    if (outputs.every((gradient) => gradient === undefined) && step.op.type !== 'ZeroGradient') return
    const made = await this.#request(step.op, outputs)
    this.#check(step, made.ops, outputs)
    this.#recordAll(step, made)
    this.ops.push(...made.ops)
    step.op.input.forEach((blob, i) => {
      const gradient = made.inputs[i]
      if (gradient !== undefined) {
        this.#gradientVersion.set(blob, step.reads.get(blob) as number)
        this.gradients.set(blob, gradient)
      } else if (step.op.output.includes(blob)) {
        // Written in place without a gradient: the gradient we had belongs to what was written, not to what was read.
        this.gradients.delete(blob)
      }
    })
  }

  async #request(op: OperatorDef, outputs: readonly (BlobGradient | undefined)[]): Promise<OperatorGradient> {
    if (!runsNets(op)) return await requestGradient(this.#source, op, outputs)
    const dense = outputs.map((gradient) => {
      if (gradient === undefined || typeof gradient === 'string') return gradient
      throw new PfError('no_gradient', `the gradient "${gradient.values}" is sparse; it cannot enter ${op.type}`)
    })
    const { controlGradient } = await import('./gradient-control.ts') // few nets have them
    return await controlGradient(op, dense, async (ops, after): Promise<InnerGradient> => {
      const inner = new BackwardPass(ops, this.#source)
      await inner.run([...after])
      return { ops: inner.ops, before: inner.before(op.type ?? '') }
    })
  }

  // Gradient operators run after the whole forward pass, so they must not read what was overwritten meanwhile.
  #check(step: BlobVersions, ops: readonly OperatorDef[], outputs: readonly (BlobGradient | undefined)[]): void {
    const local = new Set<string>()
    for (const op of ops) {
      for (const blob of op.input) if (blob !== '') this.#checkInput(step, op, blob, outputs, local)
      for (const blob of op.output) local.add(blob)
    }
  }

  #checkInput(
    step: BlobVersions,
    op: OperatorDef,
    blob: string,
    outputs: readonly (BlobGradient | undefined)[],
    local: ReadonlySet<string>,
  ): void {
    const output = outputs.findIndex((gradient) => namesOf(gradient).includes(blob))
    if (output >= 0) {
      const name = step.op.output[output]
      const now = this.#gradientVersion.get(name) ?? 0
      const then = step.writes.get(name) as number
      if (now !== then) throw this.#overwritten(step, op, `the gradient "${blob}" of "${name}"`, name, then, now)
      return
    }
    const then = step.writes.get(blob) ?? step.reads.get(blob)
    const now = this.#history.versionNow(blob)
    if (then === undefined) {
      if (local.has(blob) || (runsNets(step.op) && writtenInside(step.op).has(blob))) return
      throw new PfError(
        'net',
        `${op.type} reads "${blob}", which is neither a blob of ${step.op.type} nor made by its gradient operators`,
      )
    }
    if (then !== now) throw this.#overwritten(step, op, `"${blob}"`, blob, then, now)
  }

  #overwritten(step: BlobVersions, op: OperatorDef, what: string, blob: string, then: number, now: number): PfError {
    const writers = this.#history.writers(blob).join(', ')
    return new PfError(
      'net',
      `the gradient of ${step.op.type} (${op.type}) needs ${what} at version ${then}, but it has been overwritten and is ` +
        `now at version ${now}. Give each output its own name; written by: ${writers || 'no operator'}`,
    )
  }

  #recordAll(step: BlobVersions, made: OperatorGradient): void {
    const produced = new Set<string>()
    for (const op of made.ops) {
      op.output.forEach((name, output) => {
        produced.add(name)
        const input = made.inputs.findIndex((gradient) => namesOf(gradient).includes(name))
        if (input < 0) return
        const gradient = made.inputs[input] as BlobGradient
        const blob = step.op.input[input]
        if (typeof gradient === 'string') this.#recordFor(step, blob, { gradient, op, output })
        else this.#recordSlice(step, blob, gradient, name, op, output)
      })
    }
    // Sum, Add and the like hand a gradient through without an operator.
    made.inputs.forEach((gradient, i) => {
      if (gradient === undefined || namesOf(gradient).some((name) => produced.has(name))) return
      this.#recordFor(step, step.op.input[i], typeof gradient === 'string' ? { gradient } : { slice: gradient })
    })
  }

  // Indices and values may come from two operators: the second joins the first.
  #recordSlice(
    step: BlobVersions,
    blob: string,
    slice: GradientSlice,
    name: string,
    op: OperatorDef,
    output: number,
  ): void {
    const list = this.#list(blob, step.reads.get(blob) as number)
    const last = list.at(-1)
    const part = name === slice.indices ? { indices: { op, output } } : { values: { op, output } }
    if (last !== undefined && 'slice' in last && last.slice === slice) Object.assign(last, part)
    else list.push({ slice, ...part })
  }

  #recordFor(step: BlobVersions, blob: string, generator: Generator): void {
    this.#record(blob, step.reads.get(blob) as number, generator)
  }

  #record(blob: string, version: number, generator: Generator): void {
    this.#list(blob, version).push(generator)
  }

  #list(blob: string, version: number): Generator[] {
    const key = `${version} ${blob}`
    const list = this.#generators.get(key) ?? []
    this.#generators.set(key, list)
    return list
  }

  // The first operator that reads a blob is the last to give it a gradient: then all parts are there to be summed.
  #sum(index: number): void {
    const step = this.#history.steps[index]
    for (const blob of new Set(step.op.input)) {
      const version = step.reads.get(blob) as number
      const uses = this.#history.uses(blob, version)
      if (uses.length < 2 || uses[0] !== index) continue
      const sum = accumulate(blob, this.#list(blob, version))
      if (sum === undefined) continue
      this.ops.push(...sum.ops)
      this.gradients.set(blob, sum.gradient)
    }
  }
}

/** The blobs of a gradient. */
export function namesOf(gradient: BlobGradient | undefined): string[] {
  if (gradient === undefined) return []
  return typeof gradient === 'string' ? [gradient] : [gradient.indices, gradient.values]
}

interface OperatorGradient {
  readonly ops: OperatorDef[]
  readonly inputs: (BlobGradient | undefined)[]
}

async function requestGradient(
  source: GradientSource,
  op: OperatorDef,
  outputs: readonly (BlobGradient | undefined)[],
): Promise<OperatorGradient> {
  const request = netDef({ op: [op], externalInput: outputs.map(gradientText) })
  const reply = decodeNetDef(await source.gradient(encodeNetDef(request)))
  return { ops: reply.op, inputs: op.input.map((_, i) => gradientOf(reply.externalOutput[i] ?? '')) }
}

// How a gradient crosses to the core: nothing, a name, or indices and values with a zero byte between.
function gradientText(gradient: BlobGradient | undefined): string {
  return namesOf(gradient).join('\0')
}

function gradientOf(text: string): BlobGradient | undefined {
  if (text === '') return undefined
  const [first, values] = text.split('\0')
  return values === undefined ? first : { indices: first, values }
}
