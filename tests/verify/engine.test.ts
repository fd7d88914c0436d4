// SPDX-License-Identifier: Apache-2.0
// The engine behind the recorded cases: it must fail where it should, and say where.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { writeNpy } from '../../src/data/npy.ts'
import { encodeNetDef, netDef, operatorDef } from '../../src/net/net-def.ts'
import { difference, operatorTolerance } from '../../src/verify/compare.ts'
import { generate } from '../../src/verify/generated.ts'
import { kNoiseFactor, toleranceOf, verifyModel } from '../../src/verify/model-case.ts'
import { recordedOperator, recordedTensor } from '../../src/verify/recorded.ts'
import { verifyFile } from '../../src/verify/verify.ts'
import { testBackend } from '../kit/backend.ts'
import { throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)

const why = (got: Tensor, want: Tensor) => difference(got, { name: 'Y', tensor: want }, operatorTolerance)

test('floats are compared within a tolerance, everything else exactly', () => {
  const nan = Number.NaN
  assert.is(why(tensor([1, nan, -1e9]), tensor([1.00005, nan, -1.00005e9])), undefined)
  assert.is(why(tensor([0]), tensor([2.9e-39])), undefined)
  assert.match(why(tensor([[1], [2]]), tensor([[1], [3]])) ?? '', 'Y[1, 0] is 2, expected 3 (1 of 2 values differ')
  assert.match(why(tensor([nan]), tensor([1])) ?? '', 'Y is NaN, expected 1')
  assert.match(why(tensor([1], [1], 'int32'), tensor([2], [1], 'int32')) ?? '', 'Y is 1, expected 2')
  assert.match(why(tensor(['a', 'b']), tensor(['a', 'c'])) ?? '', 'Y[1] is "b", expected "c"')
  assert.is(why(tensor([1n << 60n]), tensor([1n << 60n])), undefined)
  assert.ok(why(tensor([1n << 60n]), tensor([(1n << 60n) + 1n])))
})

test('shape and type must be the recorded ones', () => {
  assert.is(why(tensor([1, 2]), tensor([[1, 2]])), 'Y: shape is [2], expected [1,2]')
  assert.is(why(tensor([1]), tensor([1], [1], 'float64')), 'Y: dtype is float32, expected float64')
})

test('some bytes of a picture may differ by one', () => {
  const tolerance = toleranceOf({ max_abs: 1, values_differing: 1 / kNoiseFactor })
  const compare = (data: number[]) =>
    difference(tensor(data, [3], 'uint8'), { name: 'Y', tensor: tensor([1, 2, 3], [3], 'uint8') }, tolerance)
  assert.is(compare([1, 3, 3]), undefined)
  assert.ok(compare([2, 3, 3]))
  assert.ok(compare([1, 4, 3]))
})

test('generated weights are the recorded ones', () => {
  const { data } = generate({ name: 'conv1_w', dims: [4], k: 1, scale: 0.005808, offset: 0 })
  const want = [0.00085258624, 0.0010267817, 0.002371217, 0.0049688932]
  assert.equal([...(data as Float32Array)], [...Float32Array.from(want)])
})

test('arguments and tensors of every kind are read', () => {
  const arg = [
    { name: 'f', f: 'inf' as const },
    { name: 'i', i: 3 },
    { name: 's', s: 'é' },
    { name: 'b', s_b64: 'AP8=' },
    { name: 'floats', floats: [0.5, 'nan' as const] },
    { name: 'ints', ints: [1, -1] },
    { name: 'strings', strings: ['x'] },
    { name: 'bytes', strings_b64: ['/w=='] },
    { name: 'none' },
  ]
  const op = recordedOperator({ type: 'T', input: ['a'], output: ['b'], arg, is_gradient_op: true })
  assert.equal(op.arg, [
    { name: 'f', f: Number.POSITIVE_INFINITY },
    { name: 'i', i: 3 },
    { name: 's', s: new TextEncoder().encode('é') },
    { name: 'b', s: Uint8Array.of(0, 255) },
    { name: 'floats', floats: [0.5, Number.NaN] },
    { name: 'ints', ints: [1, -1] },
    { name: 'strings', strings: [Uint8Array.of(120)] },
    { name: 'bytes', strings: [Uint8Array.of(255)] },
    { name: 'none' },
  ])
  assert.is(op.isGradientOp, true)
  const text = recordedTensor({ name: 'x', dims: [2], dtype: 'string', data: ['eA==', ''] })
  assert.equal(text.data, ['x', ''])
})

