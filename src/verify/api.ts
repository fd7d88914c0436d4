// SPDX-License-Identifier: Apache-2.0
// What the package offers of this folder. Nothing of it is loaded before it is asked for.
import type { Backend } from '../backend/backend.ts'
import type { VerifyOptions, VerifyReport } from './report.ts'

/**
 * Does this device compute what Caffe2 computed? Runs recorded cases: of operators (`.jsonl`, `.jsonl.gz`), of a net
 * (`.json`), or the folder of a model (with a slash at its end).
 */
export async function verify(backend: Backend, path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { verifyPath } = await import('./verify.ts')
  return await verifyPath(backend, path, options)
}
