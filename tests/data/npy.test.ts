// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dtypes, tensor } from '../../src/core/tensor.ts'
import { readNpy, writeNpy } from '../../src/data/npy.ts'
import { shared, sharedTest } from '../kit/data.ts'
import { onlyPf, throwsPf } from '../kit/throws.ts'

/** A file with a header of our choice. */
function npy(header: string, body: ArrayLike<number>, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header)
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0]
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode('NUMPY'),
    version,
    0,
    ...length,
    ...text,
    ...Array.from(body),
  ])
}

for (const dtype of dtypes) {
  test(`${dtype} there and back, in both orders`, () => {
    const values = dtype === 'string' ? ['a', 'bé', '', '日本', 'x', '🙂'] : [0, 1, 2, 3, 4, 5]
    const source = tensor(values, [2, 3], dtype)
    assert.equal(readNpy(writeNpy(source)), source)
    assert.equal(readNpy(writeNpy(source, { fortran: true })), source)
  })
}

test('scalars, vectors and empty arrays', () => {
  for (const source of [tensor(7), tensor([1, 2, 3]), tensor([], [0, 4]), tensor(Float32Array.of(1), [1, 1, 1])]) {
    assert.equal(readNpy(writeNpy(source)), source)
  }
})

test('written as NumPy writes it', () => {
  const bytes = writeNpy(tensor([1, 2]))
  assert.is(bytes.length, 128 + 8)
  const text = new TextDecoder().decode(bytes.subarray(10, 128))
  assert.is(text.trimEnd(), "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }")
  assert.ok(text.endsWith(' \n'))
})

test('big-endian, Fortran and newer versions', () => {
  const header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2), }\n"
  const t = readNpy(npy(header, [0, 1, 0, 2, 0, 3, 1, 0], 2))
  assert.equal(t, { dtype: 'int16', shape: [2, 2], data: Int16Array.of(1, 3, 2, 256) })
})

test('what is wrong is said', async () => {
  const header = (descr: string, shape = '(2,)') => `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`
  await throwsPf(() => readNpy(new Uint8Array(20)), 'parse', 'NUMPY')
  await throwsPf(() => readNpy(npy(header('<f4'), [1, 2, 3])), 'parse', 'takes 8 bytes, it has 3')
  await throwsPf(() => readNpy(npy(header('<f4', '(99999999999,)'), [])), 'parse', 'takes 399999999996 bytes')
  await throwsPf(() => readNpy(npy(header('<c8'), [])), 'type', 'c8')
  await throwsPf(() => readNpy(npy('{}', [])), 'parse', 'not understood')
  await throwsPf(() => readNpy(npy('', [], 9)), 'parse', 'version 9')
})

test('damaged files are read or refused', () => {
  const bytes = writeNpy(tensor([1, 2, 3, 4], [2, 2]))
  return fc.assert(
    fc.asyncProperty(fc.nat({ max: bytes.length }), fc.nat({ max: 255 }), async (at, value) => {
      const damaged = bytes.slice()
      damaged[at] = value
      await onlyPf(() => readNpy(damaged))
      await onlyPf(() => readNpy(bytes.subarray(0, at)))
    }),
    { numRuns: 300 },
  )
})

sharedTest(test, 'a file that NumPy wrote', async () => {
  const t = readNpy(await shared('data/goldens/squeezenet-1.0-caffe/flower/in_data.npy'))
  assert.equal(t.shape, [1, 3, 227, 227])
  assert.is(t.dtype, 'float32')
})

test.run()
