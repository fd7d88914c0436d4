// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dtypes, tensor } from '../../src/core/tensor.ts'
import { decode, encode, encodeTensorProto } from '../../src/net/net-def.ts'
import { decodeTensors, tensorFromProto, tensorToProto } from '../../src/net/tensor-proto.ts'
import { shared, sharedTest } from '../kit/data.ts'
import { throwsPf } from '../kit/throws.ts'

for (const dtype of dtypes) {
  test(`${dtype} there and back`, () => {
    const source = dtype === 'string' ? tensor(['a', 'é', '']) : tensor([1, 0, 1], [3, 1], dtype)
    const proto = decode('TensorProto', encodeTensorProto(tensorToProto(source, 'name')))
    assert.is(proto.name, 'name')
    assert.equal(tensorFromProto(proto), source)
  })
}

test('signed values and large integers', () => {
  const bytes = (values: number[] | bigint[], dtype: 'int8' | 'int64') =>
    encodeTensorProto(tensorToProto(tensor(values, [2], dtype)))
  assert.equal(decodeTensors(bytes([-1, -128], 'int8'))[0].tensor.data, Int8Array.of(-1, -128))
  assert.equal(decodeTensors(bytes([-1n, 2n ** 62n], 'int64'))[0].tensor.data, BigInt64Array.of(-1n, 2n ** 62n))
})

test('raw_data and byte_data', () => {
  const raw = new Uint8Array(Float32Array.of(1, 2).buffer)
  assert.equal(tensorFromProto({ dims: [2], dataType: 1, rawData: raw }).data, Float32Array.of(1, 2))
  assert.equal(tensorFromProto({ dims: [2], dataType: 6, byteData: Uint8Array.of(3, 255) }).data, Uint8Array.of(3, 255))
  assert.equal(
    tensorFromProto({ dims: [1], dataType: 12, byteData: Uint8Array.of(0, 0x3c) }).data,
    Uint16Array.of(0x3c00),
  )
})

test('the kinds of files are told apart', () => {
  const proto = tensorToProto(tensor([1, 2]), 'a')
  const names = (bytes: Uint8Array) => decodeTensors(bytes).map(({ name, tensor: t }) => `${name}:${t.shape}`)
  assert.equal(names(encode('TensorProto', proto)), ['a:2'])
  assert.equal(names(encode('TensorProtos', { protos: [proto, proto] })), ['a:2', 'a:2'])
  assert.equal(names(encode('BlobProto', { name: 'b', type: 'Tensor', tensor: proto })), ['b:2'])
})

test('what is wrong is said', async () => {
  await throwsPf(() => tensorFromProto({ dims: [3], floatData: [1] }), 'parse', 'has 1 values', '[3] takes 3')
  await throwsPf(
    () => tensorFromProto({ dims: [3], segment: { begin: 1, end: 3 } }),
    'unsupported',
    'elements 1 to 3 of 3',
  )
  await throwsPf(() => tensorFromProto({ dims: [-1] }), 'shape')
})

sharedTest(test, 'a picture that Caffe2 wrote', async () => {
  const [{ tensor: picture }] = decodeTensors(await shared('data/models/caffe-misc/lena_NCHW_float.pb'))
  assert.equal(picture.shape, [1, 3, 512, 512])
  assert.is(picture.data[0], 226)
})

test.run()
