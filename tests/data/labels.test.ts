// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultLabels, parseLabels, readLabels, topScores } from '../../src/data/labels.ts'
import { sharedTest, sharedText } from '../kit/data.ts'
import { settings } from '../kit/settings.ts'
import { throwsPf } from '../kit/throws.ts'

test('labels files', async () => {
  assert.equal(parseLabels('n01440764 tench, Tinca tinca\nn01443537 goldfish\n\n'), ['tench, Tinca tinca', 'goldfish'])
  assert.equal(parseLabels('cat\r\ndog\r\n'), ['cat', 'dog'])
  assert.equal(parseLabels(' ["a", "b"]'), ['a', 'b'])
  await throwsPf(() => parseLabels('[1,'), 'parse', 'JSON')
})

test('the file beside a model', async () => {
  assert.equal(await readLabels(`${settings.fixtures}labels`), ['zero', 'one', 'two'])
})

test("ImageNet's names", async () => {
  const labels = (await defaultLabels(1000)) ?? []
  assert.is(labels.length, 1000)
  assert.is(new Set(labels).size, 1000)
  assert.equal(
    [0, 281, 985, 999].map((i) => labels[i]),
    ['tench', 'tabby', 'daisy', 'toilet tissue'],
  )
  assert.is(await defaultLabels(10), undefined)
})

test('the best scores', () => {
  assert.equal(topScores([0.1, Number.NaN, 0.5, 0.5], 3, ['a', 'b', 'c']), [
    { index: 2, score: 0.5, label: 'c' },
    { index: 3, score: 0.5 },
    { index: 0, score: 0.1, label: 'a' },
  ])
})

sharedTest(test, 'our names are those of the usual list', async () => {
  const list = parseLabels(await sharedText('data/models/squeezenet-1.0-caffe/synset_words.txt'))
  const labels = (await defaultLabels(1000)) ?? []
  for (const [i, label] of labels.entries())
    assert.ok(list[i].includes(label.replace(/ \(.*/, '')), `${i}: ${label}, ${list[i]}`)
})

test.run()
