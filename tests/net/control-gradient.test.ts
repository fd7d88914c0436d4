// SPDX-License-Identifier: Apache-2.0
// Gradients of If, While and Do, whose backward nets are nets inside operators as well, against central differences.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { addGradientOperators } from '../../src/net/gradient.ts'
import { Net } from '../../src/net/net.ts'
import { netDef, operatorDef, type OperatorDef } from '../../src/net/net-def.ts'
import { testBackend } from '../kit/backend.ts'
import { checkDifferences } from '../kit/differences.ts'
import { throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)

const op = operatorDef
// Copy's gradient reads what it copied, which a blob written again no longer is; Scale's reads nothing.
const copy = (from: string, to: string) => op('Scale', from, to, { scale: 1 })
const started = (state: string) => [op('Tanh', 'x', 'x0'), copy('x0', state)]
const x = tensor([0.3, -0.8, 1.1])
const w = tensor([0.7, 1.2, -0.5])
const bool = (value: boolean): Tensor => tensor([Number(value)], [1], 'bool')

/** A Do that binds every name to itself. */
function doing(inputs: string[], outputs: string[], scope: string, ops: OperatorDef[], args = {}): OperatorDef {
  const names = [...inputs, ...outputs]
  const inner = [...new Set(names)]
  return op('Do', [...inputs, scope], [...outputs, scope], {
    net: netDef({ name: 'body', op: ops }),
    inner_blobs: inner,
    outer_blobs_idx: inner.map((name) => names.indexOf(name)),
    ...args,
  })
}

const branches = (thenOps: OperatorDef[], elseOps?: OperatorDef[]) => ({
  then_net: netDef({ name: 'then', op: thenOps }),
  else_net: elseOps && netDef({ name: 'else', op: elseOps }),
})

for (const taken of [true, false]) {
  test(`If whose condition is ${taken}: each branch reads other blobs`, async () => {
    const choose = op('If', ['go', 'x', 'w'], 'y', branches([op('Sigmoid', 'x', 'y')], [op('Mul', ['x', 'w'], 'y')]))
    await checkDifferences(await backend(), {
      ops: [choose],
      feed: { go: bool(taken), x, w },
      loss: 'y',
      of: ['x', 'w'],
    })
  })

  test(`If whose condition is ${taken}: no else, y stays what it was`, async () => {
    const ops = [...started('y'), op('If', ['go', 'y'], 'y', branches([op('Scale', 'y', 'y', { scale: 2 })]))]
    await checkDifferences(await backend(), { ops, feed: { go: bool(taken), x }, loss: 'y', of: ['x'] })
  })

  test(`If whose condition is ${taken}: y is made anew, with no gradient of what it was`, async () => {
    const ops = [
      ...started('y'),
      op('If', ['go', 'y', 'w'], 'y', branches([op('Sigmoid', 'w', 'y')], [copy('y', 'v'), op('Sigmoid', 'v', 'y')])),
    ]
    await checkDifferences(await backend(), { ops, feed: { go: bool(taken), x, w }, loss: 'y', of: ['x', 'w'] })
  })

  test(`If whose condition is ${taken}: its input is read outside as well`, async () => {
    const ops = [
      op(
        'If',
        ['go', 'x'],
        'y',
        branches([op('Sigmoid', 'x', 't'), op('Mul', ['t', 'x'], 'y')], [op('Tanh', 'x', 'y')]),
      ),
      op('Mul', ['x', 'y'], 'z'),
    ]
    await checkDifferences(await backend(), { ops, feed: { go: bool(taken), x }, loss: 'z', of: ['x'] })
  })

  test(`If whose condition is ${taken}: nets in scopes of their own`, async () => {
    const body = (type: string) => [op(type, 'x', 't'), op('Mul', ['t', 'w'], 'y')]
    const ops = [
      op('CreateScope', [], 's1'),
      op('CreateScope', [], 's2'),
      op('If', ['go', 'x', 'w', 's1', 's2'], ['y', 's1', 's2'], {
        ...branches([doing(['x', 'w'], ['y'], 's1', body('Sigmoid'))], [doing(['x', 'w'], ['y'], 's2', body('Tanh'))]),
      }),
      op('Mul', ['y', 'w'], 'z'),
    ]
    await checkDifferences(await backend(), { ops, feed: { go: bool(taken), x, w }, loss: 'z', of: ['x', 'w'] })
  })
}

