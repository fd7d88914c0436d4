// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  decodeHeader,
  decodeNames,
  decodeStrings,
  encodeHeader,
  encodeStrings,
  encodeU64,
  MessageWriter,
} from '../../src/core/codec.ts'
import { dtypes } from '../../src/core/tensor.ts'
import { decodeBlobProto } from '../../src/net/net-def.ts'

test('a header comes back as it was', () => {
  for (const dtype of dtypes) {
    for (const shape of [[], [0], [3], [2, 3, 5], [1, 2 ** 40]]) {
      assert.equal(decodeHeader(encodeHeader(dtype, shape, 'gr\u00fcn')), { dtype, shape, text: 'gr\u00fcn' })
    }
  }
})

test('a header of no tensor has the type of its object as text', () => {
  const bytes = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0x6d, 0x75])
  assert.equal(decodeHeader(bytes), { dtype: undefined, shape: [], text: 'mu' })
})

test('a header that is cut short is refused', () => {
  const bytes = encodeHeader('float32', [2, 3], '')
  assert.throws(() => decodeHeader(bytes.subarray(0, 20)), /rank 2/)
})

test('names are separated by zero bytes', () => {
  assert.equal(decodeNames(new TextEncoder().encode('a\0b c\0')), ['a', 'b c'])
  assert.equal(decodeNames(new Uint8Array(0)), [])
})

test('a seed is a little-endian u64', () => {
  assert.equal([...encodeU64(0x0102n)], [2, 1, 0, 0, 0, 0, 0, 0])
  assert.equal([...encodeU64(-1n)], Array(8).fill(255))
})

test('strings come back from a BlobProto, empty ones and none at all', () => {
  for (const [shape, strings] of [
    [[3], ['a', '', '\u00e9\u{1f600}']],
    [
      [2, 2],
      ['a', 'b', 'c', 'd'],
    ],
    [[0], []],
    [[], ['one']],
  ] as const) {
    assert.equal(decodeStrings(encodeStrings('x', shape, strings)), { shape: [...shape], data: [...strings] })
  }
})

test('a protobuf library reads the same BlobProto', () => {
  const blob = decodeBlobProto(encodeStrings('words', [2], ['ab', 'c']))
  assert.is(blob.name, 'words')
  assert.is(blob.type, 'Tensor')
  const strings = blob.tensor?.stringData?.map((bytes) => new TextDecoder().decode(bytes))
  assert.equal(strings, ['ab', 'c'])
})

test('packed dimensions are read too', () => {
  const tensor = new MessageWriter().bytes(1, Uint8Array.of(3, 0x80, 1)).varint(2, 4)
  const blob = new MessageWriter().bytes(3, tensor.finish()).finish()
  assert.equal(decodeStrings(blob).shape, [3, 128])
})

test('a truncated message is refused', () => {
  const blob = encodeStrings('x', [2], ['abc', 'def'])
  assert.throws(() => decodeStrings(blob.subarray(0, blob.length - 2)), /truncated/)
})

test.run()
