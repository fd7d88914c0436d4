// SPDX-License-Identifier: Apache-2.0
// How near operators that compute little come to the speed of memory: bytes read and written per second at a million
// elements, one thread, against a plain copy. `node bench/operators.mjs [--backend wasm,native] [--op NAME,…] [--repeats N]`
import { parseArgs } from 'node:util'
import { encodeNetDef, netDef, openBackend, operatorDef, tensor } from 'portafilter'
import { alternate } from './kit.mjs'

const kElements = 1 << 20
const kWidth = 64 // of a row of an embedding
const kRows = kElements / kWidth
const kEnough = 0.6 // of a copy's bandwidth
const kTurns = 5 // runs per measurement

const floats = (...shape) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i)),
    shape,
  )
const whole = floats(kElements)
const square = floats(1024, 1024)
const table = floats(kRows, kWidth)
// Every row once, in an order that no prefetcher knows.
const order = tensor(
  Int32Array.from({ length: kRows }, (_, i) => (i * 7919) % kRows),
  [kRows],
)
const longOrder = tensor(BigInt64Array.from(order.data, BigInt), [kRows])
const lengths = tensor(new Int32Array(kRows / 16).fill(16), [kRows / 16])
const segments = tensor(
  Int32Array.from({ length: kRows }, (_, i) => i >> 4),
  [kRows],
)

/** [family, operator, inputs, arguments]. */
const cases = [
  ['copy', 'Copy', { x: whole }],
  ...['Relu', 'LeakyRelu', 'Abs', 'Sqr', 'Sqrt', 'Sigmoid', 'Tanh', 'Exp', 'Log', 'Negative'].map((type) => [
    'elementwise',
    type,
    { x: whole },
  ]),
  ['elementwise', 'Clip', { x: whole }, { min: -0.5, max: 0.5 }],
  ['elementwise', 'Scale', { x: whole }, { scale: 0.5 }],
  ...['Add', 'Mul', 'Sub', 'Div', 'Sum', 'Max', 'LT'].map((type) => ['elementwise', type, { x: whole, y: whole }]),
  ['elementwise', 'ReluGradient', { x: whole, y: whole }],
  ['elementwise', 'SigmoidGradient', { x: whole, y: whole }],
  ...['SumElements', 'SumSqrElements'].map((type) => ['reduction', type, { x: whole }]),
  ...['ReduceFrontSum', 'ReduceBackSum', 'ReduceFrontMean', 'ReduceBackMean', 'ReduceBackMax', 'ReduceFrontMax'].map(
    (type) => ['reduction', type, { x: square }],
  ),
  ['reduction', 'ReduceSum', { x: square }, { axes: [1] }],
  ['reduction', 'ReduceMean', { x: square }, { axes: [0] }],
  ['softmax', 'Softmax', { x: square }],
  ['softmax', 'SoftmaxGradient', { y: square, dy: square }],
  ['embedding', 'Gather', { x: table, i: order }],
  ['embedding', 'SparseLengthsSum', { x: table, i: longOrder, l: lengths }],
  ['embedding', 'SparseLengthsMean', { x: table, i: longOrder, l: lengths }],
  ...['LengthsSum', 'LengthsMean', 'LengthsMax'].map((type) => ['segment', type, { x: table, l: lengths }]),
  ...['SortedSegmentSum', 'SortedSegmentMean', 'UnsortedSegmentSum'].map((type) => [
    'segment',
    type,
    { x: table, s: segments },
  ]),
]

const { values } = parseArgs({
  options: {
    backend: { type: 'string', default: 'wasm,native' },
    op: { type: 'string' },
    repeats: { type: 'string', default: '15' },
  },
})

async function prepare(backend, [family, type, inputs, args]) {
  const ws = await backend.openWorkspace(1n)
  for (const [name, value] of Object.entries(inputs)) await backend.feed(ws, name, value)
  const op = operatorDef(type, Object.keys(inputs), 'out', args)
  const net = await backend.createNet(ws, encodeNetDef(netDef({ op: [op] })))
  await backend.runNet(net)
  const out = await backend.fetch(ws, 'out')
  const bytes = [...Object.values(inputs), out].reduce((sum, { data }) => sum + data.byteLength, 0)
  return { family, type, bytes, ws, run: () => backend.runNet(net, { iterations: kTurns }) }
}

async function measure(name) {
  const backend = await openBackend({ backend: name, threads: 1, operators: 'all' })
  const { build } = await backend.info()
  console.log(`\n${name} (${build}), one thread\n${'operator'.padEnd(22)}family        GB/s  of a copy`)
  let slow = 0
  for (const each of cases.slice(1).filter(([, type]) => !values.op || values.op.split(',').includes(type))) {
    // The copy beside each, so that whatever else the machine does hits both.
    const [copy, op] = [await prepare(backend, cases[0]), await prepare(backend, each)]
    const times = await alternate([copy.run, op.run], { warmup: 3, repeats: Number(values.repeats) })
    const [base, speed] = [copy, op].map(({ bytes }, i) => (bytes * kTurns) / times[i].best / 1e6)
    const share = speed / base
    if (share < kEnough) slow++
    const line = `${op.type.padEnd(22)}${op.family.padEnd(12)}${speed.toFixed(1).padStart(6)}${`${(share * 100).toFixed(0)} %`.padStart(9)}`
    console.log(share < kEnough ? `${line}  below ${kEnough * 100} %` : line)
    for (const { ws } of [copy, op]) await backend.closeWorkspace(ws)
  }
  console.log(`${slow} of ${cases.length - 1} below ${kEnough * 100} % of a copy`)
  await backend.close()
}

for (const name of values.backend.split(',')) await measure(name)
