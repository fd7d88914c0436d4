// SPDX-License-Identifier: Apache-2.0
// Recurrent nets: gradients through all steps of LSTM, GRU and MILSTM against central differences, and step nets given as
// text.
import { test } from 'uvu'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { writeText } from '../../src/net/read-net.ts'
import { encodeOperatorDef, operatorDef } from '../../src/net/net-def.ts'
import { testBackend } from '../kit/backend.ts'
import { checkDifferences } from '../kit/differences.ts'
import { type Cell, recurrent } from '../kit/recurrent.ts'
import { throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)
const op = operatorDef

const [steps, batch, width] = [4, 2, 2]

// Numbers between -1 and 1 that look like chance but are the same in each run.
function noise(seed: number, ...shape: number[]): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1)
  const data = Float32Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed))
  return tensor(data, shape)
}

const lengths = tensor(Int32Array.of(4, 2), [batch])
const wide = { broadcast: 1 }

const lstm: Cell = {
  step: [
    op('FC', ['h_prev', 'w', 'b'], 'gates', { axis: 2 }),
    op('Sum', ['gates', 'input_t'], 'gates'),
    op('LSTMUnit', ['h_prev', 'c_prev', 'gates', 'lengths', 'timestep'], ['h', 'c'], { forget_bias: { float: 0.5 } }),
  ],
  states: ['h', 'c'],
  params: ['w', 'b'],
  others: ['lengths'],
}

const milstm: Cell = {
  step: [
    op('FC', ['h_prev', 'w', 'b'], 'prev', { axis: 2 }),
    op('Mul', ['prev', 'input_t'], 'both'),
    op('Mul', ['both', 'alpha'], 'product', wide),
    op('Mul', ['prev', 'beta1'], 'of_prev', wide),
    op('Mul', ['input_t', 'beta2'], 'of_input', wide),
    op('Sum', ['product', 'of_prev', 'of_input'], 'gates'),
    op('LSTMUnit', ['h_prev', 'c_prev', 'gates', 'lengths', 'timestep'], ['h', 'c']),
  ],
  states: ['h', 'c'],
  params: ['w', 'b', 'alpha', 'beta1', 'beta2'],
  others: ['lengths'],
}

const gru: Cell = {
  step: [
    op('FC', ['h_prev', 'w', 'b'], 'ru_prev', { axis: 2 }),
    op('Split', ['input_t'], ['ru_input', 'o_input'], { axis: 2, split: [2 * width, width] }),
    op('Sum', ['ru_prev', 'ru_input'], 'ru'),
    op('Split', ['ru'], ['r', 'u'], { axis: 2, split: [width, width] }),
    op('Sigmoid', 'r', 'reset'),
    op('Mul', ['h_prev', 'reset'], 'kept'),
    op('FC', ['kept', 'wo', 'bo'], 'o_prev', { axis: 2 }),
    op('Sum', ['o_prev', 'o_input'], 'o'),
    op('Concat', ['reset', 'u', 'o'], ['gates', 'gates_split'], { axis: 2 }),
    op('GRUUnit', ['h_prev', 'gates', 'lengths', 'timestep'], 'h'),
  ],
  states: ['h'],
  params: ['w', 'b', 'wo', 'bo'],
  others: ['lengths'],
}

// The sequence comes from an operator before, so that the gradient goes on where the recurrent net ends.
async function check(cell: Cell, gates: number, shapes: Record<string, number[]>, results: string[]) {
  const net = await recurrent(await backend(), 'sequence', cell, results)
  const flat = results.map((name) => op('FlattenToVec', name, `${name}_flat`))
  const join = op(
    'Concat',
    results.map((name) => `${name}_flat`),
    ['result', 'result_split'],
    { axis: 0 },
  )
  const feed: Record<string, Tensor> = { x: noise(1, steps, batch, gates * width), lengths }
  for (const [i, state] of cell.states.entries()) feed[`${state}_0`] = noise(2 + i, 1, batch, width)
  for (const [i, [name, shape]] of Object.entries(shapes).entries()) feed[name] = noise(5 + i, ...shape)
  const ops = [op('Tanh', 'x', 'sequence'), net, ...flat, join]
  const of = Object.keys(feed).filter((name) => name !== 'lengths')
  await checkDifferences(await backend(), { ops, feed, loss: 'result', of })
}

test('LSTM: all hidden states', () => check(lstm, 4, { w: [4 * width, width], b: [4 * width] }, ['h_all']))

test('LSTM: the last states', () => check(lstm, 4, { w: [4 * width, width], b: [4 * width] }, ['h_last', 'c_last']))

test('GRU', () =>
  check(gru, 3, { w: [2 * width, width], b: [2 * width], wo: [width, width], bo: [width] }, ['h_all', 'h_last']))

test('MILSTM', () => {
  const wide = [4 * width]
  return check(milstm, 4, { w: [4 * width, width], b: wide, alpha: wide, beta1: wide, beta2: wide }, ['h_all', 'c_all'])
})

test('step nets given as text', async () => {
  const source = await backend()
  const net = await recurrent(
    source,
    'x',
    lstm,
    ['h_all'],
    async (step) => `# a step\n${await writeText('NetDef', step)}`,
  )
  const feed = {
    x: noise(1, steps, batch, 4 * width),
    w: noise(5, 4 * width, width),
    b: noise(6, 4 * width),
    h_0: noise(2, 1, batch, width),
    c_0: noise(3, 1, batch, width),
  }
  await checkDifferences(source, { ops: [net], feed: { ...feed, lengths }, loss: 'h_all', of: Object.keys(feed) })
})

test('text that is no net says where', async () => {
  const b = await backend()
  const ws = await b.openWorkspace()
  await b.feed(ws, 'x', noise(1, 1, 1, 1))
  for (const [text, words] of [
    ['op { type: "Relu" input: ', /step_net.*a string in quotes at character 25/],
    ['op < type: "Relu" }', /expected a field's name at character 18/],
    ['op { arg { name: "a" i: 1x } }', /expected an integer/],
    ['op { '.repeat(3), /a field's name/],
    ['x { '.repeat(100000), /less nesting/],
    ['op { arg { n { '.repeat(40), /a smaller net/],
  ] as const) {
    const net = operatorDef('RecurrentNetwork', ['x'], ['scopes', 's'], { step_net: text })
    await throwsPf(() => b.runOperator(ws, encodeOperatorDef(net)), 'argument', words)
  }
  await b.closeWorkspace(ws)
})

test.run()
