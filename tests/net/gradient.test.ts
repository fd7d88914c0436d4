// SPDX-License-Identifier: Apache-2.0
// Walking a net backwards, with scripted gradients of the operators: names, sums, versions.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addGradientOperators } from '../../src/net/gradient.ts'
import { Net } from '../../src/net/net.ts'
import { operatorDef } from '../../src/net/net-def.ts'
import { PfError } from '../../src/util/error.ts'
import { scriptedGradients } from './scripted-gradients.ts'

type Line = [type: string, inputs: string[], outputs: string[]]

function netOf(...lines: Line[]): Net {
  const net = new Net('test')
  net.addOperators(lines.map(([type, inputs, outputs]) => operatorDef(type, inputs, outputs)))
  return net
}

// What the walk added, one operator a line.
async function backward(net: Net, losses: readonly string[] | Record<string, string | null>) {
  const before = net.proto().op.length
  const gradients = await addGradientOperators(net, losses, { backend: scriptedGradients })
  const added = net.proto().op.slice(before)
  return { gradients, lines: added.map((op) => `${op.type} ${op.input.join(' ')} -> ${op.output.join(' ')}`), added }
}

async function failure(work: Promise<unknown>): Promise<PfError> {
  try {
    await work
  } catch (error) {
    assert.instance(error, PfError)
    return error as PfError
  }
  throw new Error('should have failed')
}

test('a chain', async () => {
  const net = netOf(['FC', ['x', 'w', 'b'], ['y']], ['Relu', ['y'], ['z']], ['AveragedLoss', ['z'], ['loss']])
  const { lines, gradients, added } = await backward(net, ['loss'])
  assert.equal(lines, [
    'ConstantFill loss -> loss_autogen_grad',
    'AveragedLossGradient z loss_autogen_grad -> z_grad',
    'ReluGradient z z_grad -> y_grad',
    'FCGradient x w y_grad -> w_grad b_grad x_grad',
  ])
  assert.is(gradients.get('w'), 'w_grad')
  assert.is(gradients.get('loss'), 'loss_autogen_grad')
  assert.is(added[0].isGradientOp, undefined)
  assert.equal(added[0].arg[0], { name: 'value', f: 1 })
})

test('in place', async () => {
  const net = netOf(['FC', ['x', 'w', 'b'], ['y']], ['Relu', ['y'], ['y']], ['AveragedLoss', ['y'], ['loss']])
  const { lines } = await backward(net, ['loss'])
  assert.equal(lines.slice(1), [
    'AveragedLossGradient y loss_autogen_grad -> y_grad',
    'ReluGradient y y_grad -> y_grad',
    'FCGradient x w y_grad -> w_grad b_grad x_grad',
  ])
})

test('two readers: the second part is renamed and both are summed', async () => {
  const net = netOf(
    ['Sqr', ['x'], ['a']],
    ['FC', ['a', 'w1', 'b1'], ['p']],
    ['FC', ['a', 'w2', 'b2'], ['q']],
    ['Sum', ['p', 'q'], ['s']],
    ['AveragedLoss', ['s'], ['loss']],
  )
  const { lines, gradients } = await backward(net, ['loss'])
  assert.equal(lines.slice(1), [
    'AveragedLossGradient s loss_autogen_grad -> s_grad',
    'FCGradient a w2 s_grad -> w2_grad b2_grad a_grad',
    'FCGradient a w1 s_grad -> w1_grad b1_grad _a_grad_autosplit_0',
    'Sum a_grad _a_grad_autosplit_0 -> a_grad',
    'SqrGradient x a_grad -> x_grad',
  ])
  assert.is(gradients.get('a'), 'a_grad')
})

test('a part that was handed through goes into the sum under its own name', async () => {
  const net = netOf(
    ['Relu', ['x'], ['r']],
    ['Sqr', ['r'], ['t']],
    ['Sum', ['t', 'r'], ['s']],
    ['AveragedLoss', ['s'], ['loss']],
  )
  const { lines } = await backward(net, ['loss'])
  assert.equal(lines.slice(2), [
    'SqrGradient r s_grad -> r_grad',
    'Sum r_grad s_grad -> r_grad',
    'ReluGradient r r_grad -> x_grad',
  ])
})

test('one blob twice in one operator', async () => {
  const net = netOf(['Relu', ['x'], ['r']], ['Sum', ['r', 'r'], ['s']], ['AveragedLoss', ['s'], ['loss']])
  const { lines } = await backward(net, ['loss'])
  assert.equal(lines.slice(2), ['Sum s_grad s_grad -> r_grad', 'ReluGradient r r_grad -> x_grad'])
})

test('a loss that is read again by another loss', async () => {
  const net = netOf(['AveragedLoss', ['x'], ['a']], ['Sqr', ['a'], ['b']])
  const { lines } = await backward(net, ['a', 'b'])
  assert.equal(lines, [
    'ConstantFill a -> a_autogen_grad',
    'ConstantFill b -> b_autogen_grad',
    'SqrGradient a b_autogen_grad -> _a_grad_autosplit_0',
    'Sum a_autogen_grad _a_grad_autosplit_0 -> a_autogen_grad',
    'AveragedLossGradient x a_autogen_grad -> x_grad',
  ])
})

