// SPDX-License-Identifier: Apache-2.0
// Portafilter as a side: a net of architectures.mjs in a Predictor, as a user would run it.
import { openBackend, Predictor, tensor } from 'portafilter'
import { architectures, bytesOf, picture } from '../architectures.mjs'
import { toNetDefs } from '../net-def.mjs'

/** The backend of a side: 'native', or the build of the WebAssembly core with the instructions named. */
export function openOurs({ simd, threads }) {
  if (simd === 'native') return openBackend({ backend: 'native', threads })
  return openBackend({ backend: 'wasm', build: `${simd}-mt`, operators: 'all', threads })
}

export async function open({ model, batch, size, ...spec }) {
  const net = architectures[model]({ batch, size })
  const defs = toNetDefs(net, model)
  const input = tensor(picture(net.shape), net.shape)
  const weights = bytesOf(net)
  const start = performance.now()
  const backend = await openOurs(spec)
  const opened = performance.now()
  const predictor = await Predictor.load(defs.init, defs.predict, { backend })
  const loaded = performance.now()
  const run = async () => (await predictor.run([input]))[predictor.outputs[0]].data
  await run()
  const first = performance.now() - loaded
  const { build, simd, threads, version } = await backend.info()
  return {
    info: { build, simd, threads, version, ms: { open: opened - start, load: loaded - opened, first } },
    run,
    async memory() {
      const { arenaBytes, scratchBytes } = await predictor.workspace.netInfo(model)
      const { used, peak } = (await backend.info()).memory
      return { weights, arena: arenaBytes, scratch: scratchBytes, used, peak }
    },
    /** Bytes of tensors left when the predictor is closed. */
    async close() {
      await predictor.close()
      return (await backend.info()).memory.used
    },
  }
}
