// SPDX-License-Identifier: Apache-2.0
// ImageInput: what training sees of a database of pictures.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import jpeg from 'jpeg-js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { DatabaseWriter, imageRecord, makeImageDatabase } from '../../src/data/database.ts'
import { centerCrop, decodeImage, encodePng, type Image, imageTensor, resize } from '../../src/data/image.ts'
import { openDatabase } from '../../src/data/image-input.ts'
import { type ArgumentValue, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { PfError } from '../../src/util/error.ts'
import { testBackend } from '../kit/backend.ts'
import { settings, skip } from '../kit/settings.ts'
import { throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)
type Args = Record<string, ArgumentValue>

async function withFolder(work: (ws: Workspace, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pf-images-'))
  try {
    await using ws = await Workspace.open(await backend(), { seed: 1 })
    await work(ws, folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A smooth picture, each with colours of its own. */
const picture = (width: number, height: number, seed = 0): Image => ({
  width,
  height,
  channels: 3,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
    return 128 + 90 * Math.sin((x * (1 + (i % 3)) + 2 * y) / 25 + seed)
  }),
})

function encodeJpeg({ width, height, data }: Image, quality = 95): Uint8Array {
  const rgba = new Uint8Array(width * height * 4).fill(255)
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i)
  return new Uint8Array(jpeg.encode({ width, height, data: rgba }, quality).data)
}

async function database(path: string, records: readonly Uint8Array[]): Promise<void> {
  const writer = await DatabaseWriter.open(path)
  for (const [i, record] of records.entries()) await writer.put(String(i).padStart(8, '0'), record)
  await writer.close()
}

/** A net with an ImageInput; runs of it give batches. */
async function input(ws: Workspace, path: string, args: Args, first = 0): Promise<() => Promise<Batch>> {
  await openDatabase(ws, 'db', { path, type: 'lmdb' })
  const op = operatorDef('ImageInput', ['db', 'first'], ['data', 'label', 'counts'], args)
  await ws.feedBlob('first', tensor([BigInt(first)], [1], 'int64'))
  const net = { name: 'input', op: [op], arg: [], externalInput: ['db', 'first'], externalOutput: [] }
  await ws.createNet(net, { overwrite: true })
  return async () => {
    await ws.runNet('input')
    const [data, label, counts] = await ws.fetchBlobs(['data', 'label', 'counts'])
    const [pictures, skipped] = Array.from(counts.data as BigInt64Array, Number)
    return {
      shape: data.shape,
      data: data.data as Float32Array,
      label: Array.from(label.data, Number),
      pictures,
      skipped,
    }
  }
}

interface Batch {
  shape: readonly number[]
  data: Float32Array
  label: number[]
  pictures: number
  skipped: number
}

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), a.length === b.length ? 0 : Infinity)

// JPEG needs a library of the system's.
async function hasJpeg(): Promise<boolean> {
  if (settings.backend === 'wasm') return false
  try {
    await withFolder(async (ws, folder) => {
      await database(join(folder, 'probe'), [imageRecord(encodeJpeg(picture(8, 8)), 0)])
      await (await input(ws, join(folder, 'probe'), { batch_size: 1, scale: 8, crop: 8 }))()
    })
    return true
  } catch (error) {
    if (error instanceof PfError && error.code === 'no_operator') return false
    throw error
  }
}

