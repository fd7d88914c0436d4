// SPDX-License-Identifier: Apache-2.0
// Predicting with a pair of nets, making such a pair, and the loop between.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openBackend } from '../../src/backend/backend.ts'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { exportModel, fill } from '../../src/net/export.ts'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { Net } from '../../src/net/net.ts'
import { decodeNetDef, encodeNetDef, netDef, operatorDef } from '../../src/net/net-def.ts'
import { Predictor } from '../../src/net/predictor.ts'
import { type TrainProgress, train } from '../../src/net/train.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import { PfError } from '../../src/util/error.ts'
import { testBackend } from '../kit/backend.ts'
import { settings } from '../kit/settings.ts'
import { lenet, losses } from './lenet.ts'

const backend = testBackend(test)

// scores = softmax(data w' + b)
const predictNet = netDef({
  name: 'tiny',
  op: [operatorDef('FC', ['data', 'w', 'b'], 'y'), operatorDef('Softmax', 'y', 'scores')],
  externalInput: ['data', 'w', 'b'],
})
const initNet = netDef({
  name: 'tiny_init',
  op: [
    fill('w', tensor([1, 0, 0, 1], [2, 2])),
    fill('b', tensor([0, Math.log(3)])),
    operatorDef('ConstantFill', [], 'data', { shape: [1] }),
  ],
})

async function failure(work: Promise<unknown>): Promise<PfError> {
  const error = await work.then(
    () => undefined,
    (reason) => reason,
  )
  assert.instance(error, PfError)
  return error as PfError
}

function near(found: Tensor, expected: readonly number[]): void {
  assert.is(found.data.length, expected.length)
  expected.forEach((x, i) => {
    assert.ok(Math.abs(Number(found.data[i]) - x) < 1e-5, `[${i}] is ${found.data[i]}, should be ${x}`)
  })
}

test('inputs by name and in order, outputs by name', async () => {
  await using predictor = await Predictor.load(encodeNetDef(initNet), encodeNetDef(predictNet), {
    backend: await backend(),
  })
  assert.equal(predictor.inputs, ['data'])
  assert.equal(predictor.outputs, ['scores'])
  near((await predictor.run({ data: [[0, 0]] })).scores, [0.25, 0.75])
  near(
    (
      await predictor.run([
        [
          [0, 0],
          [Math.log(3), 0],
        ],
      ])
    ).scores,
    [0.25, 0.75, 0.5, 0.5],
  )
  near((await predictor.run([tensor([0, 0], [1, 2])])).scores, [0.25, 0.75])
})

test('a predict net without an init net gets its inputs made', async () => {
  await using predictor = await Predictor.load(netDef(), predictNet, { backend: await backend() })
  assert.equal(predictor.inputs, ['data', 'w', 'b'])
  const error = await failure(predictor.run({ data: [[1, 2]] }))
  assert.match(error.message, 'the input "w" was not given')
  near(
    (
      await predictor.run({
        w: [
          [1, 0],
          [0, 1],
        ],
        b: [0, 0],
      })
    ).scores,
    [1 / (1 + Math.E), Math.E / (1 + Math.E)],
  )
})

for (const worker of [false, true]) {
  test(`runs that overlap answer each its own input, ${worker ? 'in a worker' : 'here'}`, async () => {
    await using local = await openBackend({ backend: settings.backend, worker })
    await using predictor = await Predictor.load(initNet, predictNet, { backend: local })
    const odds = [1, 2, 5, 11, 30]
    const answers = await Promise.all(odds.map((n) => predictor.run([[[Math.log(n), 0]]])))
    for (const [i, { scores }] of answers.entries()) near(scores, [odds[i] / (odds[i] + 3), 3 / (odds[i] + 3)])
    const failed = await failure(predictor.workspace.runNetWith('tiny', { data: [[0, 0]] }, ['scors']))
    assert.is(failed.code, 'no_blob')
    assert.match(failed.message, '(did you mean "scores"?)')
    assert.is((await failure(predictor.workspace.runNetWith('tin', {}))).code, 'net')
    near((await predictor.run([[[0, 0]]])).scores, [0.25, 0.75])
  })
}

test('other outputs than the declared ones', async () => {
  const options = { backend: await backend(), outputs: ['y', 'scores'] }
  await using predictor = await Predictor.load(initNet, predictNet, options)
  const { y } = await predictor.run([[[1, 2]]])
  near(y, [1, 2 + Math.log(3)])
})

test('inputs the model does not have', async () => {
  await using predictor = await Predictor.load(initNet, predictNet, { backend: await backend() })
  assert.match((await failure(predictor.run({ dta: [1] }))).message, '(did you mean "data"?)')
  assert.match((await failure(predictor.run([1, 2, 3, 4]))).message, '4 inputs were given')
  assert.match((await failure(predictor.run({ data: [[1, 2, 3]] }))).message, 'tiny')
  assert.is((await failure(predictor.run([[[1, 2]]], { signal: AbortSignal.abort() }))).code, 'aborted')
})

