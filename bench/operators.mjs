// SPDX-License-Identifier: Apache-2.0
// How near operators that compute little come to the speed of memory: bytes read and written per second at a million
// elements, one thread, against a plain copy. `node bench/operators.mjs [--backend native,wasm,wasm:simd] [--op NAME,…] [--repeats N]`
import process from 'node:process'
import { parseArgs } from 'node:util'
import { encodeNetDef, netDef, openBackend, operatorDef, tensor } from 'portafilter'

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
const positive = tensor(
  whole.data.map((x) => x * x + 1e-3),
  [kElements],
)
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
  ...['Relu', 'LeakyRelu', 'Abs', 'Sqr', 'Sigmoid', 'Tanh', 'Exp', 'Negative'].map((type) => [
    'elementwise',
    type,
    { x: whole },
  ]),
  ['elementwise', 'Sqrt', { x: positive }],
  ['elementwise', 'Log', { x: positive }],
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
    backend: { type: 'string', default: 'native,wasm:relaxed,wasm:simd' },
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

/** The best time of each, run in turn, so that whatever else the machine does hits both. */
async function best(runs, repeats) {
  const times = runs.map(() => Number.POSITIVE_INFINITY)
  for (let i = -2; i < repeats; i++) {
    for (const [k, run] of runs.entries()) {
      const start = performance.now()
      await run()
      if (i >= 0) times[k] = Math.min(times[k], performance.now() - start)
    }
  }
  return times
}

async function measure(choice) {
  const [name, wanted] = choice.split(':')
  const backend = await openBackend({ backend: name, build: wanted, threads: 1, operators: 'all' })
  const { build } = await backend.info()
  console.log(
    `\n${name} (${build}), Node ${process.versions.node}, one thread\n${'operator'.padEnd(22)}family        GB/s  of a copy`,
  )
  let slow = 0
  for (const each of cases.slice(1).filter(([, type]) => !values.op || values.op.split(',').includes(type))) {
    const [copy, op] = [await prepare(backend, cases[0]), await prepare(backend, each)]
    const times = await best([copy.run, op.run], Number(values.repeats))
    const [base, speed] = [copy, op].map(({ bytes }, i) => (bytes * kTurns) / times[i] / 1e6)
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
