// SPDX-License-Identifier: Apache-2.0
// The base builds of the WebAssembly core: what they can do, and what they say of what they cannot.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openBackend } from '../../src/backend/backend.ts'
import { tensor } from '../../src/core/tensor.ts'
import { brew } from '../../src/net/brew.ts'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { encodeNetDef, encodeOperatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import { testBackend } from '../kit/backend.ts'
import { settings, skip } from '../kit/settings.ts'
import { throwsPf } from '../kit/throws.ts'
import { lenet, losses } from '../net/lenet.ts'

if (settings.backend === 'wasm') {
  const backend = testBackend(test, { operators: 'base' })

  test('a base build trains LeNet', async () => {
    const model = new ModelHelper({ name: 'lenet' })
    losses(model, lenet(model))
    await model.addGradientOperators(['loss'], { backend: await backend() })
    buildSgd(model, { baseLearningRate: 0.01, momentum: 0.5, policy: 'step', stepsize: 1, gamma: 0.99 })
    const workspace = await Workspace.open(await backend(), { seed: 1 })
    await workspace.runNetOnce(model.paramInitNet)
    const pixels = new Float32Array(8 * 28 * 28).map((_, i) => ((i * 7919) % 101) / 101)
    await workspace.feedBlob('data', tensor(pixels, [8, 1, 28, 28]))
    await workspace.feedBlob('label', tensor([0, 1, 2, 3, 4, 5, 6, 7], undefined, 'int32'))
    await workspace.createNet(model.net)
    const loss = async () => Number((await workspace.fetchBlob('loss')).data[0])
    await workspace.runNet(model.net)
    const before = await loss()
    await workspace.runNet(model.net, 30)
    assert.ok((await loss()) < before * 0.7, `the loss went from ${before} to ${await loss()}`)
    await workspace.close()
  })

  test('a base build runs the layers of classic nets', async () => {
    const model = new ModelHelper({ name: 'classic' })
    brew.conv(model, 'data', 'conv', { dimIn: 3, dimOut: 8, kernel: 3, pad: 1 })
    brew.spatialBn(model, 'conv', 'normal', { dimIn: 8, isTest: true })
    brew.relu(model, 'normal', 'normal')
    brew.lrn(model, 'normal', 'lrn', { size: 5, alpha: 0.0001, beta: 0.75 })
    brew.averagePool(model, 'lrn', 'pool', { kernel: 2, stride: 2 })
    model.net.add('Concat', ['pool', 'pool'], ['both', '_sizes'], { axis: 1 })
    brew.softmax(model, 'both', 'softmax')
    const workspace = await Workspace.open(await backend(), { seed: 1 })
    await workspace.runNetOnce(model.paramInitNet)
    await workspace.feedBlob('data', tensor(new Float32Array(3 * 64).fill(1), [1, 3, 8, 8]))
    await workspace.runNetOnce(model.net)
    const { data, shape } = await workspace.fetchBlob('softmax')
    assert.equal(shape, [1, 16, 4, 4])
    const sum = (data as Float32Array).reduce((a, b) => a + b)
    assert.ok(Math.abs(sum - 1) < 1e-5, `the shares add up to ${sum}`)
    await workspace.close()
  })

  test('it says which operators it goes without, and what to do', async () => {
    const ws = await (await backend()).openWorkspace(1n)
    const op = { type: 'TopK', input: ['x'], output: ['v', 'i'], arg: [{ name: 'k', i: 1n }] }
    const net = { name: 'best', op: [op], arg: [], externalInput: ['x'], externalOutput: [] }
    const words = ['TopK', "not in this base build; open the backend with operators: 'all'"]
    await throwsPf(async () => (await backend()).createNet(ws, encodeNetDef(net)), 'no_operator', ...words)
    await throwsPf(async () => (await backend()).runOperator(ws, encodeOperatorDef(op)), 'no_operator', ...words)
    await throwsPf(async () => (await backend()).gradient(encodeNetDef(net)), 'no_operator', ...words)
    const near = encodeOperatorDef({ ...op, type: 'LeakyRelo' })
    const both = [...words.slice(1), 'did you mean LeakyRelu?']
    await throwsPf(async () => (await backend()).runOperator(ws, near), 'no_operator', ...both)
    const misspelt = encodeNetDef({ ...net, op: [{ ...op, type: 'LeakyRelo' }] })
    await throwsPf(async () => (await backend()).createNet(ws, misspelt), 'no_operator', ...both)
  })

  test('each tier says which it is and has its operators', async () => {
    assert.is((await (await backend()).info()).operators, 'base')
    const all = await openBackend({ backend: 'wasm', operators: 'all' })
    assert.is((await all.info()).operators, 'all')
    const names = async (from: typeof all) => (await from.schemas()).map(({ name }) => name)
    const [few, many] = [await names(await backend()), await names(all)]
    await all.close()
    assert.ok(few.every((name) => many.includes(name)))
    assert.ok(many.includes('TopK') && !few.includes('TopK'))
  })

  test('there is no third tier', () =>
    throwsPf(() => openBackend({ backend: 'wasm', operators: 'some' as 'all' }), 'argument', '"some"'))
} else skip('the native core has all operators')

test.run()
