// SPDX-License-Identifier: Apache-2.0
// A quantized net against the same net in floats: same engine, same build, sides in turn.
import { decodeNetDef, openBackend, Predictor, tensor } from 'portafilter'
import { architectures } from './architectures.mjs'
import { alternate, command, largestDifference, numbers, round, summary } from './kit.mjs'
import { toNetDefs } from './net-def.mjs'
import { toQuantizedNetDefs } from './quantized-net.mjs'
import { timed } from './side/serve.mjs'

const kClose = 0.3 // of the largest probability: bytes of random weights, over more than fifty layers

const name = 'mobilenetV2'
const kinds = [
  ['wasm', 'simd-mt'],
  ['wasm', 'relaxed-mt'],
  ['native', undefined],
]

/** What every layer of the float net gives. */
async function activationsOf(net, defs, input, backend) {
  const outputs = net.layers.map(({ output }) => output)
  const predictor = await Predictor.load(defs.init, decodeNetDef(defs.predict), { backend, outputs, optimize: false })
  const found = await predictor.run([input])
  await predictor.close()
  return Object.fromEntries([['data', input.data], ...outputs.map((output) => [output, found[output].data])])
}

/** [1, C, H, W] as [1, H, W, C]. */
function channelsLast(data, [, channels, height, width]) {
  const pixels = height * width
  return data.map((_, i) => data[(i % channels) * pixels + Math.floor(i / channels)])
}

async function compare(kind, build, threads, options) {
  const backend = await openBackend({ backend: kind, build, threads }).catch(() => undefined)
  if (!backend) return undefined
  const net = architectures[name]()
  const data = new Float32Array(net.shape.reduce((a, b) => a * b)).map((_, i) => Math.sin(i))
  const input = tensor(data, net.shape)
  const floatDefs = toNetDefs(net, name)
  const defs = toQuantizedNetDefs(net, name, data, await activationsOf(net, floatDefs, input, backend))
  const float = await Predictor.load(floatDefs.init, floatDefs.predict, { backend })
  const quantized = await Predictor.load(defs.init, defs.predict, { backend })
  const [, channels, height, width] = net.shape
  const inputs = [[input], [tensor(channelsLast(data, net.shape), [1, height, width, channels])]]
  const run = async (predictor, x) => (await predictor.run(x))[predictor.outputs[0]].data
  const sides = [() => run(float, inputs[0]), () => run(quantized, inputs[1])]
  const turns = sides.map((side) => ({ request: (_, turn) => timed(side, turn) }))
  const [ofFloats, ofBytes] = (await alternate(turns, options)).map(summary)
  const difference = largestDifference(await sides[1](), await sides[0]())
  if (!(difference <= kClose)) throw new Error(`${name}: quantized and float results differ by ${difference}`)
  await Promise.all([float.close(), quantized.close()])
  await backend.close()
  return {
    model: name,
    simd: kind === 'native' ? kind : build.replace('-mt', ''),
    threads,
    float_ms_median: ofFloats.ms_median,
    float_ms_min: ofFloats.ms_min,
    int8_ms_median: ofBytes.ms_median,
    int8_ms_min: ofBytes.ms_min,
    times_faster: round(ofFloats.ms_median / ofBytes.ms_median, 2),
    difference,
  }
}

const about = 'a quantized net against the same in floats, milliseconds'
const usage = `
node bench/int8.mjs [--threads 1] [--seconds 5]`
const options = { threads: { type: 'string', default: '1' }, seconds: { type: 'string', default: '5' } }

await command({ about, usage, options }, async ({ threads, seconds, quick }) => {
  const rows = []
  for (const count of numbers(threads)) {
    for (const [kind, build] of kinds) rows.push(await compare(kind, build, count, { seconds: Number(seconds), quick }))
  }
  return rows.filter(Boolean)
})