test('a file that holds no cases is named', async () => {
  const bytes = new TextEncoder().encode('{"op": ')
  await throwsPf(async () => verifyFile(await backend(), 'folder/Bad.jsonl', bytes), 'format', 'folder/Bad.jsonl')
  await throwsPf(async () => verifyFile(await backend(), 'Bad.jsonl.gz', bytes), 'format', 'gzip')
})

// data -> Relu -> a -> Scale by 2 -> y
const net = netDef({
  name: 'small',
  op: [operatorDef('Relu', 'data', 'a'), operatorDef('Scale', 'a', 'y', { scale: { float: 2 } })],
  externalInput: ['data'],
  externalOutput: ['y'],
})

const statistics = (name: string, ...first: number[]) => {
  const mean = first.reduce((a, b) => a + b) / first.length
  return { name, dims: [first.length], dtype: 'float32', mean, l2: Math.hypot(...first), first }
}

/** A model case in memory; `y` is what was recorded for it, `a` and `traced` are in the trace. */
function files(y: number[], a: number[], traced: number[]) {
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const blob = (name: string, file: string) => ({ name, dims: [2], dtype: 'float32', file })
  const trace = [
    { op: 0, type: 'Relu', outputs: [statistics('a', ...a)] },
    { op: 1, type: 'Scale', outputs: [statistics('y', ...traced)] },
  ]
  const all: Record<string, Uint8Array> = {
    'case.json': encode({
      kind: 'inference',
      predict_net: 'net.pb',
      init_net: { generated: 'yes' },
      inputs: [blob('data', 'x.npy')],
      outputs: [blob('y', 'y.npy')],
      trace: 'trace.json',
      noise: { y: 1e-7 },
      noise_trace: 1e-6,
    }),
    'net.pb': encodeNetDef(net),
    'x.npy': writeNpy(tensor([-1, 3])),
    'y.npy': writeNpy(tensor(y)),
    'trace.json': encode({ trace }),
  }
  return async (path: string) => all[path]
}

test('a model passes', async () => {
  const report = await verifyModel(await backend(), 'small', files([0, 6], [0, 3], [0, 6]))
  assert.equal(report, { total: 1, passed: 1, failed: [], unsupported: [] })
})

test('a model that differs names the first operator that does', async () => {
  const report = await verifyModel(await backend(), 'small', files([0, 8], [0, 4], [0, 8]))
  assert.match(report.failed[0].why, 'y[1] is 6, expected 8')
  assert.match(report.failed[0].why, 'operator 0 (Relu) is the first to differ: a: value 1 is 3, expected 4')
})

test('a model whose operators are right alone blames the plan', async () => {
  const report = await verifyModel(await backend(), 'small', files([0, 8], [0, 3], [0, 6]))
  assert.match(report.failed[0].why, 'the plan of the net is at fault')
})

test('an operator that is missing is unsupported, not wrong', async () => {
  const read = files([0, 6], [0, 3], [0, 6])
  const odd = netDef({ ...net, op: [operatorDef('NoSuchOperator', 'data', 'y')] })
  const report = await verifyModel(await backend(), 'odd', async (path) =>
    path === 'net.pb' ? encodeNetDef(odd) : read(path),
  )
  assert.is(report.failed.length, 0)
  assert.match(report.unsupported[0].why, 'NoSuchOperator')
})

test.run()
