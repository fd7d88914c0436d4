// SPDX-License-Identifier: Apache-2.0
// onnxruntime-node on the processor, the yardstick of the native addon.
import * as ort from 'onnxruntime-node'
import { openSession } from './onnxruntime.mjs'

export async function open({ threads, ...spec }) {
  const run = await openSession(
    ort,
    { executionProviders: ['cpu'], intraOpNumThreads: threads, logSeverityLevel: 3 },
    spec,
  )
  return { info: { version: ort.env.versions.node ?? ort.env.versions.common, threads }, run }
}
