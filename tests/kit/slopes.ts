// SPDX-License-Identifier: Apache-2.0
// The gradient operators of one operator against differences, at a point that was recorded from Caffe2 or made up here.
//
// Of the loss, the sum over all float outputs of weight * output, the slope is taken on both sides of the point. The sum is
// one of doubles over what has changed, so that the only noise is the rounding of the operator's own floats. Where both
// slopes agree the operator is smooth, and the gradient must be their mean; elsewhere (a maximum that moves, a corner at
// zero) there is nothing to compare with. Small inputs are moved number by number; large ones at some numbers, and then
// all their numbers at once in two directions, so that no number goes unseen.
import * as assert from 'uvu/assert'
import type { Backend, Schema } from '../../src/backend/backend.ts'
import type { Tensor } from '../../src/core/tensor.ts'
import { addGradientOperators } from '../../src/net/gradient.ts'
import { Net } from '../../src/net/net.ts'
import { decodeNetDef, encodeNetDef, netDef, type OperatorDef } from '../../src/net/net-def.ts'
import { PfError } from '../../src/util/error.ts'
import { dense } from './differences.ts'

export interface Point {
  op: OperatorDef
  feed: Readonly<Record<string, Tensor>>
}

export interface Found {
  /** Inputs that have a gradient, by their place: how many slopes agreed with it, and how many were taken. */
  readonly inputs: ReadonlyMap<number, { known: number; tried: number }>
  /** Float outputs whose gradient the gradient operators do not ask for, by their place. */
  readonly unread: readonly number[]
}

const whole = 24
const some = 10
const steps = [1e-2, 2e-3, 4e-4, 5e-5]
const close = 5e-3

