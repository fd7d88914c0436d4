// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  argument,
  argumentValue,
  decode,
  decodeNetDef,
  decodeOperatorDef,
  encode,
  encodeNetDef,
  encodeOperatorDef,
  getArgument,
  type NetDef,
  netDef,
  operatorDef,
  operatorsIn,
} from '../../src/net/net-def.ts'
import { WireWriter } from '../../src/net/wire.ts'
import { shared, sharedTest } from '../kit/data.ts'
import { onlyPf, throwsPf } from '../kit/throws.ts'

const sample = (): NetDef =>
  netDef({
    name: 'sample',
    op: [
      operatorDef('Conv', ['x', 'w'], 'y', { kernel: 3, pads: [1, 1, 1, 1], order: 'NCHW' }, { engine: 'NNPACK' }),
      operatorDef('LRN', 'y', ['z', '_z_scale'], { alpha: { float: 1 }, beta: 0.75 }),
      operatorDef('If', 'z', [], { then_net: netDef({ name: 'inner', op: [operatorDef('Relu', 'z', 'z')] }) }),
    ],
    deviceOption: { deviceType: 1, cudaGpuId: 2, numaNodeId: -1 },
    externalInput: ['x', 'w'],
    externalOutput: ['z'],
  })

test('what is encoded decodes to the same', () => {
  const bytes = encodeNetDef(sample())
  const net = decodeNetDef(bytes)
  assert.is(net.name, 'sample')
  assert.equal(net.op[0].input, ['x', 'w'])
  assert.equal(getArgument(net.op[0], 'pads'), [1, 1, 1, 1])
  assert.is(getArgument(net.op[1], 'alpha'), 1)
  assert.is((getArgument(net.op[2], 'then_net') as NetDef).op[0].type, 'Relu')
  assert.is(net.deviceOption?.numaNodeId, -1)
  assert.equal(encodeNetDef(net), bytes)
})

test('absent single fields are absent, lists are always there', () => {
  const net = decodeNetDef(new Uint8Array(0))
  assert.is(net.name, undefined)
  assert.is(net.type, undefined)
  assert.equal(net.op, [])
  assert.equal(net.externalInput, [])
})

test('int64 is exact', () => {
  for (const value of [
    0,
    1,
    -1,
    127,
    128,
    2 ** 31,
    -(2 ** 31),
    2 ** 49 + 1,
    Number.MAX_SAFE_INTEGER,
    -Number.MAX_SAFE_INTEGER,
  ]) {
    assert.is(decode('Argument', encode('Argument', { i: value })).i, value)
  }
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.is(decode('Argument', encode('Argument', { i: value })).i, value)
  }
  const dims = [3, 2n ** 60n, 0]
  assert.equal(decode('TensorProto', encode('TensorProto', { dims, int64Data: dims })).int64Data, dims)
})

test('the operators of a serialized net are found as they were written', () => {
  const net = sample()
  const found = [...operatorsIn(encodeNetDef(net))].map(decodeOperatorDef)
  assert.equal(found, decodeNetDef(encodeNetDef(net)).op)
  assert.equal([...operatorsIn(encodeNetDef(netDef({ name: 'empty' })))], [])
})

test('an outline passes long lists of floats over, packed or not, and keeps the rest', async () => {
  const weights = new Float32Array(1000).fill(1)
  const arg = [argument('shape', [1000]), argument('values', weights), argument('few', Float32Array.of(1, 2))]
  const init = encodeNetDef(netDef({ op: [operatorDef('GivenTensorFill', [], 'w'), operatorDef('Relu', 'w', 'y')] }))
  const net = decodeNetDef(init)
  net.op[0].arg = arg
  const outline = decode('NetDef', encodeNetDef(net), { outline: true })
  assert.equal(
    outline.op.map(({ type, output }) => [type, output]),
    net.op.map(({ type, output }) => [type, output]),
  )
  assert.is(getArgument(outline.op[0], 'values'), undefined)
  assert.equal(getArgument(outline.op[0], 'few'), [1, 2])
  assert.equal(getArgument(outline.op[0], 'shape'), [1000])
  const packed = new WireWriter()
    .uint32(42)
    .floats([...weights])
    .uint32(10)
    .string('w')
    .finish()
  assert.equal(decode('Argument', packed, { outline: true }), {
    ...decode('Argument', packed),
    floats: new Float32Array(0),
  })
  await throwsPf(() => decode('Argument', packed.subarray(0, 1000), { outline: true }), 'parse')
})

