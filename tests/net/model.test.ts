// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { brew } from '../../src/net/brew.ts'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { nameScope } from '../../src/net/names.ts'
import { getArgument, type OperatorDef } from '../../src/net/net-def.ts'
import { addWeightDecay } from '../../src/optimizer/weight-decay.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import type { PfError } from '../../src/util/error.ts'
import { lenet, losses } from './lenet.ts'
import { scriptedGradients } from './scripted-gradients.ts'

const line = (op: OperatorDef) => `${op.type} ${op.input.join(' ')} -> ${op.output.join(' ')}`

test('layers name and fill their parameters as Caffe2 does', () => {
  const model = new ModelHelper({ name: 'lenet' })
  lenet(model)
  assert.equal(model.params, ['conv1_w', 'conv1_b', 'conv2_w', 'conv2_b', 'fc3_w', 'fc3_b', 'pred_w', 'pred_b'])
  assert.equal(model.paramInitNet.proto().op.map(line).slice(0, 2), [
    'XavierFill  -> conv1_w',
    'ConstantFill  -> conv1_b',
  ])
  const shapes = model.paramInitNet.proto().op.map((op) => getArgument(op, 'shape'))
  assert.equal(shapes.slice(0, 5), [[20, 1, 5, 5], [20], [50, 20, 5, 5], [50], [500, 800]])
  const [conv] = model.net.proto().op
  assert.is(line(conv), 'Conv data conv1_w conv1_b -> conv1')
  assert.equal(
    conv.arg.map((arg) => arg.name),
    ['kernel', 'order'],
  )
  assert.equal(model.net.externalInputs.slice(0, 3), ['data', 'conv1_w', 'conv1_b'])
})

test('shapes of filters follow order, groups and transposition', () => {
  const shapeOf = (build: (model: ModelHelper) => void, order = 'NCHW') => {
    const model = new ModelHelper({ argScope: { order } })
    build(model)
    return getArgument(model.paramInitNet.proto().op[0], 'shape')
  }
  const options = { dimIn: 8, dimOut: 12, kernel: 3 }
  assert.equal(
    shapeOf((m) => brew.conv(m, 'x', 'y', options)),
    [12, 8, 3, 3],
  )
  assert.equal(
    shapeOf((m) => brew.conv(m, 'x', 'y', options), 'NHWC'),
    [12, 3, 3, 8],
  )
  assert.equal(
    shapeOf((m) => brew.conv(m, 'x', 'y', { ...options, kernel: [3, 1] })),
    [12, 8, 3, 1],
  )
  assert.equal(
    shapeOf((m) => brew.groupConv(m, 'x', 'y', { ...options, group: 4 })),
    [12, 2, 3, 3],
  )
  assert.equal(
    shapeOf((m) => brew.convTranspose(m, 'x', 'y', options)),
    [8, 12, 3, 3],
  )
  assert.throws(() => shapeOf((m) => brew.groupConv(m, 'x', 'y', { ...options, group: 3 })), /group 3 must divide/)
})

test('other initialisers and no bias', () => {
  const model = new ModelHelper()
  brew.conv(model, 'x', 'y', { dimIn: 1, dimOut: 1, kernel: 1, weightInit: ['MSRAFill'], noBias: true })
  assert.equal(model.paramInitNet.proto().op.map(line), ['MSRAFill  -> y_w'])
  assert.equal(model.net.proto().op[0].input, ['x', 'y_w'])
})

test('a test model shares parameters and fills none', () => {
  const model = new ModelHelper({ name: 'shared', initParams: false })
  lenet(model)
  assert.equal(model.paramInitNet.proto().op, [])
  assert.is(model.params.length, 8)
  assert.ok(model.net.externalInputs.includes('conv1_w'))
})

test('batch norm keeps running values while training only', () => {
  const training = new ModelHelper()
  brew.spatialBn(training, 'x', 'bn', { dimIn: 4 })
  assert.is(line(training.net.proto().op[0]), 'SpatialBN x bn_s bn_b bn_rm bn_riv -> bn bn_rm bn_riv bn_sm bn_siv')
  assert.equal(training.computedParams, ['bn_rm', 'bn_riv'])
  assert.equal(training.params, ['bn_s', 'bn_b'])
  const testing = new ModelHelper({ initParams: false })
  brew.spatialBn(testing, 'x', 'bn', { dimIn: 4, isTest: true })
  assert.equal(testing.net.proto().op[0].output, ['bn'])
  assert.is(getArgument(testing.net.proto().op[0], 'is_test'), 1)
})

test('second outputs have the names that Caffe2 gives them', () => {
  const model = new ModelHelper()
  brew.dropout(model, 'x', 'd', { ratio: 0.25 })
  brew.lrn(model, 'd', 'n', { size: 5 })
  brew.concat(model, ['d', 'n'], 'c')
  brew.prelu(model, 'c', 'p')
  const outputs = model.net.proto().op.map((op) => op.output)
  assert.equal(outputs, [['d', '_d_mask'], ['n', '_n_scale'], ['c', '_c_concat_dims'], ['p']])
  assert.equal(model.params, ['p_slope'])
})

test('a parameter of a scope has its name and is shared when made again', () => {
  const model = new ModelHelper()
  nameScope('tower', () => {
    brew.fc(model, 'x', 'y', { dimIn: 2, dimOut: 3 })
  })
  assert.equal(model.params, ['tower/y_w', 'tower/y_b'])
  assert.is(line(model.net.proto().op[0]), 'FC x tower/y_w tower/y_b -> tower/y')
})

test('gradients of parameters', async () => {
  const model = new ModelHelper({ name: 'grads' })
  losses(model, lenet(model))
  assert.throws(() => model.getParamGrad('conv1_w'), /call addGradientOperators first/)
  await model.addGradientOperators(['loss'], { backend: scriptedGradients })
  assert.is(model.getParamGrad('conv1_w'), 'conv1_w_grad')
  assert.is(model.parameterGradients().length, 8)
  try {
    await model.addGradientOperators(['loss'], { backend: scriptedGradients })
    assert.unreachable()
  } catch (error) {
    assert.match((error as PfError).message, 'already has its gradient operators')
  }
})

test('weights decay, biases do not', async () => {
  const model = new ModelHelper({ name: 'decay' })
  losses(model, lenet(model))
  await model.addGradientOperators(['loss'], { backend: scriptedGradients })
  addWeightDecay(model, 1e-4)
  const { learningRate, state } = buildSgd(model, { baseLearningRate: 0.1, momentum: 0.9 })
  const decays = model.net.proto().op.filter((op) => op.type === 'WeightedSum')
  assert.equal(
    decays.map((op) => op.output[0]),
    ['conv1_w_grad', 'conv2_w_grad', 'fc3_w_grad', 'pred_w_grad'],
  )
  assert.equal(decays[0].input, ['conv1_w_grad', 'ONE_0_0', 'conv1_w', 'wd_0_0'])
  assert.is(learningRate, 'SgdOptimizer_0_lr_cpu')
  assert.is(state.length, 8)
  assert.throws(() => buildSgd(model, { baseLearningRate: 0 }), /must be positive/)
})

test('a model whose loss depends on no parameter cannot be optimized', async () => {
  const model = new ModelHelper()
  model.net.addUntyped('AveragedLoss', 'x', 'loss')
  await model.addGradientOperators(['loss'], { backend: scriptedGradients })
  assert.throws(() => buildSgd(model), /has no parameter with a gradient/)
})

test.run()
