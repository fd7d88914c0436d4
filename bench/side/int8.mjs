// SPDX-License-Identifier: Apache-2.0
// Portafilter with a net in floats and the same net quantized: either is timed by name.
import { decodeNetDef, Predictor, tensor } from 'portafilter'
import { architectures } from '../architectures.mjs'
import { toNetDefs } from '../net-def.mjs'
import { toQuantizedNetDefs } from '../quantized-net.mjs'
import { openOurs } from './ours.mjs'
import { timed } from './serve.mjs'

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

export async function open({ model, simd, threads }) {
  const backend = await openOurs({ simd, threads })
  const net = architectures[model]()
  const data = new Float32Array(net.shape.reduce((a, b) => a * b)).map((_, i) => Math.sin(i))
  const input = tensor(data, net.shape)
  const floats = toNetDefs(net, model)
  const bytes = toQuantizedNetDefs(net, model, data, await activationsOf(net, floats, input, backend))
  const [, channels, height, width] = net.shape
  const inputs = { float: input, int8: tensor(channelsLast(data, net.shape), [1, height, width, channels]) }
  const predictors = {}
  for (const [kind, defs] of Object.entries({ float: floats, int8: bytes }))
    predictors[kind] = await Predictor.load(defs.init, defs.predict, { backend })
  const run = async (kind) => (await predictors[kind].run([inputs[kind]]))[predictors[kind].outputs[0]].data
  const { build, version } = await backend.info()
  return {
    info: { build, version },
    time: ({ kind, ...turn }) => timed(() => run(kind), turn),
    result: async ({ kind }) => Array.from(await run(kind)),
  }
}
