// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { deviceScope, nameScope } from '../../src/net/names.ts'
import { Net } from '../../src/net/net.ts'
import { decodeNetDef, getArgument } from '../../src/net/net-def.ts'
import { inferenceNet } from '../../src/net/passes/inference-net.ts'
import { PfError } from '../../src/util/error.ts'

function failure(work: () => unknown): PfError {
  try {
    work()
  } catch (error) {
    assert.instance(error, PfError)
    return error as PfError
  }
  throw new Error('should have failed')
}

test('outputs without names get those that Caffe2 gives', () => {
  const net = new Net('auto')
  const [first] = net.add('LeakyRelu', ['x'], { alpha: 0.1 })
  const [second] = net.add('LeakyRelu', first)
  assert.is(first, `${net.name}/LeakyRelu`)
  assert.is(second, `${net.name}/LeakyRelu_2`)
  assert.equal(net.add('Softmax', 'x', 2), [`${net.name}/Softmax:0`, `${net.name}/Softmax:1`])
  assert.equal(net.externalInputs, ['x'])
})

test('a whole number for a float argument is a float', () => {
  const net = new Net()
  net.add('LeakyRelu', 'x', 'y', { alpha: 1 })
  assert.equal(net.proto().op[0].arg, [{ name: 'alpha', f: 1 }])
})

test('a misspelt argument does not compile', () => {
  const net = new Net()
  // @ts-expect-error
  net.add('LeakyRelu', 'x', { alhpa: 0.1 })
  // @ts-expect-error
  net.add('LeakyRelu', 'x', 'y', { alpha: 'steep' })
  net.add('SpatialBN', ['x', 's', 'b', 'm', 'v'], 'y', { is_test: 1, epsilon: 1e-3 })
  net.add('Dropout', 'x', 'd', { is_test: true, ratio: 0.5 })
})

test('an operator that nobody knows gets a suggestion', () => {
  const error = failure(() => new Net().addUntyped('LeakyRelo', 'x', 'y'))
  assert.is(error.code, 'no_operator')
  assert.match(error.message, '"LeakyRelo" is not a registered operator (did you mean "LeakyRelu"?)')
})

test('names of nets are used once', () => {
  const first = new Net('unique_name')
  assert.is(first.name, 'unique_name')
  assert.is(new Net('unique_name').name, 'unique_name_1')
  assert.is(first.clone('unique_name').name, 'unique_name_2')
})

test('a name scope names outputs and finds what it made', () => {
  const net = new Net('scopes')
  nameScope('tower', () => {
    net.add('LeakyRelu', 'data', 'a')
    net.add('LeakyRelu', 'a', 'b')
    nameScope('deep', () => net.add('LeakyRelu', 'x', 'c'))
    net.add('LeakyRelu', 'tower/b', 'tower/b')
  })
  const lines = net.proto().op.map((op) => `${op.input} -> ${op.output}`)
  assert.equal(lines, ['data -> tower/a', 'tower/a -> tower/b', 'x -> tower/deep/c', 'tower/b -> tower/b'])
})

test('in a scope, a blob from outside changed in place keeps its name', () => {
  const net = new Net()
  nameScope('tower', () => net.add('LeakyRelu', 'data', 'data'))
  assert.equal(net.proto().op[0].output, ['data'])
})

test('a scope does not outlive an error, and refuses to wait', () => {
  assert.throws(() =>
    nameScope('broken', () => {
      throw new Error('no')
    }),
  )
  assert.match(failure(() => nameScope('late', async () => {})).message, 'must not be async')
  const net = new Net()
  net.add('LeakyRelu', 'x', 'y')
  assert.equal(net.proto().op[0].output, ['y'])
})

test('device scopes', () => {
  const net = new Net()
  deviceScope({ deviceType: 1, cudaGpuId: 2 }, () => {
    net.add('LeakyRelu', 'x', 'y')
    deviceScope(undefined, () => net.add('LeakyRelu', 'y', 'z'))
  })
  assert.equal(net.proto().op[0].deviceOption, { deviceType: 1, cudaGpuId: 2 })
  assert.is(net.proto().op[1].deviceOption, undefined)
})

test('external inputs and outputs', () => {
  const net = new Net('ends')
  net.addExternalInput('x')
  assert.is(failure(() => net.addExternalInput('x')).code, 'exists')
  net.add('LeakyRelu', 'x', 'y')
  net.addExternalOutput('y')
  assert.match(failure(() => net.addExternalOutput('nowhere')).message, 'has no blob "nowhere"')
  assert.equal(decodeNetDef(net.encode()).externalOutput, ['y'])
})

test('nets are appended and cloned', () => {
  const first = new Net('first')
  first.add('LeakyRelu', 'x', 'y')
  const second = new Net('second')
  second.add('Softmax', 'y', 'z')
  second.add('Softmax', 'other', 'w')
  second.addExternalOutput('z')
  first.appendNet(second)
  assert.equal(first.externalInputs, ['x', 'other'])
  assert.equal(first.externalOutputs, ['z'])
  const copy = first.clone('copy', { rename: { y: 'middle' }, keep: (op) => op.output[0] !== 'w' })
  assert.equal(
    copy.proto().op.map((op) => [...op.input, ...op.output]),
    [
      ['x', 'middle'],
      ['middle', 'z'],
    ],
  )
  assert.equal(first.proto().op[0].output, ['y'])
})

test('the inference part of a training net', () => {
  const net = new Net('training')
  net.addUntyped('FC', ['data', 'w', 'b'], 'y')
  net.addUntyped('Dropout', 'y', ['d', 'mask'], { ratio: 0.5, is_test: 0 })
  net.addUntyped('Softmax', 'd', 'p')
  net.addUntyped('LabelCrossEntropy', ['p', 'label'], 'xent')
  net.addUntyped('WeightedSum', ['w', 'one', 'w_grad', 'lr'], 'w')
  const def = inferenceNet(net.proto(), ['data'], ['p'])
  assert.equal(
    def.op.map((op) => op.type),
    ['FC', 'Dropout', 'Softmax'],
  )
  assert.equal(def.op[1].output, ['d'])
  assert.is(getArgument(def.op[1], 'is_test'), 1)
  assert.equal(def.externalInput, ['data', 'w', 'b'])
  assert.equal(def.externalOutput, ['p'])
  assert.match(failure(() => inferenceNet(net.proto(), ['data'], ['q'])).message, 'no operator computes the output "q"')
})

test.run()
