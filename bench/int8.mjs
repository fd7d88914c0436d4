// SPDX-License-Identifier: Apache-2.0
// A quantized net against the same net in floats: same engine, same build, same process, in turn.
import { alternate, command, enginesOf, largestDifference, numbers, round, startSide, summary } from './kit.mjs'

const kClose = 0.3 // of the largest probability: bytes of random weights, over more than fifty layers
const model = 'mobilenetV2'
const kinds = ['float', 'int8']

async function compare(engine, simd, threads, args) {
  const side = await startSide(engine, { runtime: 'int8', model, simd, threads })
  if (!side) return undefined
  try {
    const turns = kinds.map((kind) => ({
      request: (_, turn) => side.request('ask', { what: 'time', kind, ...turn }),
    }))
    const [float, int8] = (await alternate(turns, { seconds: Number(args.seconds), quick: args.quick })).map(summary)
    const wanted = await side.request('ask', { what: 'result', kind: 'float' })
    const found = await side.request('ask', { what: 'result', kind: 'int8' })
    const difference = largestDifference(found, wanted)
    if (!(difference <= kClose)) throw new Error(`${model}: quantized and float results differ by ${difference}`)
    return {
      model,
      engine: engine.label,
      simd,
      threads,
      float_ms_median: float.ms_median,
      float_ms_min: float.ms_min,
      int8_ms_median: int8.ms_median,
      int8_ms_min: int8.ms_min,
      times_faster: round(float.ms_median / int8.ms_median, 2),
      difference: round(difference, 4),
    }
  } finally {
    await side.close()
  }
}

const about = 'a quantized net against the same in floats, milliseconds'
const usage = `
node bench/int8.mjs [--engine node,node-26] [--threads 1] [--seconds 5]`
const options = {
  engine: { type: 'string', default: 'node,node-26' },
  threads: { type: 'string', default: '1' },
  seconds: { type: 'string', default: '5' },
}

await command({ about, usage, options }, async (args) => {
  const rows = []
  for (const engine of await enginesOf(args.engine)) {
    const builds = ['simd', 'relaxed', ...(engine.name === 'node' ? ['native'] : [])]
    for (const threads of numbers(args.threads))
      for (const simd of builds) rows.push(await compare(engine, simd, threads, args))
  }
  return rows.filter(Boolean)
})