test('Do, once and twice', async () => {
  const body = [op('Sigmoid', 'x', 't'), op('Mul', ['t', 'w'], 'y')]
  const ops = [op('CreateScope', [], 's'), doing(['x', 'w'], ['y'], 's', body)]
  const names = await checkDifferences(await backend(), { ops, feed: { x, w }, loss: 'y', of: ['x', 'w'] })
  assert.equal([...names.values()], ['x_grad', 'w_grad'])
  const twice = [...ops, op('CreateScope', [], 's2'), doing(['y', 'w'], ['z'], 's2', [op('Mul', ['y', 'w'], 'z')])]
  await checkDifferences(await backend(), { ops: twice, feed: { x, w }, loss: 'z', of: ['x', 'w'] })
})

test('Do that writes what it reads', async () => {
  const body = [copy('y', 't'), op('Mul', ['t', 'w'], 'y')]
  const ops = [...started('y'), op('CreateScope', [], 's'), doing(['y', 'w'], ['y'], 's', body)]
  await checkDifferences(await backend(), { ops, feed: { x, w }, loss: 'y', of: ['x', 'w'] })
})

function loop(rounds: number, body: OperatorDef[], inputs: string[], outputs: string[], args = {}): OperatorDef[] {
  const count = [op('Sum', ['i', 'one'], 'i'), op('LT', ['i', 'n'], 'go')]
  const all = [...inputs, 'i', 'one', 'n']
  return [
    op('ConstantFill', [], 'i', { shape: [1], value: { float: 0 } }),
    op('ConstantFill', [], 'one', { shape: [1], value: { float: 1 } }),
    op('ConstantFill', [], 'n', { shape: [1], value: { float: rounds } }),
    op('LT', ['i', 'n'], 'go'),
    op('CreateScope', [], 's'),
    op('While', ['go', ...all, 's'], [...outputs, 'i', 'go', 's'], {
      loop_net: netDef({
        name: 'loop',
        op: [doing(all, [...outputs, 'i', 'go'], 's', [...body, ...count], { copy_external_blobs: true, ...args })],
      }),
    }),
  ]
}

const round = [copy('y', 'v'), op('Mul', ['v', 'w'], 't'), op('Tanh', 't', 'y')]

for (const rounds of [0, 1, 3]) {
  test(`While with ${rounds} rounds: the state and a parameter read in each`, async () => {
    const ops = [...started('y'), ...loop(rounds, round, ['y', 'w'], ['y'])]
    await checkDifferences(await backend(), { ops, feed: { x, w }, loss: 'y', of: ['x', 'w'] })
  })
}

test('While: a state that only later rounds read', async () => {
  const body = [copy('h', 'v'), copy('v', 'y'), op('Mul', ['v', 'w'], 't'), op('Tanh', 't', 'h')]
  const ops = [...started('h'), copy('x', 'y'), ...loop(3, body, ['h', 'w', 'y'], ['h', 'y'])]
  await checkDifferences(await backend(), { ops, feed: { x, w }, loss: 'y', of: ['x', 'w'] })
})

test('If inside While, whose parameter is read after it as well', async () => {
  const choice = op(
    'If',
    ['odd', 'y', 'w'],
    'y',
    branches([copy('y', 'k'), op('Mul', ['k', 'w'], 't'), op('Tanh', 't', 'y')]),
  )
  const body = [op('LT', ['i', 'one'], 'odd'), copy('y', 'v'), op('Sigmoid', 'v', 'q'), copy('q', 'y'), choice]
  const ops = [...started('y'), ...loop(3, body, ['y', 'w'], ['y']), op('Mul', ['y', 'w'], 'z')]
  await checkDifferences(await backend(), { ops, feed: { x, w }, loss: 'z', of: ['x', 'w'] })
})

const refused = async (ops: OperatorDef[], word: RegExp) => {
  const net = new Net('refused')
  net.addOperators(ops)
  const source = await backend()
  await throwsPf(() => addGradientOperators(net, ['y'], { backend: source }), 'no_gradient', word)
}

test('what has no gradient says why', async () => {
  await refused(
    [op('While', ['go', 'y'], 'y', { loop_net: netDef({ op: [op('Sigmoid', 'y', 'y')] }) })],
    /While.*one Do/,
  )
  const body = [copy('y', 't'), op('Sigmoid', 't', 'y')]
  await refused(
    loop(2, body, ['y'], ['y'], { copy_external_blobs: false }),
    /"y" of earlier rounds.*copy_external_blobs/,
  )
})

test.run()
