// SPDX-License-Identifier: Apache-2.0
// Tests of an operator as data. A file tests/ops/NAME.ts states cases and what more can be tried; this harness runs each
// case as it is, in place, against a reference in double, and compares gradients with central differences.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../../src/backend/backend.ts'
import { type DType, type Tensor, tensor } from '../../src/core/tensor.ts'
import { addGradientOperators } from '../../src/net/gradient.ts'
import { Net } from '../../src/net/net.ts'
import { type ArgumentValue, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import type { PfErrorCode } from '../../src/util/error.ts'
import { testBackend } from './backend.ts'
import { settings } from './settings.ts'
import { throwsPf } from './throws.ts'

/** A tensor: shape, elements in row-major order, type (float32 unless told). */
export type Value = readonly [shape: readonly number[], data: readonly (number | string)[], dtype?: DType]

type Args = Readonly<Record<string, ArgumentValue>>
type Values = Readonly<Record<string, Value>>

export interface Case {
  readonly name: string
  /** Inputs in the operator's order. */
  readonly in: Values
  readonly args?: Args
  /** Outputs in the operator's order. */
  readonly out: Values
}

export interface Refusal {
  readonly name: string
  readonly in: Values
  readonly args?: Args
  /** Names of the outputs. */
  readonly out: readonly string[]
  readonly code: PfErrorCode
  /** What the message must tell. */
  readonly says: RegExp
}

export interface Vectors {
  readonly cases: readonly Case[]
  /** Largest difference, relative to values above 1 and absolute below; 1e-5 unless told. */
  readonly close?: number
  /** Inputs whose gradients are compared with central differences, in every case. */
  readonly grad?: readonly string[]
  /** Outputs that these gradients are of; all of float32 unless told. */
  readonly loss?: readonly string[]
  /** Of gradients: float32 leaves the differences about this inexact. 5e-3 unless told. */
  readonly gradClose?: number
  /** Runs that the operator must refuse. */
  readonly refuses?: readonly Refusal[]
  /** Whether output 0 may be input 0; every case is then run so too. */
  readonly inplace?: boolean
  /** Elementwise operators of one input: random tensors of these shapes against a function of one element, in double. */
  readonly random?: {
    readonly shapes: readonly (readonly number[])[]
    readonly args?: Args
    readonly ref: (x: number, args: Readonly<Record<string, number>>) => number
  }
}

/** Enters the tests of one operator; `make test OP=…` keeps to the one it names. */
export function vectors(type: string, spec: Vectors): void {
  if (settings.op !== undefined && settings.op !== type) return
  const test = suite(type)
  const backend = testBackend(test)
  for (const one of spec.cases) {
    test(one.name, async () => compare(one.out, await run(await backend(), type, one), spec.close))
    if (spec.inplace) {
      test(`${one.name}, in place`, async () =>
        compare(one.out, await run(await backend(), type, one, true), spec.close))
    }
    for (const input of spec.grad ?? []) {
      test(`${one.name}, gradient of ${input}`, async () => checkGradient(await backend(), type, one, input, spec))
    }
  }
  for (const one of spec.refuses ?? []) {
    const out = Object.fromEntries(one.out.map((name): [string, Value] => [name, [[], []]]))
    test(`refuses ${one.name}`, async () => {
      const opened = await backend()
      await throwsPf(() => run(opened, type, { ...one, out }), one.code, one.says)
    })
  }
  for (const shape of spec.random?.shapes ?? []) {
    test(`random [${shape}]`, async () => checkRandom(await backend(), type, shape, spec))
  }
  test.run()
}

const toTensor = ([shape, data, dtype]: Value): Tensor => {
  const values = dtype === 'int64' ? data.map((x) => BigInt(x)) : data
  return tensor(values, shape, dtype ?? (typeof data[0] === 'string' ? 'string' : 'float32'))
}

const numbers = (t: Tensor): number[] => Array.from<number | bigint | string, number>(t.data, Number)

async function run(backend: Backend, type: string, one: Case, inPlace = false): Promise<Tensor[]> {
  await using ws = await Workspace.open(backend)
  const inputs = Object.keys(one.in)
  const outputs = Object.keys(one.out)
  if (inPlace) outputs[0] = inputs[0]
  for (const name of inputs) await ws.feedBlob(name, toTensor(one.in[name]))
  await ws.runOperatorOnce(operatorDef(type, inputs, outputs, one.args))
  return await ws.fetchBlobs(outputs)
}

function compare(expected: Values, found: readonly Tensor[], close = 1e-5): void {
  for (const [i, [name, value]] of Object.entries(expected).entries()) {
    const want = toTensor(value)
    assert.equal(found[i].shape, [...want.shape], `shape of ${name}`)
    assert.is(found[i].dtype, want.dtype, `type of ${name}`)
    if (want.dtype === 'string') assert.equal(found[i].data, want.data, name)
    else closeTo(numbers(found[i]), numbers(want), close, name)
  }
}

function closeTo(found: readonly number[], want: readonly number[], close: number, name: string): void {
  for (const [i, x] of want.entries()) {
    if (Object.is(found[i], x) || found[i] === x) continue
    const off = Math.abs(found[i] - x) / Math.max(1, Math.abs(x))
    assert.ok(off <= close, `${name}[${i}] is ${found[i]}, should be ${x} (off by ${off}, may be ${close})`)
  }
}

/** Numbers in [-2, 2) that are the same in every run. */
function randoms(count: number, seed: number): number[] {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 32) * 4 - 2
  })
}

