// SPDX-License-Identifier: Apache-2.0
// Gradients of whole nets against differences: blobs with several readers, in place, by rows, stopped. (Those of
// recurrent nets stand in recurrent.test.ts, of control operators in control-gradient.test.ts.)
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { addGradientOperators } from '../../src/net/gradient.ts'
import { Net } from '../../src/net/net.ts'
import { encodeNetDef, type OperatorDef, operatorDef as op } from '../../src/net/net-def.ts'
import { testBackend } from '../kit/backend.ts'
import { checkDifferences } from '../kit/differences.ts'

const backend = testBackend(test)

function waves(seed: number, ...shape: number[]): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1)
  return tensor(
    Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed)),
    shape,
  )
}

const ints = (...values: number[]) => tensor(values, [values.length], 'int32')
const check = async (ops: OperatorDef[], feed: Record<string, Tensor>, of: string[], loss = 'y') =>
  await checkDifferences(await backend(), { ops, feed, loss, of })

test('a blob with four readers, one of which reads it twice', async () => {
  const ops = [
    op('Tanh', 'x', 'a'),
    op('Sigmoid', 'a', 'b'),
    op('Mul', ['a', 'a'], 'c'),
    op('Mul', ['a', 'b'], 'd'),
    op('Sum', ['a', 'b', 'c', 'd'], 'y'),
  ]
  await check(ops, { x: waves(1, 3, 4) }, ['x'])
})

test('parameters shared by two layers', async () => {
  const ops = [op('FC', ['x', 'w', 'b'], 'h'), op('Tanh', 'h', 'h_tanh'), op('FC', ['h_tanh', 'w', 'b'], 'y')]
  await check(ops, { x: waves(1, 2, 3), w: waves(2, 3, 3), b: waves(3, 3) }, ['x', 'w', 'b'])
})

test('operators in place, before and after a branch', async () => {
  const ops = [
    op('FC', ['x', 'w', 'b'], 'h'),
    op('LeakyRelu', 'h', 'h', { alpha: { float: 0.2 } }),
    op('Scale', 'h', 's', { scale: { float: 3 } }),
    op('Sigmoid', 's', 's'),
    op('Add', ['h', 's'], 'y'),
    op('Tanh', 'y', 'y'),
  ]
  await check(ops, { x: waves(1, 2, 3), w: waves(4, 4, 3), b: waves(3, 4) }, ['x', 'w', 'b'])
})

test('a convolution, normalised and pooled, beside a shortcut', async () => {
  const args = { kernel: 3, pad: 1, order: 'NCHW' }
  const ops = [
    op('Conv', ['x', 'w', 'b'], 'c', args),
    op('SpatialBN', ['c', 'scale', 'shift', 'mean', 'variance'], ['n', 'mean', 'variance', 'sm', 'sv'], { is_test: 0 }),
    op('Add', ['n', 'x'], 's'),
    op('Sigmoid', 's', 'a'),
    op('AveragePool', 'a', 'y', { kernel: 2, stride: 2 }),
  ]
  const feed = {
    x: waves(1, 2, 2, 4, 4),
    w: waves(2, 2, 2, 3, 3),
    b: waves(3, 2),
    scale: waves(4, 2),
    shift: waves(5, 2),
    mean: tensor([0, 0]),
    variance: tensor([1, 1]),
  }
  await check(ops, feed, ['x', 'w', 'scale', 'shift'])
})

test('rows of one table, picked by three operators', async () => {
  const ops = [
    op('Gather', ['table', 'picked'], 'g'),
    op('SparseLengthsSum', ['table', 'sum_of', 'lengths'], 's'),
    op('SparseLengthsMean', ['table', 'mean_of', 'lengths'], 'm'),
    op('Tanh', 's', 't'),
    op('Mul', ['g', 't'], 'p'),
    op('Sum', ['p', 'm', 's'], 'y'),
  ]
  const feed = {
    table: waves(1, 5, 3),
    picked: ints(4, 0),
    sum_of: ints(1, 1, 4, 0),
    mean_of: ints(2, 0, 4, 4),
    lengths: ints(3, 1),
  }
  const names = await check(ops, feed, ['table'])
  assert.is(names.get('table'), 'table_grad_indices_concat table_grad_values_concat')
})

