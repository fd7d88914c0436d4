// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  byteSize,
  bytesView,
  dataTypeOf,
  dtypeOf,
  dtypes,
  elementCount,
  type TensorLike,
  tensor,
  tensorFromBytes,
  zeros,
} from '../../src/core/tensor.ts'
import { fromHalf, toHalf } from '../../src/util/half.ts'
import { throwsPf } from '../kit/throws.ts'

test('shape and dtype follow from the data', () => {
  assert.equal(tensor([[1, 2, 3]]), { dtype: 'float32', shape: [1, 3], data: Float32Array.of(1, 2, 3) })
  assert.equal(tensor(5), { dtype: 'float32', shape: [], data: Float32Array.of(5) })
  assert.equal(tensor([]), { dtype: 'float32', shape: [0], data: new Float32Array(0) })
  assert.equal(tensor([[], []]).shape, [2, 0])
  assert.equal(tensor([1n, -2n]), { dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, -2n) })
  assert.equal(tensor([true, false]), { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) })
  assert.equal(tensor(['a', 'b']), { dtype: 'string', shape: [2], data: ['a', 'b'] })
  assert.equal(tensor([Float32Array.of(1, 2), Float32Array.of(3, 4)]).shape, [2, 2])
})

test('a typed array is kept, or converted when another dtype is asked for', () => {
  const data = Int32Array.of(1, 2, 3, 4)
  const t = tensor(data, [2, 2])
  assert.is(t.data, data)
  assert.is(t.dtype, 'int32')
  assert.equal(tensor(data, [4], 'float32').data, Float32Array.of(1, 2, 3, 4))
  assert.equal(tensor(data, [4], 'int64').data, BigInt64Array.of(1n, 2n, 3n, 4n))
  assert.is(tensor(new Uint16Array(2), [2], 'float16').dtype, 'float16')
  assert.is(tensor(new Uint8ClampedArray(2)).dtype, 'uint8')
})

test('numbers given as float16 are rounded to halves', () => {
  assert.equal(tensor([1, 0.1], [2], 'float16').data, Uint16Array.of(0x3c00, 0x2e66))
})

test('every half survives, and rounding is to even', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = fromHalf(bits)
    if (Number.isNaN(value)) assert.ok(Number.isNaN(fromHalf(toHalf(value))))
    else assert.is(toHalf(value), bits)
  }
  assert.is(toHalf(1 + 2 ** -11), 0x3c00)
  assert.is(toHalf(1 + 3 * 2 ** -11), 0x3c02)
  assert.is(toHalf(65519.99), 0x7bff)
  assert.is(toHalf(65520), 0x7c00)
  assert.is(toHalf(2 ** -25), 0)
  assert.is(toHalf(-(2 ** -24)), 0x8001)
})

test('bytes there and back, for every dtype', () => {
  for (const dtype of dtypes.filter((name) => name !== 'string')) {
    const t = tensor([1, 0, 1], [3], dtype)
    assert.equal(tensorFromBytes(bytesView(t), [3], dtype), t)
    assert.is(dtypeOf(dataTypeOf(dtype)), dtype)
    assert.is(byteSize([3], dtype), zeros([3], dtype).data.length * (byteSize([1], dtype) as number))
  }
  assert.is(dtypeOf(3), 'uint8')
})

test('what does not fit is said', async () => {
  const cases: [() => unknown, 'shape' | 'type' | 'value' | 'no_memory', string][] = [
    [() => tensor([[1], [2, 3]]), 'shape', 'ragged array: element [1]'],
    [() => tensor([[1, 2], 3] as TensorLike), 'shape', 'ragged'],
    [() => tensor([1, 2], [3]), 'shape', 'shape [3] takes 3 elements, found 2'],
    [() => tensor([Number.NaN], [1], 'int64'), 'value', 'int64 cannot hold NaN'],
    [() => tensor(['a'], [1], 'float32'), 'type', 'expected a number'],
    [() => tensor(new BigUint64Array(1) as never), 'type', 'BigUint64Array'],
    [() => elementCount([-1]), 'shape', 'non-negative'],
    [() => elementCount([0.5]), 'shape', 'integer'],
    [() => elementCount([2 ** 30, 2 ** 30]), 'shape', 'too many'],
    [() => zeros([2 ** 50]), 'no_memory', 'cannot be allocated'],
    [() => dtypeOf(11), 'type', '11'],
    [() => bytesView(tensor(['a'])), 'type', 'strings'],
    [() => tensorFromBytes(new Uint8Array(3), [1], 'float32'), 'shape', 'takes 4 bytes, found 3'],
  ]
  for (const [action, code, words] of cases) await throwsPf(action, code, words)
})

test.run()
