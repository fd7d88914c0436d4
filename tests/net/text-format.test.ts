// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as caffe from '../../src/gen/caffe-fields.ts'
import * as caffe2 from '../../src/gen/caffe2-fields.ts'
import { type Argument, decodeNetDef, encodeNetDef, type NetDef, netDef, operatorDef } from '../../src/net/net-def.ts'
import { readMessage, readNetDef, writeText } from '../../src/net/read-net.ts'
import { parseText, printText } from '../../src/net/text-format.ts'
import { shared, sharedTest, sharedText } from '../kit/data.ts'
import { onlyPf, throwsPf } from '../kit/throws.ts'

const parseNet = (text: string) => parseText<NetDef>(text, caffe2, 'NetDef')
const parseArgument = (text: string) => parseText<Argument>(text, caffe2, 'Argument')

test('comments, both quotes, separators, angle brackets and lists', () => {
  const net = parseNet(`
    # a comment
    name: 'it''s' ; type: "dag",
    op < input: ["a", "b"] output: "y" type: "Sum" arg: { name: "x" ints: [1, 2] ints: 3 } >
    op: [ { type: "Relu" }, { type: "Tanh" } ] # another
    arg { name: "n" n { name: "inner" } }`)
  assert.is(net.name, 'its')
  assert.is(net.type, 'dag')
  assert.equal(net.op[0].input, ['a', 'b'])
  assert.equal(net.op[0].arg[0].ints, [1, 2, 3])
  assert.equal(
    net.op.map((op) => op.type),
    ['Sum', 'Relu', 'Tanh'],
  )
  assert.is(net.arg[0].n?.name, 'inner')
})

test('strings: escapes, UTF-8 and neighbours', () => {
  assert.is(parseNet(String.raw`name: "a\n\t\"\'\\\101\x42\u00e9" 'c'`).name, 'a\n\t"\'\\ABéc')
  assert.is(parseNet('name: "日本"').name, '日本')
  assert.equal(parseArgument(String.raw`s: "\377\000a"`).s, Uint8Array.of(255, 0, 97))
})

test('numbers: hex, octal, signs, floats of every look', () => {
  assert.is(parseArgument('i: 0x1F').i, 31)
  assert.is(parseArgument('i: -017').i, -15)
  assert.is(parseArgument('i: 9223372036854775807').i, 2n ** 63n - 1n)
  assert.equal(
    parseArgument('floats: [1, -2.5, .5, 1., 1e3, 2.5e-1f, inf, -inf]').floats,
    Float32Array.of(1, -2.5, 0.5, 1, 1000, 0.25, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  )
  assert.ok(Number.isNaN(parseArgument('f: nan').f))
  assert.is(parseArgument('f: 0.1').f, Math.fround(0.1))
})

test('enums by name and number, booleans in words and digits', () => {
  const pool = (text: string) => parseText<{ pool?: number }>(text, caffe, 'PoolingParameter').pool
  assert.is(pool('pool: AVE'), 1)
  assert.is(pool('pool: 2'), 2)
  const op = (text: string) => parseText<{ isGradientOp?: boolean }>(text, caffe2, 'OperatorDef').isGradientOp
  assert.equal(
    ['true', 't', '1', 'False', '0'].map((word) => op(`is_gradient_op: ${word}`)),
    [true, true, true, false, false],
  )
})

test('a renamed field is read by both of its names', () => {
  const option = (text: string) => parseText<{ cudaGpuId?: number }>(text, caffe2, 'DeviceOption').cudaGpuId
  assert.is(option('cuda_gpu_id: 3'), 3)
  assert.is(option('device_id: 3'), 3)
})

test('errors say line, column, what was expected and what is near', async () => {
  const fails = (text: string, ...words: string[]) => throwsPf(() => parseNet(text), 'parse', ...words)
  await fails('name: "x"\nopp { }', 'line 2, column 1', 'NetDef has no field "opp"', 'did you mean "op"?')
  await fails('op {\n  type: Relu }', 'line 2, column 9', '"type" takes a quoted string', 'found "Relu"')
  await fails('op {', 'line 1, column 5', 'ends inside a OperatorDef', '"}" is missing')
  await fails('name "x"', 'expected ":" after "name"')
  await fails('name: "x', 'no closing quote')
  await fails('name: "\\q"', 'unknown escape')
  await fails('name: "a" name: "b"', 'given twice')
  await fails('num_workers: 1.5', 'takes an integer', 'found "1.5"')
  await fails('num_workers: 4294967296', 'does not fit')
  await fails('op: 5', 'expected "{"')
  await fails('}', 'expected a field of NetDef')
  await throwsPf(
    () => parseText('pool: AVG', caffe, 'PoolingParameter'),
    'parse',
    'cannot be AVG',
    'did you mean "AVE"',
  )
  await throwsPf(() => readNetDef('x: 1', { file: 'net.pbtxt' }), 'parse', 'net.pbtxt, line 1')
})

test('unknown fields can be skipped with a note', () => {
  const warnings: string[] = []
  const text = 'name: "x" mystery: [1, "a" "b", -2.5] more { deep < a: b > c: 1 } [ext.field]: "z" type: "dag"'
  const net = parseText<NetDef>(text, caffe2, 'NetDef', { warnings })
  assert.is(net.type, 'dag')
  assert.is(warnings.length, 3)
  assert.match(warnings[0], 'no field "mystery"')
})

test('nesting has a limit', () =>
  throwsPf(() => parseText('substep {'.repeat(5000), caffe2, 'ExecutionStep'), 'parse', 'too deep'))

test('text and binary are told apart', async () => {
  const net = netDef({ name: 'n', op: [operatorDef('Relu', 'x', 'y')] })
  const text = await writeText('NetDef', net)
  assert.is((await readNetDef(text)).op[0].type, 'Relu')
  assert.is((await readNetDef(new TextEncoder().encode(text))).op[0].type, 'Relu')
  assert.is((await readNetDef(encodeNetDef(net))).op[0].type, 'Relu')
  assert.is((await readNetDef(encodeNetDef(netDef({ name: 'abcdefghijklm' })))).name, 'abcdefghijklm')
  assert.equal((await readNetDef(new Uint8Array(0))).op, [])
  await throwsPf(() => readNetDef(Uint8Array.of(0x12, 9), { file: 'net.pb' }), 'parse', 'net.pb', 'truncated')
})

test('what is printed reads back as the same', () => {
  const text = `name: "n\\303\\251\\n\\""
op {
  output: "y"
  type: "GivenTensorFill"
  arg {
    name: "values"
    floats: 1.0
    floats: 1e-05
    floats: 0.1
    floats: 16777216.0
    floats: inf
    floats: -0.0
  }
  arg {
    name: "i"
    i: -9223372036854775808
  }
  is_gradient_op: true
}
`
  assert.is(printText(parseNet(text), caffe2, 'NetDef'), text)
})

test('every float is printed with enough digits', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (value) => {
      assert.is(parseArgument(printText({ f: value }, caffe2, 'Argument')).f, value)
    }),
    { numRuns: 300 },
  )
})

