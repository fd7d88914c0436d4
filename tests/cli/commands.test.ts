// SPDX-License-Identifier: Apache-2.0
// Every command on a model small enough to be made here.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { encodePng } from '../../src/data/image.ts'
import { readNpy, writeNpy } from '../../src/data/npy.ts'
import { encodeNetDef, netDef, operatorDef } from '../../src/net/net-def.ts'
import { cli, start, temporaryFolder } from './cli.ts'

const folder = temporaryFolder(test)
const init = folder('init_net.pb')
const predict = folder('predict_net.pb')

// The mean of each channel; red is the third of B, G, R. Two runs of a layer make nothing else of it.
const colors = netDef({
  name: 'colors',
  op: [operatorDef('AveragePool', 'data', 'mean', { kernel: 4 }), operatorDef('Softmax', 'mean', 'prob')],
  externalInput: ['data'],
  externalOutput: ['prob'],
})

const square = (red: number, green: number, blue: number) => {
  const data = new Uint8Array(8 * 8 * 3).map((_, i) => [red, green, blue][i % 3])
  return encodePng({ width: 8, height: 8, channels: 3, data })
}

test.before(async () => {
  writeFileSync(init, encodeNetDef(netDef({ name: 'init' })))
  writeFileSync(predict, encodeNetDef(colors))
  writeFileSync(folder('model.json'), JSON.stringify({ input: 'data', size: 4, mean: 0, scale: 0.01 }))
  writeFileSync(folder('labels.txt'), 'blue\ngreen\nred\n')
  writeFileSync(folder('red.png'), await square(200, 10, 20))
  writeFileSync(folder('green.png'), await square(10, 200, 20))
})

const red = { size: [1, 3, 4, 4], bgr: [0.2, 0.1, 2] }

test('classify names the classes of a picture', async () => {
  const { status, out, error } = await cli(
    'classify',
    folder('red.png'),
    '--model',
    folder('.'),
    '--json',
    '--top',
    '2',
  )
  assert.is(status, 0, error)
  const answer = JSON.parse(out) as {
    results: { index: number; label: string; probability: number }[]
    backend: string
    threads: number
    ms: number
  }
  assert.equal(Object.keys(answer).sort(), ['backend', 'ms', 'results', 'threads'])
  assert.equal(
    answer.results.map(({ index, label }) => [index, label]),
    [
      [2, 'red'],
      [0, 'blue'],
    ],
  )
  const powers = red.bgr.map(Math.exp)
  const want = powers[2] / powers.reduce((a, b) => a + b)
  assert.ok(Math.abs(answer.results[0].probability - want) < 1e-5)
})

test('classify takes several pictures and prints sorted lines', async () => {
  const { status, out } = await cli('classify', folder('red.png'), folder('green.png'), '--model', folder('.'))
  assert.is(status, 0)
  const lines = out.trimEnd().split('\n')
  assert.is(lines.length, 8)
  assert.match(lines[1], /^0\.\d{4} +2 +red$/)
  assert.match(lines[5], /^0\.\d{4} +1 +green$/)
})

test('classify says which picture is none', async () => {
  writeFileSync(folder('none.jpg'), 'this is no picture')
  const { status, error } = await cli('classify', folder('none.jpg'), '--model', folder('.'))
  assert.is(status, 1)
  assert.match(error, /^portafilter: \[format\] .*none\.jpg/)
})

test('classify says what a folder without a model lacks', async () => {
  const { status, error } = await cli('classify', folder('red.png'), '--model', 'docs')
  assert.is(status, 1)
  assert.match(error, /init_net\.pb and predict_net\.pb, or a \.prototxt and a \.caffemodel/)
})

const nets = ['--predict-net', predict, '--init-net', init]

test('run takes and gives .npy', async () => {
  const values = Float32Array.from({ length: 48 }, (_, i) => Math.fround(Math.sin(i)))
  writeFileSync(folder('x.npy'), writeNpy(tensor(values, red.size)))
  const files = [`--input=data=${folder('x.npy')}`, `--output=mean=${folder('y.npy')}`]
  const { status, error } = await cli('run', ...nets, ...files)
  assert.is(status, 0, error)
  const got = readNpy(readFileSync(folder('y.npy')))
  assert.equal(got.shape, [1, 3, 1, 1])
  for (const [c, mean] of [...(got.data as Float32Array)].entries()) {
    const want = values.slice(c * 16, c * 16 + 16).reduce((a, b) => a + b) / 16
    assert.ok(Math.abs(mean - want) < 1e-6)
  }
})

test('run takes pictures and gives TensorProtos, which it takes again', async () => {
  const first = await cli(
    'run',
    ...nets,
    `--input=data=${folder('red.png')}`,
    '--size',
    '4',
    `--output=mean=${folder('m.pb')}`,
  )
  assert.is(first.status, 0, first.error)
  const copy = netDef({
    name: 'copy',
    op: [operatorDef('Relu', 'a', 'b')],
    externalInput: ['a'],
    externalOutput: ['b'],
  })
  writeFileSync(folder('copy.pb'), encodeNetDef(copy))
  const files = [`--input=a=${folder('m.pb')}`, `--output=b=${folder('m.npy')}`]
  const second = await cli('run', '--predict-net', folder('copy.pb'), ...files)
  assert.is(second.status, 0, second.error)
  const got: Tensor = readNpy(readFileSync(folder('m.npy')))
  assert.equal([...(got.data as Float32Array)], [20, 10, 200])
})

test('run says which input is missing', async () => {
  const { status, error } = await cli('run', ...nets)
  assert.is(status, 2)
  assert.match(error, /the net reads data: give --input data=FILE/)
})

