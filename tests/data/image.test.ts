// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import {
  centerCrop,
  decodeImage,
  encodePng,
  type Image,
  imageTensor,
  resize,
  tensorImage,
} from '../../src/data/image.ts'
import { readNpy } from '../../src/data/npy.ts'
import { fixture, shared, sharedTest } from '../kit/data.ts'
import { onlyPf, throwsPf } from '../kit/throws.ts'

const picture = (width: number, height: number, channels: 1 | 3 | 4): Image => ({
  width,
  height,
  channels,
  data: Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 37) % 256),
})

const values = (data: ArrayLike<number>) => Array.from(data)

for (const channels of [1, 3, 4] as const) {
  test(`PNG of ${channels} channels there and back`, async () => {
    const image = picture(5, 3, channels)
    assert.equal(await decodeImage(await encodePng(image)), image)
  })
}

// Written with other software: 8x8 pixels, value of pixel (x, y) as said by the name.
const kinds: [file: string, channels: number, at: (x: number, y: number) => number[]][] = [
  ['gray-1bit', 1, (x, y) => [(x + y) % 2 ? 255 : 0]],
  ['gray-4bit', 1, (x, y) => [((x + y) % 16) * 17]],
  ['gray-16bit', 1, (x, y) => [x * 16 + y]],
  ['gray-alpha', 4, (x, y) => [x * 30, x * 30, x * 30, y * 30]],
  ['palette', 3, (x, y) => [(x % 4) * 60, (y % 4) * 60, 7]],
  ['palette-alpha', 4, (x, y) => [(x % 4) * 60, (y % 4) * 60, 7, x % 4 === 0 && y % 4 === 0 ? 0 : 255]],
  ['rgb-interlaced', 3, (x, y) => [x * 30, y * 30, (x + y) * 15]],
  ['rgba-16bit', 4, (x, y) => [x * 30, y * 30, 9, 200]],
]

for (const [file, channels, at] of kinds) {
  test(`PNG kind ${file}`, async () => {
    const image = await decodeImage(await fixture(`images/${file}.png`))
    assert.equal([image.width, image.height, image.channels], [8, 8, channels])
    const expected = Array.from({ length: 64 }, (_, i) => at(i % 8, i >> 3)).flat()
    assert.equal(values(image.data), expected)
  })
}

test('JPEG', async () => {
  const image = await decodeImage(await fixture('images/flat.jpg'))
  assert.equal([image.width, image.height, image.channels], [16, 8, 3])
  assert.ok(image.data.every((value) => Math.abs(value - 120) <= 2))
})

test('other files, cut ones and absurd sizes are refused', async () => {
  await throwsPf(() => decodeImage(new Uint8Array(30)), 'format', 'neither a JPEG nor a PNG')
  await throwsPf(() => decodeImage(new Uint8Array(0)), 'format')
  const png = await encodePng(picture(9, 9, 3))
  await throwsPf(() => decodeImage(png, { maxPixels: 80 }), 'unsupported', '9x9', 'maxPixels')
  await throwsPf(() => decodeImage(png.subarray(0, png.length - 20)), 'parse', 'PNG')
  const damaged = png.slice()
  damaged[50] ^= 1
  await throwsPf(() => decodeImage(damaged), 'parse', 'CRC')
  const huge = Uint8Array.from(await fixture('images/flat.jpg'))
  const frame = huge.findIndex((byte, i) => byte === 0xff && huge[i + 1] === 0xc0)
  huge.fill(0xff, frame + 5, frame + 9)
  await throwsPf(() => decodeImage(huge), 'unsupported', '65535x65535')
  await throwsPf(() => decodeImage(Uint8Array.of(0xff, 0xd8, 0xff)), 'parse', 'JPEG')
  await throwsPf(() => encodePng({ ...picture(2, 2, 3), width: 3 }), 'shape', '18 bytes')
})

