// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { getArgument } from '../../src/net/net-def.ts'
import { resnet32x32, resnet50 } from '../../src/zoo/resnet.ts'

/** How many numbers the parameters to be trained hold. */
function size(model: ModelHelper): number {
  const fills = new Map(model.paramInitNet.proto().op.map((op) => [op.output[0], op]))
  return model.params.reduce((sum, blob) => {
    const shape = (getArgument(fills.get(blob) ?? { arg: [] }, 'shape') ?? []) as number[]
    return sum + shape.map(Number).reduce((a, b) => a * b, 1)
  }, 0)
}

test('ResNet-50 has the parameters that it is known to have, and names of Caffe2', () => {
  const model = new ModelHelper({ name: 'r50' })
  assert.is(resnet50(model, { numLabels: 1000, noBias: true }), 'last_out_L1000')
  assert.is(size(model), 25_557_032)
  const { op } = model.net.proto()
  const convolutions = op.filter(({ type }) => type === 'Conv')
  assert.is(convolutions.length, 53)
  for (const name of ['conv1', 'comp_0_conv_1', 'comp_15_conv_3', 'shortcut_projection_13']) {
    assert.ok(
      convolutions.some(({ output }) => output[0] === name),
      name,
    )
  }
  // The stride is in the 3 x 3 convolutions.
  const halved = convolutions.filter((conv) => conv.arg.some(({ name, i }) => name === 'stride' && Number(i) === 2))
  assert.equal(
    halved.map(({ output }) => output[0]).filter((name) => name.startsWith('comp')),
    ['comp_3_conv_2', 'comp_7_conv_2', 'comp_13_conv_2'],
  )
})

test('the net for small pictures has 12 n + 2 layers', () => {
  const model = new ModelHelper({ name: 'r20' })
  assert.is(resnet32x32(model, 3, { numLabels: 10, noBias: true }), 'last_out')
  const { op } = model.net.proto()
  const own = op.filter(({ type, output }) => type === 'FC' || (type === 'Conv' && !output[0].startsWith('shortcut')))
  assert.is(own.length, 12 * 3 + 2)
})

test('a net that is not trained normalises with what training found, and its model initialises nothing', () => {
  const model = new ModelHelper({ name: 'test', initParams: false })
  resnet50(model, { numLabels: 7, isTest: true })
  assert.is(model.paramInitNet.proto().op.length, 0)
  const norms = model.net.proto().op.filter(({ type }) => type === 'SpatialBN')
  assert.ok(norms.every(({ output, arg }) => output.length === 1 && arg.some(({ name, i }) => name === 'is_test' && i)))
})

test.run()