if (settings.backend === 'wasm') {
  test('a core without files says what to do instead', async () => {
    await using ws = await Workspace.open(await backend())
    const op = operatorDef('ImageInput', [], ['x', 'y'], {
      db: 'db',
      db_type: 'lmdb',
      batch_size: 1,
      scale: 8,
      crop: 8,
    })
    await throwsPf(() => ws.runOperatorOnce(op), 'no_operator', /WebAssembly core opens no files/)
  })
} else {
  test('pixels come as they are, in both orders, normalised', () =>
    withFolder(async (ws, folder) => {
      const images = [0, 1, 2].map((i) => picture(9, 9, i))
      await database(
        join(folder, 'db'),
        images.map((image, i) => imageRecord(image, i * 5)),
      )
      const args = { batch_size: 2, scale: 9, crop: 9, is_test: 1, mean: 100, std: 50 }
      const planes = await input(ws, join(folder, 'db'), { ...args, use_gpu_transform: 1 })
      const want = await Promise.all(images.map((image) => imageTensor(image, { mean: 100, scale: 1 / 50 })))
      const first = await planes()
      assert.equal(first.shape, [2, 3, 9, 9])
      assert.equal(first.label, [0, 5])
      assert.ok(worst(first.data.subarray(0, 243), want[0].data as Float32Array) < 1e-5)
      assert.ok(worst(first.data.subarray(243), want[1].data as Float32Array) < 1e-5)
      assert.equal((await planes()).label, [10, 0])
      const rows = await (await input(ws, join(folder, 'db'), args))()
      assert.equal(rows.shape, [2, 9, 9, 3])
      const nhwc = await imageTensor(images[0], { mean: 100, scale: 1 / 50, order: 'NHWC' })
      assert.ok(worst(rows.data.subarray(0, 243), nhwc.data as Float32Array) < 1e-5)
    }))

  test('scale, minsize, warp, box and grey', () =>
    withFolder(async (ws, folder) => {
      const image = picture(64, 32)
      await database(join(folder, 'db'), [imageRecord(image, 0)])
      const see = async (args: Args) => {
        const next = await input(ws, join(folder, 'db'), { batch_size: 1, is_test: 1, ...args })
        return (await next()).data
      }
      const pixels = async (from: Parameters<typeof imageTensor>[0], channels?: 'gray') =>
        (await imageTensor(from, { order: 'NHWC', ...(channels && { channels }) })).data as Float32Array
      // The mean of 2 x 2 pixels, and the middle of what comes of it.
      const half = centerCrop(resize(image, 32, 16), 16, 16)
      const want = await pixels({ ...half, channels: 3, data: Uint8Array.from(half.data, Math.round) })
      assert.ok(worst(await see({ scale: 16, crop: 16 }), want) <= 1)
      // Large enough already: only cut.
      assert.ok(worst(await see({ minsize: 16, crop: 16 }), await pixels(centerCrop(image, 16, 16))) < 1e-5)
      const box = { bounding_ymin: 4, bounding_xmin: 10, bounding_height: 20, bounding_width: 20 }
      const cut = { ...picture(20, 20), data: new Uint8Array(1200) }
      for (let y = 0; y < 20; y++) {
        cut.data.set(image.data.subarray(((y + 4) * 64 + 10) * 3, ((y + 4) * 64 + 30) * 3), y * 60)
      }
      assert.ok(worst(await see({ scale: 20, crop: 20, ...box }), await pixels(cut)) < 1e-5)
      const gray = await see({ minsize: 32, crop: 32, color: 0 })
      assert.ok(worst(gray, await pixels(centerCrop(image, 32, 32), 'gray')) <= 1)
      assert.is((await see({ scale: 48, warp: 1, crop: 48 })).length, 48 * 48 * 3)
    }))

  test('chance depends on the seed and the picture, not on threads, and a training goes on where it was', () =>
    withFolder(async (_, folder) => {
      const db = join(folder, 'db')
      await database(
        db,
        Array.from({ length: 7 }, (_, i) => imageRecord(picture(40 + i, 50, i), i)),
      )
      const take = async (count: number, more: Args, first = 0) => {
        await using ws = await Workspace.open(await backend(), { seed: 3 })
        const args = { batch_size: 4, scale: 32, crop: 24, mirror: 1, scale_jitter_type: 1, ...more }
        const next = await input(ws, db, args, first)
        const batches: Batch[] = []
        for (let i = 0; i < count; i++) batches.push(await next())
        return batches
      }
      const one = await take(5, { decode_threads: 1 })
      const many = await take(5, { decode_threads: 5 })
      const later = await take(2, {}, 3)
      assert.equal(many, one)
      for (const i of [0, 1]) {
        assert.equal(later[i].label, one[3 + i].label)
        assert.equal(later[i].data, one[3 + i].data)
      }
      assert.ok(worst(one[0].data, one[1].data) > 10, 'two batches are alike')
    }))

  test('colours change at random while training: brighter and darker, and by components', () =>
    withFolder(async (ws, folder) => {
      const grey: Image = { width: 8, height: 8, channels: 3, data: new Uint8Array(192).fill(100) }
      await database(join(folder, 'db'), [imageRecord(grey, 0)])
      const see = async (args: Args) => {
        const next = await input(ws, join(folder, 'db'), { batch_size: 50, scale: 8, crop: 8, ...args })
        const { data } = await next()
        // A picture of one colour stays one.
        return Array.from({ length: 50 }, (_, i) => {
          const one = data.subarray(i * 192, (i + 1) * 192)
          assert.ok(one.every((x, k) => Math.abs(x - one[k % 3]) <= 1))
          return [one[0], one[1], one[2]]
        })
      }
      const jittered = await see({ color_jitter: 1 })
      const levels = jittered.map(([blue]) => blue)
      assert.ok(Math.min(...levels) > 58 && Math.max(...levels) < 142, levels.join(' '))
      assert.ok(Math.min(...levels) < 80 && Math.max(...levels) > 120, levels.join(' '))
      assert.ok(jittered.every(([blue, green, red]) => Math.abs(blue - green) <= 1 && Math.abs(green - red) <= 1))
      const lit = await see({ color_lighting: 1 })
      assert.ok(
        lit.some(([blue, , red]) => Math.abs(blue - red) >= 2),
        lit.join(' '),
      )
      assert.equal(new Set((await see({ color_jitter: 1, color_lighting: 1, is_test: 1 })).flat()), new Set([100]))
    }))

  test("Caffe's Datum", () =>
    withFolder(async (ws, folder) => {
      const image = picture(6, 6, 1)
      const planar = (await imageTensor(image, { dtype: 'uint8' })).data as Uint8Array
      // Fields 1 to 3: channels, height, width; 4: data; 5: label.
      const datum = Buffer.concat([Uint8Array.of(8, 3, 16, 6, 24, 6, 34, planar.length), planar, Uint8Array.of(40, 9)])
      await database(join(folder, 'db'), [datum])
      const args = { batch_size: 1, minsize: 6, crop: 6, is_test: 1, use_gpu_transform: 1 }
      const batch = await (await input(ws, join(folder, 'db'), { ...args, use_caffe_datum: 1 }))()
      assert.equal(batch.label, [9])
      assert.equal(batch.data, Float32Array.from(planar))
      const wrong = await input(ws, join(folder, 'db'), args)
      await throwsPf(wrong, 'parse', /not one picture .*00000000.*TensorProtos/)
    }))

  test('arguments that do not fit are told', () =>
    withFolder(async (ws, folder) => {
      await database(join(folder, 'db'), [imageRecord(picture(8, 8), 0)])
      for (const [args, words] of [
        [{ batch_size: 1, crop: 8 }, /one of scale and minsize/],
        [{ batch_size: 1, crop: 8, scale: 4 }, /scale must not be less than crop: 4 is less than 8/],
        [{ batch_size: 0, crop: 8, scale: 8 }, /batch_size must be 1 or more/],
        [{ batch_size: 1, crop: 8, scale: 8, color: 0, color_jitter: 1 }, /these pictures are grey/],
        [{ batch_size: 1, crop: 8, scale: 8, label_type: 2 }, /label_type is 2; only 0/],
        [{ batch_size: 1, crop: 8, scale: 8, mean_per_channel: [1, 2] }, /2 values, expected 1 or 3/],
      ] as const) {
        await throwsPf(await input(ws, join(folder, 'db'), { ...args }), 'argument', words)
      }
    }))

  if (!(await hasJpeg())) skip('no libturbojpeg (Debian and Ubuntu: libturbojpeg0)', 2)
  else {
    test('JPEG, and a folder of pictures becomes a database', () =>
      withFolder(async (ws, folder) => {
        for (const name of ['cats', 'dogs']) await mkdir(join(folder, 'all', name), { recursive: true })
        const [cat, dog] = [encodeJpeg(picture(300, 200, 1)), picture(100, 120, 2)]
        await writeFile(join(folder, 'all', 'cats', 'a.jpg'), cat)
        await writeFile(join(folder, 'all', 'dogs', 'b.png'), await encodePng(dog))
        await writeFile(join(folder, 'all', 'dogs', 'notes.txt'), 'woof')
        const options = { folder: join(folder, 'all'), output: join(folder, 'db'), shuffle: false as const }
        const made = await makeImageDatabase(options)
        assert.equal([made.images, made.labels, made.skipped.length], [2, ['cats', 'dogs'], 1])
        const args = { batch_size: 2, scale: 100, crop: 100, is_test: 1 }
        const batch = await (await input(ws, options.output, args))()
        assert.equal(batch.label, [0, 1])
        // Shrunk to a half in the decoder: near to the mean of the pixels of another decoder.
        const half = centerCrop(resize(await decodeImage(cat), 150, 100), 100, 100)
        const want = await imageTensor({ ...half, data: Uint8Array.from(half.data), channels: 3 }, { order: 'NHWC' })
        assert.ok(worst(batch.data.subarray(0, 30000), want.data as Float32Array) < 12)
        const none = () => makeImageDatabase({ folder: join(folder, 'all', 'cats'), output: join(folder, 'x') })
        await throwsPf(none, 'file', /has no folders in it; expected one for each class/)
      }))

    test('broken pictures are replaced and counted, or an error where that is wanted', () =>
      withFolder(async (ws, folder) => {
        const whole = encodeJpeg(picture(64, 64, 1))
        const records = [whole, whole.subarray(0, whole.length >> 1), whole, new Uint8Array([0xff, 0xd8, 0, 1])]
        await database(
          join(folder, 'db'),
          records.map((bytes, i) => imageRecord(bytes, i)),
        )
        const args = { batch_size: 4, scale: 32, crop: 32, is_test: 1 }
        const next = await input(ws, join(folder, 'db'), args)
        const batch = await next()
        assert.equal(batch.label, [0, 0, 2, 2])
        assert.equal([batch.pictures, batch.skipped], [4, 2])
        assert.is((await next()).skipped, 4)
        const strict = await input(ws, join(folder, 'db'), { ...args, skip_broken: 0 })
        await throwsPf(strict, 'parse', /record "0000000[13]".*malformed JPEG/)
      }))
  }
}

test.run()