/** Numbers in [-1, 1) that are the same in every run. */
function noise(count: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

const weightsOf = ({ data }: { data: Floats }, seed: number): Floats =>
  data instanceof Float64Array ? Float64Array.from(noise(data.length, seed)) : noise(data.length, seed)

type Floats = Float32Array | Float64Array

const isFloat = (value: Tensor | undefined): value is Tensor & { data: Floats } =>
  value?.dtype === 'float32' || value?.dtype === 'float64'

/**
 * The point with names that cannot meet those of gradients, and outputs apart from inputs unless the schema wants them in
 * place. What runs nets keeps its names, for they stand in its arguments as well.
 */
function renamed({ op, feed }: Point, { inplace }: Schema): Point {
  if (op.arg?.some(({ n, name }) => n || /step_net/.test(name ?? ''))) return { op, feed }
  const read = (name: string) => (name === '' ? '' : `x${op.input.indexOf(name)}`)
  const enforced = (output: number) =>
    inplace.some(([from, to, always]) => always && to === output && op.input[from] === op.output[output])
  const output = op.output.map((name, i) => (enforced(i) ? read(name) : `y${i}`))
  const fed = Object.entries(feed).map(([name, value]) => [read(name), value])
  return { op: { ...op, input: op.input.map(read), output }, feed: Object.fromEntries(fed) }
}

/** One workspace, one net, and the point in it. */
class Bench {
  constructor(
    private readonly backend: Backend,
    private readonly workspace: number,
    private readonly net: number,
    /** What is fed and then written to, and so must be fed again. */
    private readonly written: readonly [string, Tensor][],
  ) {}

  static async with<T>(backend: Backend, feed: Point['feed'], ops: OperatorDef[], body: (bench: Bench) => Promise<T>) {
    const workspace = await backend.openWorkspace(1n)
    try {
      for (const [name, value] of Object.entries(feed)) await backend.feed(workspace, name, value)
      const written = Object.entries(feed).filter(([name]) => ops.some(({ output }) => output.includes(name)))
      const net = await backend.createNet(workspace, encodeNetDef(netDef({ name: 'point', op: ops })))
      return await body(new Bench(backend, workspace, net, written))
    } finally {
      await backend.closeWorkspace(workspace)
    }
  }

  feed(name: string, value: Tensor): Promise<void> {
    return this.backend.feed(this.workspace, name, value)
  }

  fetch(name: string): Promise<Tensor> {
    return this.backend.fetch(this.workspace, name)
  }

  async run(names: readonly string[]): Promise<(Tensor | undefined)[]> {
    for (const [name, value] of this.written) await this.feed(name, value)
    await this.backend.runNet(this.net)
    const found: (Tensor | undefined)[] = []
    for (const name of names) {
      const { kind } = await this.backend.blobInfo(this.workspace, name)
      const value = kind === 'tensor' ? await this.backend.fetch(this.workspace, name) : undefined
      found.push(value === undefined || typeof value.data[0] === 'string' ? value : copied(value))
    }
    return found
  }
}

const copied = (value: Tensor): Tensor => ({ ...value, data: (value.data as Floats).slice() })

export interface Options {
  /** The operator draws numbers: each run has a workspace of its own, where it draws the same again. */
  random?: boolean
  /** Gradients are this times the slope, for operators that want it so. */
  factor?: number
}

/** Compares every gradient of the operator; answers nothing where the point has none. */
export async function checkSlopes(
  backend: Backend,
  schema: Schema,
  at: Point,
  { random = false, factor = 1 }: Options = {},
): Promise<Found | undefined> {
  const point = renamed(at, schema)
  const { op } = point
  const forward = (feed: Point['feed']) => Bench.with(backend, feed, [op], (bench) => bench.run(op.output))
  const base = await forward(point.feed)
  const weights = base.map((value, i) => (isFloat(value) ? weightsOf(value, 11 + i) : undefined))
  const given = op.output.filter((_, i) => weights[i] !== undefined)
  if (!given.length) return undefined
  const unread = await unreadOutputs(backend, op, given)
  if (unread === undefined) return undefined
  const analytic = await gradients(backend, point, base, weights, unread, random ? 1 : 2)
  const inputs = new Map<number, { known: number; tried: number }>()
  const net = (body: (bench: Bench) => Promise<void>) => Bench.with(backend, point.feed, [op], body)
  await net(async (bench) => {
    for (const [i, gradient] of analytic) {
      const name = op.input[i]
      const x = point.feed[name] as Tensor & { data: Floats }
      const moved = async (data: Floats) => {
        const value = { ...x, data }
        if (random) return await forward({ ...point.feed, [name]: value })
        await bench.feed(name, value)
        return await bench.run(op.output)
      }
      const loss = (found: (Tensor | undefined)[]) => lossFrom(base, found, weights)
      const want = gradient.map((value) => value / factor)
      inputs.set(i, await compare(`input ${i}`, x.data, want, async (data) => loss(await moved(data))))
      await bench.feed(name, x)
    }
  })
  return { inputs, unread: unread.map((name) => op.output.indexOf(name)) }
}

interface Change {
  /** How far the loss is from that of the point. */
  readonly by: number
  /** What rounding may have added to it. */
  readonly noise: number
}

function lossFrom(
  base: readonly (Tensor | undefined)[],
  found: readonly (Tensor | undefined)[],
  weights: readonly (Floats | undefined)[],
): Change {
  let by = 0
  let rounding = 0
  let largest = 0
  for (const [k, weight] of weights.entries()) {
    if (weight === undefined) continue
    const before = (base[k] as Tensor).data as Floats
    const after = (found[k] as Tensor).data as Floats
    if (before.length !== after.length) return { by: Number.NaN, noise: 0 }
    const fine = after instanceof Float64Array ? 2 ** -51 : 2 ** -23
    for (let j = 0; j < weight.length; j++) {
      const part = Math.abs(weight[j] * after[j]) * fine
      largest = Math.max(largest, part)
      if (before[j] === after[j]) continue
      by += weight[j] * (after[j] - before[j])
      rounding += part * part
    }
  }
  return { by, noise: 3 * Math.max(Math.sqrt(rounding), largest / 4) }
}

/** Slopes of `loss` against `gradient`, number by number and in directions. */
async function compare(
  what: string,
  x: Floats,
  gradient: Float64Array,
  loss: (x: Floats) => Promise<Change>,
): Promise<{ known: number; tried: number }> {
  const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const places = x.length <= whole ? [...x.keys()] : Array.from({ length: some }, (_, i) => (i * 7919 + 3) % x.length)
  const directions: [string, Float64Array][] = places.map((i) => [`[${i}]`, unit(x.length, i)])
  if (x.length > whole) for (const seed of [3, 5]) directions.push([`, direction ${seed}`, signs(x.length, seed)])
  let known = 0
  for (const [where, direction] of directions) {
    const want = direction.reduce((sum, part, i) => sum + part * gradient[i], 0)
    const verdict = await slopeAlong(x, direction, want, largest, loss)
    if (verdict === undefined) continue
    known++
    assert.ok(verdict.met, `${what}${where}: the gradient is ${want}, differences say ${verdict.slope}`)
  }
  return { known, tried: directions.length }
}

const unit = (length: number, i: number): Float64Array => Float64Array.from({ length }, (_, k) => Number(k === i))

function signs(length: number, seed: number): Float64Array {
  const size = 1 / Math.sqrt(length)
  return Float64Array.from(noise(length, seed), (value) => (value < 0 ? -size : size))
}

/**
 * Whether `want` is the slope where those of both sides agree, tried with ever smaller steps: a corner may lie within a
 * large one. Nothing where they never agree, or only rounding can be seen.
 */
async function slopeAlong(
  x: Floats,
  direction: Float64Array,
  want: number,
  largest: number,
  loss: (x: Floats) => Promise<Change>,
): Promise<{ met: boolean; slope: number } | undefined> {
  let verdict: { met: boolean; slope: number } | undefined
  // Where the numbers are large their floats are coarse, and so are the steps.
  const size = direction.reduce((sum, part, i) => sum + Math.abs(part * x[i]), 0) / total(direction)
  for (const step of steps.map((step) => step * Math.max(1, size))) {
    const [up, upBy] = moved(x, direction, step)
    const [down, downBy] = moved(x, direction, -step)
    const [after, before] = [await loss(up), await loss(down)]
    const [forward, backward] = [after.by / upBy, before.by / downBy]
    const noise = (after.noise + before.noise) / step
    const scale = Math.max(Math.abs(forward), Math.abs(backward), 0.1 * largest)
    // A smaller step is worth more only if it is not much noisier.
    if (!(noise <= (verdict === undefined ? 0.1 : 0.01) * scale) && scale !== 0) continue
    if (!(Math.abs(forward - backward) <= 0.06 * scale + noise)) continue
    const slope = (after.by - before.by) / (upBy - downBy)
    const may = close * (Math.max(Math.abs(slope), Math.abs(want)) + 0.1 * largest) + noise
    if (Math.abs(want - slope) <= may) return { met: true, slope }
    // A corner closer than the smallest step leaves two slopes; what lies between them is right.
    verdict = { met: (want - forward) * (want - backward) <= 0, slope }
  }
  return verdict
}

const total = (direction: Float64Array): number => direction.reduce((sum, part) => sum + Math.abs(part), 0)

/** x moved along a direction, and how far in fact: floats do not take every step. */
function moved(x: Floats, direction: Float64Array, step: number): [Floats, number] {
  let along = 0
  let square = 0
  const to = x.map((value, i) => value + step * direction[i])
  for (let i = 0; i < x.length; i++) {
    along += (to[i] - x[i]) * direction[i]
    square += direction[i] * direction[i]
  }
  return [to, along / square]
}

/** Of outputs that all have gradients, those whose gradients nothing reads; undefined where the operator refuses. */
async function unreadOutputs(backend: Backend, op: OperatorDef, given: string[]): Promise<string[] | undefined> {
  const named = op.output.map((name) => (given.includes(name) ? `${name}_given` : ''))
  const request = encodeNetDef(netDef({ op: [op], externalInput: named }))
  const made = await backend.gradient(request).catch((error) => {
    if (error instanceof PfError && error.code === 'no_gradient') return undefined
    throw error
  })
  if (made === undefined) return undefined
  const reply = decodeNetDef(made)
  const handed = reply.externalOutput.flatMap((text) => text.split('\0'))
  const read = new Set([...reply.op.flatMap(({ input }) => input), ...handed])
  return given.filter((name) => !read.has(`${name}_given`))
}

/** What the gradient operators compute of the loss, by the input's place; sparse gradients as dense ones. */
async function gradients(
  backend: Backend,
  { op, feed }: Point,
  base: readonly (Tensor | undefined)[],
  weights: (Floats | undefined)[],
  unread: readonly string[],
  runs: number,
): Promise<Map<number, Float64Array>> {
  const losses: Record<string, string> = {}
  const inputs: Record<string, Tensor> = { ...feed }
  for (const [i, name] of op.output.entries()) {
    if (unread.includes(name)) weights[i] = undefined
    const weight = weights[i]
    if (weight === undefined) continue
    losses[name] = `${name}_given`
    inputs[losses[name]] = { ...(base[i] as Tensor), data: weight }
  }
  const net = new Net('gradient')
  net.addOperators([op])
  const made = await addGradientOperators(net, losses, { backend })
  const found = new Map<number, Float64Array>()
  await Bench.with(backend, inputs, net.proto().op, async (bench) => {
    for (const [i, name] of op.input.entries()) {
      const gradient = made.get(name)
      if (gradient === undefined || !isFloat(feed[name]) || op.input.indexOf(name) !== i) continue
      // Twice: what a run leaves behind must not be in the way of the next.
      for (let run = 0; run < runs; run++) await bench.run([])
      const { shape, data } = await dense(gradient, feed[name], (blob) => bench.fetch(blob))
      assert.equal([...shape], [...feed[name].shape], `shape of the gradient of input ${i}`)
      found.set(i, Float64Array.from(data))
    }
  })
  return found
}