test('given gradients instead of ones', async () => {
  const net = netOf(['Relu', ['x'], ['y']])
  const { lines } = await backward(net, { y: 'dy' })
  assert.equal(lines, ['ReluGradient y dy -> x_grad'])
})

test('operators that the loss does not depend on are left alone', async () => {
  const net = netOf(['Relu', ['x'], ['y']], ['Accuracy', ['y', 'l'], ['acc']], ['AveragedLoss', ['y'], ['loss']])
  const { lines, gradients } = await backward(net, ['loss'])
  assert.is(lines.length, 3)
  assert.not(gradients.has('l'))
})

test('StopGradient in place', async () => {
  const net = netOf(
    ['Relu', ['x'], ['y']],
    ['StopGradient', ['y'], ['y']],
    ['FC', ['y', 'w', 'b'], ['z']],
    ['AveragedLoss', ['z'], ['loss']],
  )
  const { lines, gradients } = await backward(net, ['loss'])
  assert.is(lines.at(-1), 'FCGradient y w z_grad -> w_grad b_grad y_grad')
  assert.not(gradients.has('y'))
  assert.not(gradients.has('x'))
})

test('sparse gradients', async () => {
  const net = netOf(['SparseLengthsSum', ['emb', 'idx', 'len'], ['e']], ['AveragedLoss', ['e'], ['loss']])
  const { gradients } = await backward(net, ['loss'])
  assert.equal(gradients.get('emb'), { indices: 'idx', values: 'emb_grad_values' })
})

test('sparse gradients of two readers are joined', async () => {
  const net = netOf(
    ['SparseLengthsSum', ['emb', 'i1', 'len'], ['p']],
    ['SparseLengthsSum', ['emb', 'i2', 'len'], ['q']],
    ['Sum', ['p', 'q'], ['s']],
    ['AveragedLoss', ['s'], ['loss']],
  )
  const { lines, gradients } = await backward(net, ['loss'])
  assert.equal(lines.slice(2), [
    'SparseLengthsIndicesInGradientSumGradient s_grad len i2 -> _emb_grad_values_autosplit_0',
    'SparseLengthsIndicesInGradientSumGradient s_grad len i1 -> _emb_grad_values_autosplit_1',
    'Concat i2 i1 -> emb_grad_indices_concat emb_grad_indices_concat_split',
    'Concat _emb_grad_values_autosplit_0 _emb_grad_values_autosplit_1 -> emb_grad_values_concat emb_grad_values_concat_split',
  ])
  assert.equal(gradients.get('emb'), { indices: 'emb_grad_indices_concat', values: 'emb_grad_values_concat' })
})

test('dense and sparse gradients of one blob are an error', async () => {
  const net = netOf(
    ['Gather', ['emb', 'idx'], ['g']],
    ['Sqr', ['emb'], ['q']],
    ['Sum', ['g', 'q'], ['s']],
    ['AveragedLoss', ['s'], ['loss']],
  )
  const error = await failure(backward(net, ['loss']))
  assert.match(error.message, '"emb" has dense and sparse gradients')
})

test('an input that was overwritten since is an error that names the writers', async () => {
  const net = netOf(
    ['Sqr', ['x'], ['y']],
    ['Relu', ['z'], ['x']],
    ['Sum', ['x', 'y'], ['s']],
    ['AveragedLoss', ['s'], ['loss']],
  )
  const error = await failure(backward(net, ['loss']))
  assert.is(error.code, 'net')
  assert.match(error.message, 'SqrGradient) needs "x" at version 0')
  assert.match(error.message, 'Relu (operator 1, version 1)')
})

test('gradients on two devices cannot be summed', async () => {
  const net = netOf(['Sqr', ['x'], ['a']], ['Relu', ['x'], ['b']], ['Sum', ['a', 'b'], ['s']])
  const onGpu = {
    async gradient(request: Uint8Array) {
      const { decodeNetDef, encodeNetDef } = await import('../../src/net/net-def.ts')
      const reply = decodeNetDef(await scriptedGradients.gradient(request))
      for (const op of reply.op) if (op.type === 'SqrGradient') op.deviceOption = { deviceType: 1, cudaGpuId: 0 }
      return encodeNetDef(reply)
    },
  }
  const error = await failure(addGradientOperators(net, ['s'], { backend: onGpu }))
  assert.match(error.message, 'several devices')
})

test('a loss the net does not have', async () => {
  const net = netOf(['AveragedLoss', ['x'], ['loss']])
  const error = await failure(backward(net, ['lost']))
  assert.match(error.message, '(did you mean "loss"?)')
})

test('skip leaves out the first operators', async () => {
  const net = netOf(['Unheard', ['db'], ['x']], ['Relu', ['x'], ['y']])
  await addGradientOperators(net, ['y'], { backend: scriptedGradients, skip: 1 })
  assert.is(net.proto().op.at(-1)?.type, 'ReluGradient')
})

test.run()
