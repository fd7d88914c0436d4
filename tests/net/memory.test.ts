// SPDX-License-Identifier: Apache-2.0
// What nets hold while they run: filters once, and nothing more with each run.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { fill } from '../../src/net/export.ts'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { netDef, operatorDef } from '../../src/net/net-def.ts'
import { Predictor } from '../../src/net/predictor.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import { testBackend } from '../kit/backend.ts'
import { lenet, losses } from './lenet.ts'

const backend = testBackend(test)

const wave = (shape: readonly number[], seed = 1): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 0.37 + seed)),
    shape,
  )
}

const memory = async () => (await (await backend()).info()).memory

// Each a form of its own: one that is transformed, rows of a product, channels alone, groups with a stride, rows again.
// The first and the last fill whole panels, and are packed where they lie.
const filters: Readonly<Record<string, Tensor>> = {
  w0: wave([256, 250, 3, 3], 5),
  w1: wave([252, 256, 1, 1]),
  w2: wave([252, 1, 3, 3], 2),
  w3: wave([252, 63, 3, 3], 3),
  w4: wave([256, 252, 1, 1], 6),
}
// Normalisations are folded into the convolutions before them.
const norms: Readonly<Record<string, Tensor>> = Object.fromEntries(
  [0, 1].flatMap((layer) =>
    ['scale', 'bias', 'mean', 'variance'].map((part, i) => {
      const of = wave([filters[`w${layer}`].shape[0]], layer + 7 * i)
      return [`${part}${layer}`, { ...of, data: (of.data as Float32Array).map((x) => x + (i % 3 ? 0 : 2)) }]
    }),
  ),
)
const norm = (layer: number) =>
  operatorDef('SpatialBN', [`c${layer}`, ...['scale', 'bias', 'mean', 'variance'].map((p) => p + layer)], `y${layer}`, {
    is_test: 1,
  })
const convolutions = netDef({
  name: 'filters',
  op: [
    operatorDef('Conv', ['data', 'w0'], 'c0', { kernel: 3, pad: 1 }),
    norm(0),
    operatorDef('Conv', ['y0', 'w1'], 'c1', { kernel: 1 }),
    norm(1),
    operatorDef('Conv', ['y1', 'w2'], 'y2', { kernel: 3, pad: 1, group: 252 }),
    operatorDef('Conv', ['y2', 'w3'], 'y3', { kernel: 3, stride: 2, group: 4 }),
    operatorDef('Conv', ['y3', 'w4'], 'y4', { kernel: 1 }),
  ],
  externalInput: ['data', ...Object.keys({ ...filters, ...norms })],
  externalOutput: ['y4'],
})
const input = wave([1, 250, 7, 7], 4)

async function predictor(): Promise<Predictor> {
  const init = netDef({ name: 'init', op: Object.entries({ ...filters, ...norms }).map(([name, w]) => fill(name, w)) })
  return await Predictor.load(init, convolutions, { backend: await backend() })
}

async function plain(weights: Readonly<Record<string, Tensor>>): Promise<Tensor> {
  await using ws = await Workspace.open(await backend())
  await ws.feedBlobs({ data: input, ...norms, ...weights })
  await ws.runNetOnce(convolutions)
  return await ws.fetchBlob('y4')
}

function near(found: Tensor, expected: Tensor): void {
  assert.equal(found.shape, expected.shape)
  const [a, b] = [found.data as Float32Array, expected.data as Float32Array]
  const most = b.reduce((m, x) => Math.max(m, Math.abs(x)), 0)
  a.forEach((x, i) => {
    assert.ok(Math.abs(x - b[i]) < 1e-4 * most, `[${i}] is ${x}, should be ${b[i]}`)
  })
}

test('a plan keeps a filter once', async () => {
  await using net = await predictor()
  const before = (await memory()).used
  await net.run([input])
  const { arenaBytes, scratchBytes } = await net.workspace.netInfo('filters')
  const grown = (await memory()).used - before - arenaBytes - scratchBytes
  const all = Object.values(filters).reduce((sum, w) => sum + 4 * w.data.length, 0)
  // What is left are the input, the output, and panels filled up with zeros.
  assert.ok(grown < all / 4, `${grown} bytes more than before the first run; the filters have ${all}`)
})

test('a filter that was packed is fetched as it was fed, and fed again is packed again', async () => {
  await using net = await predictor()
  const { y4 } = await net.run([input])
  near(y4, await plain(filters))
  for (const [name, w] of Object.entries(filters)) assert.equal(await net.workspace.fetchBlob(name), w, name)
  assert.equal((await net.run([input])).y4, y4)
  for (const name of Object.keys(filters)) {
    const changed = { ...filters, [name]: wave(filters[name].shape, 9) }
    await net.workspace.feedBlob(name, changed[name])
    near((await net.run([input])).y4, await plain(changed))
    await net.workspace.feedBlob(name, filters[name])
    assert.equal((await net.run([input])).y4, y4)
  }
})

test('other nets and operators read filters that a plan has packed', async () => {
  await using net = await predictor()
  const { y4 } = await net.run([input])
  const ws = net.workspace
  await ws.runNetOnce({ ...convolutions, name: 'again', op: convolutions.op.map((op) => ({ ...op })) })
  near(await ws.fetchBlob('y4'), y4)
  await net.run([input])
  await ws.runNetOnce(netDef({ name: 'copies', op: [operatorDef('Copy', ['w2'], ['copy'])], externalInput: ['w2'] }))
  assert.equal(await ws.fetchBlob('copy'), filters.w2)
})

test('a planned net allocates nothing when it runs again', async () => {
  await using net = await predictor()
  for (let i = 0; i < 2; i++) await net.run([input])
  const before = await memory()
  for (let i = 0; i < 5; i++) await net.run([input])
  assert.equal(await memory(), before)
})

test('a net that trains allocates nothing when it runs again', async () => {
  const model = new ModelHelper({ name: 'training' })
  losses(model, lenet(model))
  await model.addGradientOperators(['loss'], { backend: await backend() })
  buildSgd(model, { baseLearningRate: 0.01, momentum: 0.9 })
  await using ws = await Workspace.open(await backend())
  await ws.runNetOnce(model.paramInitNet)
  await ws.feedBlobs({ data: wave([4, 1, 28, 28]), label: tensor([1, 0, 7, 3], [4], 'int32') })
  const name = await ws.createNet(model.net)
  await ws.runNet(name, 2)
  const before = await memory()
  await ws.runNet(name, 5)
  assert.equal(await memory(), before)
})

test.run()
