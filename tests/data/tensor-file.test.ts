// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { decodeTensorFile, encodeTensorFile, loadTensor } from '../../src/data/tensor-file.ts'
import { settings } from '../kit/settings.ts'
import { throwsPf } from '../kit/throws.ts'

test('the extension chooses the format', async () => {
  const source = tensor([0, 50, 100, 150, 200, 250], [1, 3, 1, 2])
  for (const name of ['a.npy', 'a.pb', 'https://host/dir.x/a.PNG?query=1']) {
    assert.equal(await decodeTensorFile(name, await encodeTensorFile(name, source)), source)
  }
})

test('unknown extensions and other contents', async () => {
  await throwsPf(() => decodeTensorFile('a.txt', new Uint8Array(4)), 'format', 'a.txt', '.npy')
  await throwsPf(() => encodeTensorFile('a.jpg', tensor([1])), 'format', '.png')
  await throwsPf(() => decodeTensorFile('a.npy', new Uint8Array(4)), 'parse')
})

test('a file', async () => {
  const t = await loadTensor(`${settings.fixtures}images/gray-4bit.png`, { channels: 'gray', size: 4 })
  assert.equal(t.shape, [1, 1, 4, 4])
})

test('errors name the file', () =>
  throwsPf(() => loadTensor(`${settings.fixtures}caffe/tiny.prototxt`), 'format', 'tiny.prototxt'))

test.run()
