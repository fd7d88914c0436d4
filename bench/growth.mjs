// SPDX-License-Identifier: Apache-2.0
// Cost as work grows: more pictures, larger pictures, more threads; and memory: its peak against the weights and the arena
// of the plan, that runs take none, that closing gives it back.
import { alternate, command, enginesOf, list, numbers, round, say, summary } from './kit.mjs'

const about = 'growth: milliseconds for a picture, memory in MB'
const usage = `
node bench/growth.mjs [--engine node-26] [--net squeezenet11,mobilenetV2] [--batch 1,4,16] [--size 128,256,512]
                      [--threads 1,2] [--seconds 3]`

const kMega = 1e6

const open = async (engine, simd, task) => {
  const side = await engine.start()
  try {
    const info = await side.request('open', { runtime: 'portafilter', simd, ...task })
    return { ...side, task, info }
  } catch (error) {
    await side.close()
    throw error
  }
}

async function measure(engine, simd, tasks, args) {
  const sides = []
  try {
    for (const task of tasks) sides.push(await open(engine, simd, task))
    const before = []
    for (const side of sides) before.push(await side.request('ask', { what: 'memory' }))
    const times = await alternate(sides, { seconds: Number(args.seconds) * sides.length, quick: args.quick })
    const rows = []
    for (const [i, side] of sides.entries()) {
      const after = await side.request('ask', { what: 'memory' })
      const left = await side.request('ask', { what: 'close' })
      rows.push(rowOf({ engine, simd, side, times: times[i], before: before[i], after, left }))
    }
    return withGrowth(rows)
  } finally {
    for (const side of sides) await side.close()
  }
}

function rowOf({ engine, simd, side, times, before, after, left }) {
  const { model, threads, batch, size } = side.task
  const { ms_median, ms_min } = summary(times)
  const mega = (bytes) => round(bytes / kMega, 2)
  return {
    ...{ model, engine: engine.label, simd, threads, batch, size, ms_median, ms_min },
    ms_per_picture: round(ms_median / batch),
    weights: mega(after.weights),
    arena: mega(after.arena),
    scratch: mega(after.scratch),
    peak: mega(after.peak),
    // What the peak has beyond the arena and the input, as a multiple of the weights.
    of_weights: round((after.peak - after.arena - 12 * batch * size * size) / after.weights, 2),
    // Bytes that the runs took for good, and those left when the predictor was closed.
    grown: after.peak - before.peak + (after.used - before.used),
    left,
  }
}

/** How much longer a picture takes than alone, where the batch is all that differs. */
function withGrowth(rows) {
  return rows.map((row) => {
    const alone = rows.find((one) => one.batch === 1 && one.size === row.size)
    if (!alone || row === alone) return row
    return { ...row, percent_slower: round(100 * (row.ms_per_picture / alone.ms_per_picture - 1), 1) }
  })
}

const options = {
  net: { type: 'string', default: 'squeezenet11,mobilenetV2' },
  engine: { type: 'string', default: 'node-26' },
  simd: { type: 'string', default: 'relaxed' },
  threads: { type: 'string', default: '1,2' },
  batch: { type: 'string', default: '1,4,16' },
  size: { type: 'string', default: '128,224,512' },
  seconds: { type: 'string', default: '2' },
}

await command({ about, usage, options }, async (args) => {
  const rows = []
  for (const engine of await enginesOf(args.engine)) {
    for (const model of list(args.net)) {
      for (const threads of numbers(args.threads)) {
        say(`growth: ${model}, ${threads} threads`)
        // The largest batch at the smaller sizes, the largest pictures alone.
        const [batches, sizes] = [numbers(args.batch), numbers(args.size)]
        const tasks = sizes.flatMap((size) => batches.map((batch) => ({ model, threads, batch, size })))
        const kept = tasks.filter(({ batch, size }) => batch * size * size <= 16 * 256 * 256)
        for (const simd of list(args.simd)) rows.push(...(await measure(engine, simd, kept, args)))
      }
    }
  }
  return rows
})
