// SPDX-License-Identifier: Apache-2.0
// A step of training: forward, backward and update. LeNet on 64 digits, also in TensorFlow.js, and a residual net of 20
// layers on 16 pictures of 32 x 32.
import { alternate, command, enginesOf, hasPeer, list, numbers, round, say, startSide, summary } from './kit.mjs'
import { trainedNets } from './side/trained-nets.mjs'

const about = 'training, milliseconds for a step'
const usage = `
node bench/training.mjs [--net lenet,resnet20] [--engine node,node-26] [--threads 1,2] [--seconds 8]`

async function rowOf(side, times) {
  const { runtime, engine, simd, threads, model, info } = side
  const { ms_median, ms_min } = summary(times)
  const row = { model, runtime, engine: engine.label, simd, threads, ms_median, ms_min, runs: times.length }
  if (runtime !== 'training') return { ...row, backend: info.build, version: info.version }
  const [first, last] = await side.request('ask', { what: 'losses' })
  if (!(last < first)) throw new Error(`${model} (${simd}) learns nothing: its loss was ${first} and is ${last}`)
  const gflops = round(info.gflop / (ms_median / 1000), 1)
  return {
    ...row,
    runtime: 'portafilter',
    batch: trainedNets[model].batch,
    gflop: round(info.gflop),
    gflops,
    version: info.version,
  }
}

async function compare(model, engines, args) {
  const sides = []
  try {
    for (const engine of engines) {
      const builds = ['simd', 'relaxed', ...(engine.name === 'node' ? ['native'] : [])]
      const ours = builds.flatMap((simd) =>
        numbers(args.threads).map((threads) => ({ runtime: 'training', simd, threads })),
      )
      for (const spec of ours) sides.push(await startSide(engine, { ...spec, model }))
    }
    const there = sides.filter(Boolean)
    const times = await alternate(there, { seconds: Number(args.seconds), quick: args.quick })
    const rows = []
    for (const [i, side] of there.entries()) rows.push(await rowOf(side, times[i]))
    return rows
  } finally {
    for (const side of sides) await side?.close()
  }
}

/** Alone and few times: a step takes seconds. */
async function tensorflow(engine, quick) {
  const side = await startSide(engine, { runtime: 'tfjs-training', simd: 'none', threads: 1, model: 'lenet' })
  if (!side) return []
  try {
    const times = await side.request('run', { count: quick ? 1 : 2 })
    return [await rowOf({ ...side, runtime: 'tfjs' }, times)]
  } finally {
    await side.close()
  }
}

const options = {
  net: { type: 'string', default: Object.keys(trainedNets).join() },
  engine: { type: 'string', default: 'node,node-26' },
  threads: { type: 'string', default: '1,2' },
  seconds: { type: 'string', default: '8' },
}

await command({ about, usage, options }, async (args) => {
  const engines = await enginesOf(args.engine)
  const rows = []
  for (const model of list(args.net)) {
    say(`training ${model}`)
    rows.push(...(await compare(model, engines, args)))
    const peer = args.peers && model === 'lenet' && engines.find(({ name }) => name.startsWith('node'))
    if (peer && hasPeer('@tensorflow/tfjs-layers')) rows.push(...(await tensorflow(peer, args.quick)))
  }
  return rows
})