async function checkRandom(backend: Backend, type: string, shape: readonly number[], spec: Vectors): Promise<void> {
  if (!spec.random) return
  const { args, ref } = spec.random
  const x = Array.from(
    Float32Array.from(
      randoms(
        shape.reduce((a, b) => a * b, 1),
        7,
      ),
    ),
  )
  const [y] = await run(backend, type, { name: '', in: { X: [shape, x] }, args, out: { Y: [shape, []] } })
  const scalars = (args ?? {}) as Record<string, number>
  closeTo(
    numbers(y),
    x.map((value) => ref(value, scalars)),
    spec.close ?? 1e-5,
    'Y',
  )
}

/** Of L = sum over the outputs of w * output, with fixed random w: dL/dX by the gradient operators and by differences. */
async function checkGradient(backend: Backend, type: string, one: Case, input: string, spec: Vectors): Promise<void> {
  const floats = Object.keys(one.out).filter((name) => (one.out[name][2] ?? 'float32') === 'float32')
  const outputs = floats.filter((name) => spec.loss?.includes(name) ?? true)
  const weights = outputs.map((name, i) => randoms(one.out[name][1].length, 11 + i))
  const analytic = await gradientByOperators(backend, type, one, input, outputs, weights)
  const loss = async (x: readonly number[]): Promise<number> => {
    const moved: Case = { ...one, in: { ...one.in, [input]: [one.in[input][0], x] } }
    const found = await run(backend, type, moved)
    const names = Object.keys(one.out)
    return outputs.reduce((sum, name, k) => {
      const y = numbers(found[names.indexOf(name)])
      return sum + y.reduce((part, value, i) => part + value * weights[k][i], 0)
    }, 0)
  }
  const x = one.in[input][1] as readonly number[]
  const step = 1e-2
  const differences: number[] = []
  for (let i = 0; i < x.length; i++) {
    const at = (delta: number) => loss(x.map((value, j) => (j === i ? value + delta : value)))
    differences.push(((await at(step)) - (await at(-step))) / (2 * step))
  }
  closeTo(analytic, differences, spec.gradClose ?? 5e-3, `gradient of ${input}`)
}

async function gradientByOperators(
  backend: Backend,
  type: string,
  one: Case,
  input: string,
  outputs: readonly string[],
  weights: readonly number[][],
): Promise<number[]> {
  await using ws = await Workspace.open(backend)
  for (const [name, value] of Object.entries(one.in)) await ws.feedBlob(name, toTensor(value))
  const net = new Net('gradient')
  net.addOperators([operatorDef(type, Object.keys(one.in), Object.keys(one.out), one.args)])
  const losses: Record<string, string> = {}
  for (const [i, name] of outputs.entries()) {
    losses[name] = `${name}_weights`
    await ws.feedBlob(losses[name], tensor(weights[i], one.out[name][0]))
  }
  const gradients = await addGradientOperators(net, losses, { backend })
  await ws.runNetOnce(net)
  const name = gradients.get(input)
  if (typeof name !== 'string') throw new Error(`${type} makes no dense gradient of ${input}`)
  return numbers(await ws.fetchBlob(name))
}
