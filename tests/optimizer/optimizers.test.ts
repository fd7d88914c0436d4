// SPDX-License-Identifier: Apache-2.0
// Every optimizer brings a small regression down, and can be followed by blobs it names.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { brew } from '../../src/net/brew.ts'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { deviceScope } from '../../src/net/names.ts'
import { train } from '../../src/net/train.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { buildAdagrad } from '../../src/optimizer/adagrad.ts'
import { buildAdam } from '../../src/optimizer/adam.ts'
import type { Optimizer } from '../../src/optimizer/optimizer.ts'
import { buildRmsProp } from '../../src/optimizer/rms-prop.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import { addWeightDecay } from '../../src/optimizer/weight-decay.ts'
import { scriptedGradients } from '../net/scripted-gradients.ts'
import { testBackend } from '../kit/backend.ts'

const backend = testBackend(test)

// y = 2 x0 - x1 + 0.5
const x = Array.from({ length: 16 }, (_, i) => [Math.sin(i), Math.cos(3 * i)])
const data = { x: tensor(x), y: tensor(x.map(([a, b]) => [2 * a - b + 0.5])) }

async function regression(build: (model: ModelHelper) => Optimizer, decay?: number) {
  const model = new ModelHelper({ name: 'regression' })
  brew.fc(model, 'x', 'guess', { dimIn: 2, dimOut: 1, weightInit: ['ConstantFill', { value: 0 }] })
  model.net.add('SquaredL2Distance', ['guess', 'y'], 'distance')
  model.net.add('AveragedLoss', 'distance', 'loss')
  await model.addGradientOperators(['loss'], { backend: await backend() })
  if (decay !== undefined) addWeightDecay(model, decay)
  const optimizer = build(model)
  const workspace = await Workspace.open(await backend())
  await workspace.runNetOnce(model.paramInitNet)
  await workspace.feedBlobs(data)
  await workspace.createNet(model.net)
  const losses: number[] = []
  const options = { workspace, net: model.net, iterations: 60, reportEvery: 0, feed: () => data }
  await train({ ...options, onProgress: ({ loss }) => losses.push(loss) })
  return { workspace, optimizer, first: losses[0], last: losses[59] }
}

const builds: Record<string, (model: ModelHelper) => Optimizer> = {
  'plain SGD': (model) => buildSgd(model, { baseLearningRate: 0.3 }),
  'SGD with momentum': (model) => buildSgd(model, { baseLearningRate: 0.05, momentum: 0.9, nesterov: false }),
  'SGD with Nesterov momentum': (model) => buildSgd(model, { baseLearningRate: 0.05, momentum: 0.9 }),
  Adagrad: (model) => buildAdagrad(model, { baseLearningRate: 0.5 }),
  Adam: (model) => buildAdam(model, { baseLearningRate: 0.1 }),
  RmsProp: (model) => buildRmsProp(model, { baseLearningRate: 0.05 }),
}

for (const [name, build] of Object.entries(builds)) {
  test(name, async () => {
    const { workspace, optimizer, first, last } = await regression(build)
    await using ws = workspace
    assert.ok(last < 0.05 * first, `the loss went from ${first} to ${last}`)
    assert.is(Number((await ws.fetchBlob(optimizer.iteration)).data[0]), 60)
    assert.ok(await ws.hasBlob(optimizer.learningRate))
    for (const blob of optimizer.state) assert.ok((await ws.fetchBlob(blob)).data.length > 0, blob)
  })
}

test('the learning rate follows its policy', async () => {
  const build = (model: ModelHelper) =>
    buildSgd(model, { baseLearningRate: 0.4, policy: 'step', stepsize: 20, gamma: 0.5 })
  const { workspace, optimizer } = await regression(build)
  await using ws = workspace
  assert.ok(Math.abs(Number((await ws.fetchBlob(optimizer.learningRate)).data[0]) + 0.05) < 1e-6)
})

test('decay keeps weights small', async () => {
  const build = (model: ModelHelper) => buildSgd(model, { baseLearningRate: 0.2 })
  const weight = async (decay?: number) => {
    const { workspace } = await regression(build, decay)
    await using ws = workspace
    return Number((await ws.fetchBlob('guess_w')).data[0])
  }
  assert.ok((await weight(0.5)) < 0.8 * (await weight()))
})

test('on a GPU the blobs are named after it', async () => {
  const model = new ModelHelper()
  brew.fc(model, 'x', 'y', { dimIn: 1, dimOut: 1 })
  model.net.add('AveragedLoss', 'y', 'loss')
  await model.addGradientOperators(['loss'], { backend: scriptedGradients })
  const { learningRate } = deviceScope({ deviceType: 1, cudaGpuId: 3 }, () => buildSgd(model))
  assert.is(learningRate, 'SgdOptimizer_0_lr_gpu3')
  assert.ok(model.paramInitNet.isDefined('ONE_1_3'))
})

test.run()
