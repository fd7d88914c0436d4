// SPDX-License-Identifier: Apache-2.0
// The examples, each in a process of its own as a user would run it, against the built package.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { settings, skip } from '../kit/settings.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'portafilter-examples-'))
test.after(() => rmSync(folder, { recursive: true }))

/** What an example prints; its small settings come as arguments and environment. */
async function example(name: string, args: readonly string[] = [], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run(process.execPath, ['build/example.mjs', name, ...args], {
    env: { ...process.env, PORTAFILTER_BACKEND: settings.backend, ...env },
    timeout: 100_000,
  })
  return stdout
}

if (settings.data === undefined || !existsSync(`${settings.data}data/models/squeezenet-1.0-caffe`)) {
  skip('no shared test data')
} else {
  test('01: a Caffe model names the picture', async () => {
    const model = `${settings.data}data/models/squeezenet-1.0-caffe/`
    const files = [
      `${settings.data}data/photos/flower.jpg`,
      `${model}SqueezeNet_deploy.prototxt`,
      `${model}SqueezeNet_decompressed.caffemodel`,
    ]
    assert.match(await example('01-classify', files), /\n +\d+\.\d+ {2}985 {2}daisy/)
  })
}

const detector = `${settings.data}data/models/caffe2-maskrcnn2go-int8/`
if (settings.data === undefined || !existsSync(detector)) skip('no shared test data')
else {
  test('05: an 8-bit Mask R-CNN2Go finds the dog and the bicycle', async () => {
    const png = join(folder, 'boxes.png')
    const nets = [`${detector}model.pb`, `${detector}model_init.pb`]
    const printed = await example('05-detect', [`${settings.data}data/photos/dog.jpg`, ...nets, png])
    const boxes = new Map(
      printed.split('\n').map((line) => [line.slice(7, 21).trim(), line.slice(22).split(' ').map(Number)]),
    )
    // Where they are on the picture, give or take some pixels.
    for (const [kind, where] of [
      ['dog', [130, 223, 318, 526]],
      ['bicycle', [148, 101, 554, 408]],
    ] as const) {
      const box = boxes.get(kind) ?? []
      assert.ok(
        where.every((x, i) => Math.abs(x - box[i]) < 20),
        `${kind}: ${printed}`,
      )
    }
    assert.ok(existsSync(png))
  })
}

test('02: digits are learnt, saved and read', async () => {
  const printed = await example('02-train-digits', [folder, '60'])
  const accuracy = Number(/accuracy (\d+\.\d+) %/.exec(printed)?.[1])
  assert.ok(accuracy > 80, printed)
  assert.ok(existsSync(join(folder, 'init_net.pb')))
  assert.ok(existsSync(join(folder, 'predict_net.pb')))
})

if (settings.backend !== 'wasm') skip('user operators need the wasm core')
else {
  test('04: a net trains through an operator in AssemblyScript', async () => {
    const printed = await example('04-user-operator')
    assert.match(printed, /registered HardSwish/)
    assert.ok(Number(/loss (\d+\.\d+)/.exec(printed)?.[1]) < 0.01, printed)
  })
}

test.run()
