// SPDX-License-Identifier: Apache-2.0
// From the start of a process to the first result of SqueezeNet 1.1, ours and onnxruntime-web's, each in processes of its own.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { architectures } from './architectures.mjs'
import { installPeers, round, save, summary, table } from './kit.mjs'

const self = fileURLToPath(import.meta.url)

const input = (shape) => new Float32Array(shape.reduce((a, b) => a * b)).map((_, i) => Math.sin(i))

const starts = {
  async wasm(folder, shape) {
    const { openBackend, Predictor, tensor } = await import('portafilter')
    const backend = await openBackend({ backend: 'wasm' })
    const [init, predict] = ['init_net.pb', 'predict_net.pb'].map((name) => readFileSync(join(folder, name)))
    const predictor = await Predictor.load(init, predict, { backend })
    await predictor.run([tensor(input(shape), shape)])
  },
  async native(folder, shape) {
    const { openBackend, Predictor, tensor } = await import('portafilter')
    const backend = await openBackend({ backend: 'native' })
    const [init, predict] = ['init_net.pb', 'predict_net.pb'].map((name) => readFileSync(join(folder, name)))
    const predictor = await Predictor.load(init, predict, { backend })
    await predictor.run([tensor(input(shape), shape)])
  },
  async ortWeb(folder, shape) {
    const { load } = await import('./peers/onnxruntime.mjs')
    const { run } = await load(readFileSync(join(folder, 'net.onnx')), shape, 0)
    await run(input(shape))
  },
}

export async function cold({ repeats, peers }) {
  const folder = mkdtempSync(join(tmpdir(), 'portafilter-'))
  try {
    const net = architectures.squeezenet11()
    const [{ toNetDefs }, { toOnnx }] = await Promise.all([import('./net-def.mjs'), import('./peers/onnx.mjs')])
    const { init, predict } = toNetDefs(net, 'squeezenet11')
    writeFileSync(join(folder, 'init_net.pb'), init)
    writeFileSync(join(folder, 'predict_net.pb'), predict)
    writeFileSync(join(folder, 'net.onnx'), toOnnx(net, 'squeezenet11'))
    const sides = Object.keys(starts).filter((side) => side !== 'ortWeb' || (peers && !installPeers()))
    const times = sides.map(() => [])
    for (let i = 0; i < repeats; i++) {
      for (const [k, side] of sides.entries()) times[k].push(measure(side, folder, net.shape))
    }
    const rows = sides.map((side, k) => ({ side, ...summary(times[k]) }))
    console.log('cold start: milliseconds from the start of a Node process to the first result of SqueezeNet 1.1')
    table(rows)
    save('cold', { rows })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function measure(side, folder, shape) {
  const text = execFileSync(process.execPath, [self, side, folder, shape.join()], { encoding: 'utf8' })
  return Number(text.trim().split('\n').at(-1))
}

// As a process of its own: one start.
if (process.argv[1] === self) {
  const [side, folder, shape] = process.argv.slice(2)
  await starts[side](folder, shape.split(',').map(Number))
  console.log(round(performance.now()))
  process.exit(0)
}
