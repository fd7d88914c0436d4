// SPDX-License-Identifier: Apache-2.0
// From the start of a process to the first result of SqueezeNet 1.1, ours and onnxruntime-web's, each in processes of its
// own; and where ours goes: opening (compiling the module is most of it), loading the weights, the first run, which plans.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { architectures, picture } from './architectures.mjs'
import { command, hasPeer, median, round } from './kit.mjs'

const self = fileURLToPath(import.meta.url)
const model = 'squeezenet11'

async function ours(backend, folder, shape) {
  const phases = { start: performance.now() }
  const { openBackend, Predictor, tensor } = await import('portafilter')
  phases.import = performance.now()
  const opened = await openBackend({ backend })
  phases.open = performance.now()
  const [init, predict] = ['init_net.pb', 'predict_net.pb'].map((name) => readFileSync(join(folder, name)))
  const predictor = await Predictor.load(init, predict, { backend: opened })
  phases.load = performance.now()
  const input = tensor(picture(shape), shape)
  await predictor.run([input])
  phases.first = performance.now()
  await predictor.run([input])
  phases.second = performance.now()
  return phases
}

const starts = {
  wasm: (folder, shape) => ours('wasm', folder, shape),
  native: (folder, shape) => ours('native', folder, shape),
  async 'onnxruntime-web'(folder, shape) {
    const phases = { start: performance.now() }
    const { ort } = await import('./peers/onnxruntime-web.mjs')
    phases.import = performance.now()
    ort.env.logLevel = 'error'
    const options = { executionProviders: ['wasm'] }
    const session = await ort.InferenceSession.create(readFileSync(join(folder, 'net.onnx')), options)
    phases.load = performance.now()
    const feeds = { data: new ort.Tensor('float32', picture(shape), shape) }
    await session.run(feeds)
    phases.first = performance.now()
    await session.run(feeds)
    phases.second = performance.now()
    return phases
  },
}

/** Milliseconds of the compilation of our module alone. */
async function compileMs() {
  const bytes = readFileSync(new URL('../dist/pf-all-relaxed-mt.wasm', import.meta.url))
  const start = performance.now()
  await WebAssembly.compile(bytes)
  return performance.now() - start
}

// As a process of its own: one start.
async function start() {
  const [side, folder, shape] = process.argv.slice(3)
  const phases = await starts[side](folder, shape.split(',').map(Number))
  const times = Object.entries(phases)
  const ms = times.map(([name, at], i) => [name, at - (times[i - 1]?.[1] ?? 0)])
  const result = Object.fromEntries(ms)
  console.log(
    JSON.stringify({ ...result, total: phases.first, ...(side === 'wasm' ? { compile: await compileMs() } : {}) }),
  )
  process.exit(0)
}

function measure(side, folder, shape) {
  const text = execFileSync(process.execPath, [self, '--start', side, folder, shape.join()], { encoding: 'utf8' })
  return JSON.parse(text.trim().split('\n').at(-1))
}

function rowOf(side, times) {
  const of = (key) => round(median(times.map((one) => one[key])), 1)
  const { ms_total, ...phases } = Object.fromEntries(Object.keys(times[0]).map((key) => [`ms_${key}`, of(key)]))
  const plan = round(Math.max(0, of('first') - of('second')), 1)
  const best = round(Math.min(...times.map((one) => one.total)), 1)
  return { model, runtime: side, ms_median: ms_total, ms_min: best, ...phases, ms_plan: plan }
}

const about = 'cold start: milliseconds from the start of a Node process to the first result'

if (process.argv[2] === '--start') await start()
else {
  await command({ about }, async ({ quick, peers }) => {
    const folder = mkdtempSync(join(tmpdir(), 'portafilter-'))
    try {
      const net = architectures[model]()
      const [{ toNetDefs }, { toOnnx }] = await Promise.all([import('./net-def.mjs'), import('./peers/onnx.mjs')])
      const { init, predict } = toNetDefs(net, model)
      writeFileSync(join(folder, 'init_net.pb'), init)
      writeFileSync(join(folder, 'predict_net.pb'), predict)
      writeFileSync(join(folder, 'net.onnx'), toOnnx(net, model))
      const sides = Object.keys(starts).filter((side) => side !== 'onnxruntime-web' || (peers && hasPeer(side)))
      const times = sides.map(() => [])
      for (let i = 0; i < (quick ? 1 : 9); i++) {
        for (const [k, side] of sides.entries()) times[k].push(measure(side, folder, net.shape))
      }
      return sides.map((side, k) => rowOf(side, times[k]))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}