test('random text is parsed or refused', () => {
  const word = fc.constantFrom(
    ...['op', 'name', 'arg', '{', '}', '<', '>', ':', '[', ']', ',', '"a"', "'", '-', '1', '0x', '.5', '#\n', '\\'],
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(word).map((words) => words.join(' ')),
  )
  return fc.assert(
    fc.asyncProperty(text, (source) =>
      onlyPf(() => {
        parseNet(source)
      }),
    ),
    { numRuns: 1000 },
  )
})

const netdefs = [
  ...[
    'inception_v1_predict_net.pbtxt.dcae0b',
    'inception_v2_predict_net.pbtxt.54cd37',
    'zfnet_predict_net.pbtxt.0d46e7',
  ],
  ...['resnet50_predict_net.pbtxt.d0bae0', 'bvlc_alexnet_predict_net.pbtxt.d9e54b', 'vgg16_predict_net.pbtxt.29e175'],
  ...['vgg19_predict_net.pbtxt.9fd6f2', 'densenet121_predict_net.pbtxt.5c18b3', 'shufflenet_predict_net.pbtxt.f86431'],
  ...['detectron_e2e_faster_rcnn_R-50-C4_1x_predict_net.pbtxt.4b1603', 'mask_rcnn_2go_model_fp32_model.pbtxt.e17f3b'],
]

for (const name of netdefs) {
  sharedTest(test, `${name} reads`, async () => {
    const net = await readNetDef(await shared(`data/models/caffe2-netdefs/${name}`))
    assert.ok(net.op.length > 10)
    assert.equal(decodeNetDef(encodeNetDef(net)), net)
  })
}

const golden = ['caffe_lenet', 'caffe_squeezenet_1_0', 'style_crayon', 'zoo_mask_rcnn_2go_fp32_a']

for (const name of golden) {
  sharedTest(test, `${name}: printed as protoc printed it, text and binary agree`, async () => {
    const folder = `golden/models/${name}`
    const text = await sharedText(`${folder}/predict_net.pbtxt`)
    const net = await readNetDef(await shared(`${folder}/predict_net.pb`))
    assert.is(await writeText('NetDef', net), text)
    assert.equal(await readMessage('NetDef', text), net)
  })
}

test.run()
