// SPDX-License-Identifier: Apache-2.0
// onnxruntime-web on its WebAssembly backend, which keeps its first number of threads as long as the process lives.
import * as ort from 'onnxruntime-web'
import { openSession } from './onnxruntime.mjs'

export { ort }

export async function open({ threads, ...spec }) {
  ort.env.wasm.numThreads = threads
  ort.env.logLevel = 'error'
  const run = await openSession(ort, { executionProviders: ['wasm'] }, spec)
  return { info: { version: ort.env.versions.web, threads: ort.env.wasm.numThreads }, run }
}