test('lists of floats arrive as typed arrays, packed or not, in one piece or several', () => {
  const floats = Float32Array.of(0, -0, 1.5, Number.POSITIVE_INFINITY)
  assert.equal(decode('Argument', encode('Argument', { floats })).floats, floats)
  assert.equal(decode('TensorProto', encode('TensorProto', { dims: [4], floatData: [...floats] })).floatData, floats)
  // Argument.floats: one packed piece and two single ones.
  const mixed = new WireWriter().uint32(42).floats([1, 2]).uint32(45).float(3).uint32(45).float(4).finish()
  assert.equal(decode('Argument', mixed).floats, Float32Array.of(1, 2, 3, 4))
  const apart = new WireWriter().uint32(45).float(3).uint32(24).int64(7).uint32(45).float(4).finish()
  assert.equal(decode('Argument', apart).floats, Float32Array.of(3, 4))
})

test('unknown fields survive', () => {
  const known = encodeOperatorDef(operatorDef('Relu', 'x', 'y'))
  const unknown = new WireWriter().uint32(8000).int64(-5).uint32(8010).string('from the future').finish()
  const bytes = Uint8Array.from([...known, ...unknown])
  const op = decodeOperatorDef(bytes)
  assert.is(op.type, 'Relu')
  assert.equal(encodeOperatorDef(op), bytes)
  const net = decodeNetDef(new WireWriter().uint32(18).bytes(bytes).finish())
  assert.equal(encodeOperatorDef(net.op[0]), bytes)
})

test('arguments are typed as MakeArgument does', () => {
  const bytes = Uint8Array.of(0, 255)
  assert.equal(argument('a', 3), { name: 'a', i: 3 })
  assert.equal(argument('a', true), { name: 'a', i: 1 })
  assert.equal(argument('a', 0.5), { name: 'a', f: 0.5 })
  assert.equal(argument('a', { float: 2 }), { name: 'a', f: 2 })
  assert.equal(argument('a', 2n ** 60n), { name: 'a', i: 2n ** 60n })
  assert.equal(argument('a', 'é').s, Uint8Array.of(0xc3, 0xa9))
  assert.is(argument('a', bytes).s, bytes)
  assert.equal(argument('a', [1, true, 2n]), { name: 'a', ints: [1, 1, 2] })
  assert.equal(argument('a', [1, 0.5]), { name: 'a', floats: [1, 0.5] })
  assert.equal(argument('a', []), { name: 'a' })
  assert.is(argument('a', ['x', 'y']).strings?.length, 2)
  assert.is(argument('a', sample()).n?.name, 'sample')
  assert.is(argument('a', [sample()]).nets?.length, 1)
  assert.equal(argument('a', Float32Array.of(1)).floats, Float32Array.of(1))
  assert.equal(argument('a', BigInt64Array.of(1n)).ints, [1])
  assert.is(argumentValue(argument('a', 'text')), 'text')
  assert.equal(argumentValue(argument('a', ['x', 'y'])), ['x', 'y'])
  assert.is(argumentValue({ name: 'a' }), undefined)
})

test('mixed lists are refused', () => throwsPf(() => argument('a', [1, 'x'] as never), 'argument', 'mixes kinds'))

test('what cannot be encoded is said', async () => {
  await throwsPf(() => encodeNetDef(netDef({ name: 5 as never })), 'argument', 'NetDef', 'expected a string, found 5')
  await throwsPf(() => encode('Argument', { i: 0.5 }), 'argument', 'not an integer')
  await throwsPf(() => encode('Argument', { i: 2n ** 64n }), 'argument', 'does not fit')
  await throwsPf(() => encode('Argument', { s: 'text' as never }), 'argument', 'expected bytes')
})

test('truncated and hostile bytes are refused with their place', async () => {
  await throwsPf(() => decodeNetDef(Uint8Array.of(0x0a, 0x05, 0x41)), 'parse', 'NetDef', 'truncated', 'of 3')
  await throwsPf(() => decodeNetDef(Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x07)), 'parse', 'truncated')
  await throwsPf(() => decodeNetDef(Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x7f)), 'parse')
  await throwsPf(() => decodeNetDef(Uint8Array.of(0x0f)), 'parse', 'malformed')
  await throwsPf(() => decode('TensorProto', Uint8Array.of(0x1a, 0x03, 0, 0, 0)), 'parse', 'truncated')
  await throwsPf(() => decode('TensorProto', Uint8Array.of(0x0a, 0x02, 0x80, 0x80)), 'parse', 'truncated')
})