test('rows of a table with weights that have a gradient as well', async () => {
  const ops = [
    op('Tanh', 'w', 'weights'),
    op('SparseLengthsWeightedSum', ['table', 'weights', 'picked', 'lengths'], 's', { grad_on_weights: 1 }),
    op('Sigmoid', 's', 'y'),
  ]
  const feed = { table: waves(1, 4, 2), w: waves(2, 4), picked: ints(3, 1, 3, 0), lengths: ints(1, 3) }
  await check(ops, feed, ['table', 'w'])
})

test('a table that is also read as a whole, its rows through EnsureDense', async () => {
  const ops = [
    op('EnsureDense', 'table', 'rows'),
    op('Gather', ['rows', 'picked'], 'g'),
    op('Tanh', 'table', 't'),
    op('ReduceFrontSum', 't', 'sum'),
    op('Mul', ['g', 'sum'], 'y', { broadcast: 1 }),
  ]
  const names = await check(ops, { table: waves(1, 4, 2), picked: ints(2, 2, 0) }, ['table'])
  assert.is(names.get('table'), 'table_grad')
})

/** The gradients of a net at what is fed. */
async function gradientsOf(ops: OperatorDef[], feed: Record<string, Tensor>, of: string[]) {
  const b = await backend()
  const net = new Net('stopped')
  net.addOperators(ops)
  const made = await addGradientOperators(net, ['y'], { backend: b })
  const ws = await b.openWorkspace()
  try {
    for (const [name, value] of Object.entries(feed)) await b.feed(ws, name, value)
    await b.runNet(await b.createNet(ws, encodeNetDef(net.proto())))
    const found: Record<string, number[]> = {}
    for (const name of of) found[name] = Array.from((await b.fetch(ws, made.get(name) as string)).data as Float32Array)
    return {
      found,
      made,
      values: await b.fetch(ws, 'a').then(({ data, shape }) => tensor([...(data as Float32Array)], shape)),
    }
  } finally {
    await b.closeWorkspace(ws)
  }
}

test('what StopGradient hands on counts as a constant', async () => {
  const x = waves(1, 2, 3)
  const through = [op('Tanh', 'x', 'a'), op('StopGradient', 'a', 'c'), op('Mul', ['x', 'c'], 'y')]
  const stopped = await gradientsOf(through, { x }, ['x'])
  const fixed = await gradientsOf([op('Copy', 'c', 'a'), op('Mul', ['x', 'c'], 'y')], { x, c: stopped.values }, ['x'])
  assert.equal(stopped.found, fixed.found)
  assert.not(stopped.made.has('a'))
})

test('ZeroGradient gives zeros where nothing else gives a gradient, and adds none', async () => {
  const x = waves(1, 2, 3)
  const alone = [op('Tanh', 'x', 'a'), op('Sigmoid', 'w', 'y'), op('ZeroGradient', 'a', [])]
  const { found } = await gradientsOf(alone, { x, w: waves(2, 2, 3) }, ['x'])
  assert.equal(found.x, [0, 0, 0, 0, 0, 0])
  const beside = [op('Tanh', 'x', 'a'), op('ZeroGradient', 'a', []), op('Sigmoid', 'a', 'y')]
  await check(beside, { x }, ['x'])
})

test('a net that reads its own data has gradients up to there', async () => {
  for (const [type, source] of [
    ['DequeueBlobs', 'queue'],
    ['TensorProtosDBInput', 'reader'],
  ]) {
    const net = new Net('reads')
    const fc = op('FC', ['x', 'w', 'b'], 'y')
    net.addOperators([op(type, source, 'x'), fc, op('AveragedLoss', 'y', 'loss')])
    const found = await addGradientOperators(net, ['loss'], { backend: await backend() })
    assert.is(found.get('w'), 'w_grad')
    assert.is(net.proto().op.at(-1)?.type, 'FCGradient')
  }
})

test.run()
