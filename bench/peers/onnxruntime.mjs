// SPDX-License-Identifier: Apache-2.0
// onnxruntime-web on its WebAssembly backend.
import * as ort from 'onnxruntime-web'

/** Loads a model; answers a function that runs it once. */
export async function load(model, shape, threads) {
  ort.env.wasm.numThreads = threads
  ort.env.logLevel = 'error'
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] })
  return {
    version: ort.env.versions.web,
    async run(data) {
      const outputs = await session.run({ data: new ort.Tensor('float32', data, shape) })
      return Object.values(outputs)[0].data
    },
    close: () => session.release(),
  }
}
