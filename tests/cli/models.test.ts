// SPDX-License-Identifier: Apache-2.0
// The commands on real models and photos.
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeImage } from '../../src/data/image.ts'
import { sharedTest } from '../kit/data.ts'
import { settings } from '../kit/settings.ts'
import { cli, temporaryFolder } from './cli.ts'

const folder = temporaryFolder(test)
const data = (path: string) => `${settings.data}data/${path}`
const squeezenet = data('models/squeezenet-1.0-caffe')

interface Answer {
  results: { index: number; label: string; probability: number }[]
}

const photos: [name: string, index: number, probability: number][] = [
  ['flower', 985, 0.998],
  ['lemon', 951, 0.967],
  ['pretzel', 932, 0.999],
]

for (const [name, index, probability] of photos) {
  sharedTest(test, `SqueezeNet sees what is on ${name}.jpg`, async () => {
    const { status, out, error } = await cli('classify', data(`photos/${name}.jpg`), '--model', squeezenet, '--json')
    assert.is(status, 0, error)
    const [first] = (JSON.parse(out) as Answer).results
    assert.is(first.index, index)
    assert.ok(Math.abs(first.probability - probability) < 0.03, `probability ${first.probability}`)
    assert.match(first.label, name === 'flower' ? 'daisy' : name)
  })
}

sharedTest(test, 'a converted model classifies like the Caffe model', async () => {
  const net = folder('squeezenet')
  const files = ['SqueezeNet_deploy.prototxt', 'SqueezeNet_decompressed.caffemodel'].map(
    (file) => `${squeezenet}/${file}`,
  )
  const converted = await cli(
    'convert',
    'caffe',
    '--prototxt',
    files[0],
    '--caffemodel',
    files[1],
    '--out',
    net,
    '--text',
  )
  assert.is(converted.status, 0, converted.error)
  assert.match(readFileSync(`${net}/predict_net.pbtxt`, 'utf8'), 'type: "Conv"')
  const photo = data('photos/flower.jpg')
  const { out, error } = await cli('classify', photo, '--model', net, '--size', '227', '--json')
  assert.is((JSON.parse(out) as Answer).results[0].index, 985, error)
})

sharedTest(test, 'a style-transfer net turns a photo into a picture', async () => {
  const net = data('models/caffe2-style-transfer/crayon')
  const picture = folder('styled.png')
  const nets = ['--predict-net', `${net}/predict_net.pb`, '--init-net', `${net}/init_net.pb`]
  const files = ['--input', `data_int8_bgra=${data('photos/flower.jpg')}`, '--output', `styled_int8_bgra=${picture}`]
  const { status, error } = await cli('run', ...nets, ...files, '--size', '120,160', '--seed', '1')
  assert.is(status, 0, error)
  const { width, height, data: pixels } = await decodeImage(readFileSync(picture))
  assert.equal([width, height], [160, 120])
  assert.ok(new Set(pixels).size > 100, 'the picture has many shades')
})

test.run()
