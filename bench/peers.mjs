// SPDX-License-Identifier: Apache-2.0
// Inference of whole nets, ours and others': same topology, weights and input, each side in a process of its own, all of
// them in turn. Every result is compared with ours.
import process from 'node:process'
import { architectures } from './architectures.mjs'
import {
  alternate,
  command,
  enginesOf,
  hasPeer,
  largestDifference,
  list,
  numbers,
  round,
  say,
  startSide,
  summary,
} from './kit.mjs'

const kClose = 1e-3 // of the largest probability
const kReference = 'node-26'

const about = 'inference, milliseconds'
const usage = `
node bench/peers.mjs [--net squeezenet11,…] [--engine node,node-26,deno,chromium] [--threads 1,2] [--batch 1,4,16]
  --seconds   for each net, number of threads and batch (16)`

const packages = {
  'onnxruntime-web': 'onnxruntime-web',
  'onnxruntime-node': 'onnxruntime-node',
  'tfjs-wasm': '@tensorflow/tfjs-backend-wasm',
}

/** What runs in an engine. Processes of the system's Node have the native sides too. */
function sidesOf(engine, threads, peers) {
  const ours = ['simd', 'relaxed', ...(engine.name === 'node' ? ['native'] : [])]
  const sides = ours.map((simd) => ({ engine, runtime: 'portafilter', simd }))
  if (!peers) return sides
  const others = [{ engine, runtime: 'onnxruntime-web', simd: 'simd' }]
  // Outside pages TensorFlow.js has one thread, whatever it is told.
  if (threads === 1 || engine.name === 'chromium') others.push({ engine, runtime: 'tfjs-wasm', simd: 'simd' })
  if (engine.name === 'node') others.push({ engine, runtime: 'onnxruntime-node', simd: 'native' })
  return [...sides, ...others.filter(({ runtime }) => hasPeer(packages[runtime]))]
}

/** Differences of each side's result from that of the first of ours. */
async function differences(sides) {
  const outputs = []
  for (const side of sides) outputs.push(await side.request('output'))
  // Where one class has all of the probability, any two nets agree.
  const [first, second] = [...outputs[0]].sort((a, b) => b - a)
  if (!(second > first / 100)) throw new Error(`the result tells nothing: ${first}, then ${second}`)
  return outputs.map((output) => largestDifference(output, outputs[0]))
}

async function compare(task, wanted, options) {
  const sides = []
  try {
    for (const { engine, ...spec } of wanted) {
      const side = await startSide(engine, spec, task)
      if (side) sides.push(side)
    }
    const apart = await differences(sides)
    const times = await alternate(sides, options)
    const rows = sides.map(({ runtime, engine, simd, info }, i) => {
      const { model, threads, batch } = task
      const { ms_median, ms_min } = summary(times[i])
      const row = {
        model,
        runtime,
        engine: engine.label,
        simd,
        threads,
        batch,
        ms_median,
        ms_min,
        runs: times[i].length,
      }
      return { ...row, difference: Number(apart[i].toPrecision(2)), version: info.version }
    })
    for (const { runtime, engine, simd, difference } of rows.filter((row) => !(row.difference <= kClose))) {
      say(`${task.model}: ${runtime} (${simd}, ${engine}) and ours differ by ${difference} of the largest value`)
      process.exitCode = 1
    }
    return withRatios(rows)
  } finally {
    for (const side of sides) await side.close()
  }
}

/**
 * Ours gain `times_faster` than the best WebAssembly peer in that engine, native than native, and `of_node`, their time as
 * a multiple of that of the same build in the current Node.
 */
function withRatios(rows) {
  const ratio = (a, b) => round(a.ms_median / b.ms_median, 2)
  return rows.map((row) => {
    if (row.runtime !== 'portafilter') return row
    const native = row.simd === 'native'
    const rivals = rows
      .filter(({ runtime, engine }) => runtime !== 'portafilter' && engine === row.engine)
      .filter(({ simd }) => (simd === 'native') === native)
      .sort((a, b) => a.ms_median - b.ms_median)
    const node = rows.find((one) => one.runtime === row.runtime && one.simd === row.simd && one.engine === kReference)
    return {
      ...row,
      ...(rivals.length ? { times_faster: ratio(rivals[0], row) } : {}),
      ...(node ? { of_node: ratio(row, node) } : {}),
    }
  })
}

const options = {
  net: { type: 'string', default: Object.keys(architectures).join() },
  engine: { type: 'string', default: 'node,node-26,deno,chromium' },
  threads: { type: 'string', default: '1,2' },
  batch: { type: 'string', default: '1' },
  size: { type: 'string' },
  seconds: { type: 'string', default: '16' },
}

await command({ about, usage, options }, async (args) => {
  const models = list(args.net)
  const unknown = models.find((model) => !Object.hasOwn(architectures, model))
  if (unknown) throw new Error(`there is no net "${unknown}"; there are ${Object.keys(architectures).join(', ')}`)
  const engines = await enginesOf(args.engine)
  const rows = []
  for (const threads of numbers(args.threads)) {
    const wanted = engines.flatMap((engine) => sidesOf(engine, threads, args.peers))
    for (const batch of numbers(args.batch)) {
      for (const model of models) {
        say(`${model}, ${threads} threads, batch ${batch}`)
        const task = { model, threads, batch, ...(args.size ? { size: Number(args.size) } : {}) }
        rows.push(...(await compare(task, wanted, { seconds: Number(args.seconds), quick: args.quick })))
      }
    }
  }
  return rows
})