test('run lists the operators that are missing', async () => {
  const odd = netDef({ name: 'odd', op: [operatorDef('NoSuchOperator', 'a', 'b')], externalInput: ['a'] })
  writeFileSync(folder('odd.pb'), encodeNetDef(odd))
  const { status, error } = await cli('run', '--predict-net', folder('odd.pb'), `--input=a=${folder('x.npy')}`)
  assert.is(status, 1)
  assert.match(error, /^portafilter: \[no_operator\] .*NoSuchOperator/)
})

test('info tells the backend and its operators', async () => {
  const { status, out } = await cli('info', '--json')
  assert.is(status, 0)
  const about = JSON.parse(out) as { backend: string; threads: number; operators: string[]; refused: unknown[] }
  assert.ok(about.threads >= 1)
  assert.ok(about.operators.includes('Conv'))
  assert.ok(Array.isArray(about.refused))
  const named = await cli('info', '--backend', 'wasm', '--threads', '1')
  assert.match(named.out, /backend +wasm .*\n(.*\n)*threads +1\n/)
})

test('bench measures, profiles and writes a trace', async () => {
  const trace = folder('trace.json')
  const options = ['--iterations', '3', '--profile', '--trace', trace, '--json']
  const { status, out, error } = await cli('bench', '--model', folder('.'), '--size', '4', ...options)
  assert.is(status, 0, error)
  const answer = JSON.parse(out) as { ms: { median: number; best: number }; operators: { type: string }[] }
  assert.ok(answer.ms.best > 0 && answer.ms.median >= answer.ms.best)
  assert.equal(
    answer.operators.map(({ type }) => type),
    ['AveragePool', 'Softmax'],
  )
  const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as { traceEvents: { ph: string; name: string }[] }
  assert.equal(
    traceEvents.map(({ ph, name }) => `${ph} ${name}`),
    ['X AveragePool', 'X Softmax'],
  )
})

test('Ctrl-C stops a run: status 130 and one line', async () => {
  const running = start('bench', '--model', folder('.'), '--size', '4', '--iterations', '100000000')
  const timer = setTimeout(() => running.interrupt(), 1500)
  const { status, error } = await running.done
  clearTimeout(timer)
  assert.is(status, 130, error)
  assert.match(error, /^portafilter: \[aborted\] /)
})

test('--build chooses among the builds of the WebAssembly core', async () => {
  const { out } = await cli('info', '--backend', 'wasm', '--build', 'simd')
  assert.match(out, /^backend +wasm \(simd, /m)
  const { status, error } = await cli('info', '--backend', 'wasm', '--build', 'fast')
  assert.is(status, 1)
  assert.match(error, /no build "fast".*relaxed-mt, simd-mt, relaxed, simd/)
})

// Its body prints.
test('what operators print does not mix with a report', async () => {
  const { status, out, error } = await cli(
    'verify',
    'tests/fixtures/golden/operators.jsonl.gz',
    '--op',
    'ONNXWhile',
    '--json',
  )
  assert.is(status, 0)
  assert.ok(JSON.parse(out).passed > 0)
  assert.match(error, /float32/)
})

test('verify passes over what it finds but cannot run, and says so', async () => {
  mkdirSync(folder('onnx/test_relu/test_data_set_0'), { recursive: true })
  writeFileSync(folder('onnx/test_relu/model.onnx'), '')
  writeFileSync(folder('onnx/labels.json'), '{"0": "cat"}')
  const { status, out } = await cli('verify', folder('onnx'), '--json')
  assert.is(status, 0)
  const { total, passed, unsupported } = JSON.parse(out)
  assert.equal([total, passed, unsupported.length], [2, 0, 2])
  assert.match(JSON.stringify(unsupported), /test_relu.*ONNX models are not read/)
  assert.match(JSON.stringify(unsupported), /labels\.json.*there is no list/)
  const named = await cli('verify', folder('onnx/labels.json'))
  assert.is(named.status, 1)
  assert.match(named.error, /\[format\].*labels\.json holds no recorded cases/)
})

test('verify counts what passes, fails and is missing', async () => {
  const values = (data: number[]) => Buffer.from(Float32Array.from(data).buffer).toString('base64')
  const one = (type: string, y: number[]) => ({
    op: { type, input: ['X'], output: ['Y'], arg: [] },
    inputs: [{ name: 'X', dims: [2], dtype: 'float32', data: values([-1, 2]) }],
    outputs: [{ name: 'Y', dims: [2], dtype: 'float32', data: values(y) }],
  })
  const printed = { ...one('Print', []), op: { type: 'Print', input: ['X'], output: [] }, outputs: [] }
  const cases = [one('Relu', [0, 2]), one('Relu', [0, 3]), one('NoSuchOperator', [0, 0]), printed]
  writeFileSync(folder('cases.jsonl'), cases.map((line) => JSON.stringify(line)).join('\n'))
  const { status, out } = await cli('verify', folder('cases.jsonl'), '--json')
  assert.is(status, 1)
  const report = JSON.parse(out) as { total: number; passed: number; failed: { why: string }[]; unsupported: unknown[] }
  assert.is(report.total, 4)
  assert.is(report.passed, 2)
  assert.is(report.unsupported.length, 1)
  assert.match(report.failed[0].why, 'Y[1] is 2, expected 3')
  assert.equal(Object.keys(report), ['total', 'passed', 'failed', 'unsupported'])
  const { out: table } = await cli('verify', folder('cases.jsonl'))
  assert.match(table, /^cases: Relu +1 of 2 passed$/m)
  assert.match(table, /^cases: NoSuchOperator +0 of 1 passed$/m)
  assert.match(table, /^4 cases: 2 passed, 1 failed, 1 unsupported$/m)
})

test.run()
