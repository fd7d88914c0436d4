// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { randomShift } from '../../src/data/augment.ts'
import { Dataset } from '../../src/data/dataset.ts'
import { loadMnist } from '../../src/data/mnist.ts'
import { randomIntegers } from '../../src/util/random.ts'

const numbers = (count: number) =>
  new Dataset({
    x: tensor(
      Float32Array.from({ length: count * 2 }, (_, i) => i),
      [count, 2],
    ),
    name: tensor(Array.from({ length: count }, (_, i) => `row ${i}`)),
  })

test('rows of all columns', () => {
  const { x, name } = numbers(5).rows([4, 0])
  assert.equal(x, tensor([8, 9, 0, 1], [2, 2]))
  assert.equal(name.data, ['row 4', 'row 0'])
})

test('batches go round', () => {
  const data = numbers(5)
  assert.equal(data.batch(4, 3).name.data, ['row 4', 'row 0', 'row 1'])
  assert.equal(
    [...data.batches(2)].map(({ x }) => x.shape[0]),
    [2, 2, 1],
  )
})

test('a split has every row once', () => {
  const [first, rest] = numbers(5).split(2)
  assert.equal(first.columns.name.data, ['row 0', 'row 1'])
  assert.is(rest.size, 3)
})

test('shuffling keeps rows together, and is the same for the same seed', () => {
  const once = numbers(20).shuffle(3)
  assert.equal(once.columns, numbers(20).shuffle(3).columns)
  assert.not.equal(once.columns.name.data, numbers(20).shuffle(4).columns.name.data)
  once.columns.name.data.forEach((name, i) => {
    assert.is(name, `row ${Number(once.columns.x.data[i * 2]) / 2}`)
  })
  assert.is(new Set(once.columns.name.data as string[]).size, 20)
})

test('columns of different lengths are refused', () => {
  const columns = { a: tensor([1, 2]), b: tensor([1, 2, 3]) }
  assert.throws(() => new Dataset(columns), /column "b" has 3 rows, column "a" has 2/)
  assert.throws(() => new Dataset({}), /at least one column/)
})

test('digits are dealt into those to train and those to test with', async () => {
  const digits = Array.from({ length: 10 }, (_, digit) => ({ raw: new Array(784 * 3).fill(digit / 10) }))
  const { train, test: held } = await loadMnist({ test: 10, digits })
  assert.is(train.size, 20)
  assert.is(held.size, 10)
  assert.equal(held.columns.data.shape, [10, 1, 28, 28])
  for (let i = 0; i < train.size; i++) {
    assert.is(train.columns.data.data[i * 784], Math.fround(Number(train.columns.label.data[i]) / 10))
  }
})

test('shifted pictures keep what stays inside', () => {
  const picture = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3])
  const draws = [2, 0] // one to the right, one up
  const moved = randomShift(picture, 1, () => draws.shift() as number)
  assert.equal(Array.from(moved.data as Float32Array), [0, 4, 5, 0, 7, 8, 0, 0, 0])
  assert.equal(randomShift(picture, 0, randomIntegers(1)), picture)
  assert.throws(() => randomShift(tensor([1]), 1, randomIntegers(1)), /takes float32 \[N, C, H, W\]/)
})

test.run()
