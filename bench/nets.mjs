// SPDX-License-Identifier: Apache-2.0
// Inference of whole nets, ours on WebAssembly and natively against onnxruntime-web, same topology, weights and input.
import { openBackend, Predictor, tensor } from 'portafilter'
import { architectures } from './architectures.mjs'
import { alternate, installPeers, largestDifference, save, table } from './kit.mjs'
import { toNetDefs } from './net-def.mjs'

const kClose = 1e-3 // of the largest probability

async function ours(backendName, defs, data, threads) {
  const backend = await openBackend({ backend: backendName, threads })
  const predictor = await Predictor.load(defs.init, defs.predict, { backend })
  const run = async () => (await predictor.run([data]))[predictor.outputs[0]].data
  const { build } = await backend.info()
  return { build, run, close: () => backend.close() }
}

async function theirs(net, name, threads) {
  const [{ toOnnx }, { load }] = await Promise.all([import('./peers/onnx.mjs'), import('./peers/onnxruntime.mjs')])
  return load(toOnnx(net, name), net.shape, threads)
}

async function compare(name, threads, { repeats, peers }) {
  const net = architectures[name]()
  const data = new Float32Array(net.shape.reduce((a, b) => a * b)).map((_, i) => Math.sin(i))
  const defs = toNetDefs(net, name)
  const input = tensor(data, net.shape)
  const wasm = await ours('wasm', defs, input, threads)
  const native = await ours('native', defs, input, threads).catch(() => undefined)
  const peer = peers ? await theirs(net, name, threads) : undefined
  const sides = [() => wasm.run(), ...(native ? [() => native.run()] : []), ...(peer ? [() => peer.run(data)] : [])]
  const times = await alternate(sides, { warmup: 3, repeats })
  const row = { net: name, threads, build: wasm.build, wasm: times[0].median, wasmBest: times[0].best }
  if (native) Object.assign(row, { native: times[1].median, nativeBest: times[1].best })
  if (peer) {
    const { median, best } = times.at(-1)
    const difference = largestDifference(await wasm.run(), await peer.run(data))
    Object.assign(row, { ortWeb: median, ortWebBest: best, ratio: times[0].median / median, difference })
    if (!(difference <= kClose)) throw new Error(`${name}: our result and onnxruntime-web's differ by ${difference}`)
    await peer.close()
  }
  await native?.close()
  await wasm.close()
  return row
}

/** `threads`: a list of thread counts. onnxruntime-web keeps its first count for the process, so each has its own. */
export async function nets({ threads, repeats, only, peers }) {
  const missing = peers ? installPeers() : 'left out'
  if (peers && missing) console.log(missing)
  const rows = []
  for (const name of Object.keys(architectures).filter((name) => !only || name === only)) {
    rows.push(await compare(name, threads, { repeats, peers: peers && !missing }))
  }
  console.log(
    `inference, milliseconds; ratio = ours on wasm / onnxruntime-web (below 1 we are faster); ${threads} threads`,
  )
  table(rows)
  save(`nets-${threads}-threads`, { rows })
}