test('nets that are no nets, and operators nobody has, fail when loading', async () => {
  const options = { backend: await backend() }
  assert.is((await failure(Predictor.load(Uint8Array.of(255, 1), predictNet, options))).code, 'parse')
  const unknown = netDef({ name: 'unknown', op: [operatorDef('Nonsense', 'data', 'y')], externalInput: ['data'] })
  assert.is((await failure(Predictor.load(netDef(), unknown, options))).code, 'no_operator')
})

test('a closed predictor says so', async () => {
  const predictor = await Predictor.load(initNet, predictNet, { backend: await backend() })
  await predictor.close()
  await predictor.close()
  assert.is((await failure(predictor.run([[[1, 2]]]))).code, 'closed')
})

test('every type of parameter survives an export', async () => {
  await using ws = await Workspace.open(await backend())
  const params = {
    f: tensor([1.5, -2], [1, 2]),
    i: tensor(Int32Array.of(7, -8)),
    l: tensor([2n ** 40n]),
    t: tensor([true, false]),
    s: tensor(['a', 'ü']),
  }
  await ws.feedBlobs(params)
  const net = new Net('kept')
  for (const name of Object.keys(params)) net.add('Copy', name, `${name}_out`)
  net.add('Copy', 'fed', 'fed_out')
  const exported = await exportModel(ws, net, Object.keys(params))
  const predict = decodeNetDef(exported.predictNet)
  assert.equal(predict.externalInput, ['fed', ...Object.keys(params)])
  assert.is(predict.externalOutput.length, 6)
  await using fresh = await Workspace.open(await backend())
  await fresh.runNetOnce(decodeNetDef(exported.initNet))
  for (const [name, value] of Object.entries(params)) assert.equal(await fresh.fetchBlob(name), value)
  assert.equal(await fresh.fetchBlob('fed'), tensor([0], [1, 1]))
  await ws.feedBlob('h', tensor([1], [1], 'float64'))
  assert.match((await failure(exportModel(ws, net, ['h']))).message, '"h" is float64')
})

test('LeNet is trained, exported, and predicts the same', async () => {
  const model = new ModelHelper({ name: 'trained' })
  const softmax = lenet(model)
  const forward = model.net.clone('forward')
  losses(model, softmax)
  await model.addGradientOperators(['loss'], { backend: await backend() })
  buildSgd(model, { baseLearningRate: 0.05, momentum: 0.9 })
  await using ws = await Workspace.open(await backend(), { seed: 3 })
  await ws.runNetOnce(model.paramInitNet)
  const batch = bars(20)
  await ws.feedBlobs(batch)
  await ws.createNet(model.net)
  const reports: TrainProgress[] = []
  const options = {
    workspace: ws,
    net: model.net,
    feed: () => batch,
    onProgress: (p: TrainProgress) => reports.push(p),
  }
  const last = await train({ ...options, iterations: 20, reportEvery: 0 })
  assert.is(reports.length, 20)
  assert.is(last.iteration, 20)
  assert.is(last.secondsLeft, 0)
  assert.ok(last.imagesPerSecond > 0)
  assert.ok(last.loss < 0.5 * reports[0].loss, `the loss went from ${reports[0].loss} to ${last.loss}`)
  const exported = await exportModel(ws, forward, model.params)
  await using predictor = await Predictor.load(exported.initNet, exported.predictNet, { backend: await backend() })
  const { softmax: found } = await predictor.run([batch.data])
  await ws.createNet(forward)
  await ws.runNet(forward)
  near(found, Array.from((await ws.fetchBlob('softmax')).data as Float32Array))
})

test('training stops when its signal fires', async () => {
  await using ws = await Workspace.open(await backend())
  await ws.feedBlobs({ x: [1], loss: 0 })
  const net = new Net('endless')
  net.add('Scale', 'x', 'x', { scale: 1 })
  await ws.createNet(net)
  const stop = new AbortController()
  let fed = 0
  const feed = () => {
    if (++fed === 5) stop.abort()
    return {}
  }
  const error = await failure(train({ workspace: ws, net, iterations: 1000, feed, signal: stop.signal }))
  assert.is(error.code, 'aborted')
  assert.is(fed, 5)
})

// Pictures of a bar, labelled with the row it is in.
function bars(count: number): { data: Tensor; label: Tensor } {
  const pixels = new Float32Array(count * 784)
  const label = Int32Array.from({ length: count }, (_, i) => i % 10)
  for (let i = 0; i < count; i++) pixels.fill(1, i * 784 + (2 + label[i] * 2) * 28, i * 784 + (4 + label[i] * 2) * 28)
  return { data: tensor(pixels, [count, 1, 28, 28]), label: tensor(label) }
}

test.run()