test('damaged pictures are decoded or refused', async () => {
  const png = await encodePng(picture(7, 7, 4))
  const jpg = await fixture('images/noise.jpg')
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(png, jpg),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.nat({ max: 255 }),
      async (bytes, part, value) => {
        const at = Math.floor(part * bytes.length)
        const damaged = bytes.slice()
        damaged[at] = value
        await onlyPf(() => decodeImage(damaged, { maxPixels: 1e5 }))
        await onlyPf(() => decodeImage(bytes.subarray(0, at), { maxPixels: 1e5 }))
      },
    ),
    { numRuns: 150 },
  )
})

test('resize keeps centres at half', () => {
  const image: Image = { width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 100) }
  assert.equal(values(resize(image, 4, 1).data), [0, 25, 75, 100])
  assert.equal(values(resize(image, 1, 1).data), [50])
  assert.equal(values(resize(picture(5, 4, 3), 5, 4).data), values(picture(5, 4, 3).data))
})

test('resize to nothing', () => throwsPf(() => resize(picture(2, 2, 1), 0, 1), 'argument', 'resized to 0'))

test('the middle is cut out', async () => {
  const image = picture(4, 4, 1)
  const middle = centerCrop(image, 2, 2)
  assert.equal(
    values(middle.data),
    [5, 6, 9, 10].map((i) => image.data[i]),
  )
  await throwsPf(() => centerCrop(image, 5, 1), 'argument', '5x1', '4x4')
})

test('a picture as a tensor', async () => {
  const image: Image = { width: 2, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) }
  assert.equal(await imageTensor(image), {
    dtype: 'float32',
    shape: [1, 3, 1, 2],
    data: Float32Array.of(3, 6, 2, 5, 1, 4),
  })
  const rgb = await imageTensor(image, { order: 'NHWC', channels: 'RGB', mean: [1, 2, 3], scale: 2 })
  assert.equal(rgb, { dtype: 'float32', shape: [1, 1, 2, 3], data: Float32Array.of(0, 0, 0, 6, 6, 6) })
  const bgra = await imageTensor(image, { order: 'NHWC', channels: 'BGRA', dtype: 'uint8' })
  assert.equal(bgra, { dtype: 'uint8', shape: [1, 1, 2, 4], data: Uint8Array.of(3, 2, 1, 255, 6, 5, 4, 255) })
  assert.equal((await imageTensor(image, { size: [3, 5], fit: 'crop', channels: 'gray' })).shape, [1, 1, 3, 5])
  const mean = tensor([1, 2, 3, 4, 5, 6], [3, 1, 2])
  assert.equal((await imageTensor(image, { mean })).data, Float32Array.of(2, 4, -1, 1, -4, -2))
  await throwsPf(() => imageTensor(image, { mean: [1, 2] }), 'argument', 'mean has 2 values for 3 channels')
  await throwsPf(() => imageTensor(image, { mean: tensor([1, 2, 3], [3, 1, 1]) }), 'shape', 'mean image')
})

test('a tensor as a picture', async () => {
  const image = picture(3, 2, 3)
  assert.equal(tensorImage(await imageTensor(image)), image)
  const rgba = picture(3, 2, 4)
  const options = { order: 'NHWC', channels: 'BGRA' } as const
  assert.equal(tensorImage(await imageTensor(rgba, options), options), rgba)
  assert.equal(values(tensorImage(tensor([-5, 300], [1, 1, 2])).data), [0, 255])
  await throwsPf(() => tensorImage(tensor([1, 2], [2, 1, 1])), 'shape', 'no NCHW picture')
})

for (const name of ['flower', 'lemon', 'cat']) {
  sharedTest(test, `${name}.jpg is the recorded input of SqueezeNet`, async () => {
    const golden = readNpy(await shared(`data/goldens/squeezenet-1.0-caffe/${name}/in_data.npy`))
    const options = { size: 227, mean: [104, 117, 123] }
    const { shape, data } = await imageTensor(await shared(`data/photos/${name}.jpg`), options)
    assert.equal(shape, golden.shape)
    const far = (golden.data as Float32Array).findIndex((value, i) => Math.abs(value - Number(data[i])) > 1e-3)
    assert.is(far, -1)
  })
}

test.run()