test('deep nesting is refused, not followed', async () => {
  let bytes: Uint8Array = new Uint8Array(0)
  for (let i = 0; i < 5000; i++) bytes = new WireWriter().uint32(18).bytes(bytes).finish()
  await throwsPf(() => decode('ExecutionStep', bytes), 'parse', 'nested too deep')
})

test('every prefix of a net is a net or refused', async () => {
  const bytes = encodeNetDef(sample())
  for (let length = 0; length < bytes.length; length++) await onlyPf(() => decodeNetDef(bytes.subarray(0, length)))
})

test('random bytes are decoded or refused', () => {
  const kinds = ['NetDef', 'TensorProto', 'MetaNetDef', 'PlanDef', 'BlobProto'] as const
  fc.assert(
    fc.asyncProperty(fc.constantFrom(...kinds), fc.uint8Array({ maxLength: 200 }), (kind, bytes) =>
      onlyPf(() => decode(kind, bytes)),
    ),
    { numRuns: 1000 },
  )
})

test('a damaged net is decoded or refused', () => {
  const bytes = encodeNetDef(sample())
  const place = fc.nat({ max: bytes.length - 1 })
  return fc.assert(
    fc.asyncProperty(place, fc.nat({ max: 255 }), (at, value) => {
      const damaged = bytes.slice()
      damaged[at] = value
      return onlyPf(() => encodeNetDef(decodeNetDef(damaged)))
    }),
    { numRuns: 500 },
  )
})

const binaryNets = [
  ...['animals', 'crayon', 'mosaic', 'night_b'].flatMap((name) => [
    `caffe2-style-transfer/${name}/predict_net.pb`,
    `caffe2-style-transfer/${name}/init_net.pb`,
  ]),
  ...['caffe2-maskrcnn2go-int8/model.pb', 'caffe2-maskrcnn2go-int8/model_init.pb'],
  ...[
    'mask_rcnn_2go_model_fp32_model.pb.814492',
    'mask_rcnn_2go_model_int8_model.pb.4bf454',
    'aicamera_squeeze_predict_net.pb.3fcc91',
    'aicamera_squeeze_predict_net.pb.a06d95',
    'aicamera_squeeze_predict_net.pb.d35882',
    'aicamera_squeeze_predict_net.pb.f794c4',
    'aicamera_predict_net.pb.da9b98',
    'aicamera_shufflenet_predict.pb.2e5741',
    'bvlc_googlenet_predict_net.pb.da9b98',
    'squeezenet_predict_net.pb.a06d95',
  ].map((name) => `caffe2-netdefs/${name}`),
].map((path) => `data/models/${path}`)

const goldenNets = [
  ...['cifar10_quick', 'lenet', 'mtcnn_det1', 'mtcnn_det2', 'mtcnn_det3', 'squeezenet_1_0', 'ultraface_rfb_320'].map(
    (name) => `caffe_${name}/predict_net.pb`,
  ),
  ...['style_animals', 'style_crayon', 'style_mosaic', 'zoo_mask_rcnn_2go_fp32_a'].map(
    (name) => `${name}/predict_net.pb`,
  ),
  ...['train_lenet_sgd/init_net.pb', 'train_lenet_sgd/train_net.pb'],
].map((path) => `golden/models/${path}`)

for (const path of [...binaryNets, ...goldenNets]) {
  sharedTest(test, `${path} is byte for byte the same after a decode and an encode`, async () => {
    const bytes = await shared(path)
    const again = encodeNetDef(decodeNetDef(bytes))
    assert.is(again.length, bytes.length)
    assert.ok(again.every((byte, i) => byte === bytes[i]))
  })
}

sharedTest(test, 'a TensorProto from a file is the same after a decode and an encode', async () => {
  const bytes = await shared('data/models/caffe-misc/lena_NCHW_float.pb')
  const proto = decode('TensorProto', bytes)
  assert.equal(proto.dims, [1, 3, 512, 512])
  const again = encode('TensorProto', proto)
  assert.ok(again.length === bytes.length && again.every((byte, i) => byte === bytes[i]))
})

test.run()
