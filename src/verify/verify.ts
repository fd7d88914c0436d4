// SPDX-License-Identifier: Apache-2.0
// Recorded cases of any kind, told apart by name and contents.
import type { Backend } from '../backend/backend.ts'
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import { gunzip } from './gunzip.ts'
import { verifyModel } from './model-case.ts'
import { verifyNetCase } from './net-case.ts'
import { verifyOperatorCases } from './operator-case.ts'
import { emptyReport, enter, type VerifyOptions, type VerifyReport } from './report.ts'

/** Endings of files that hold recorded cases. */
export const caseEndings: readonly string[] = ['.jsonl', '.jsonl.gz', '.json']

/** Runs the cases of a .jsonl or .jsonl.gz file (operators) or a .json file (a net). */
export async function verifyFile(
  backend: Backend,
  file: string,
  bytes: Uint8Array,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const base = file.split('/').at(-1) as string
  const text = new TextDecoder().decode(base.endsWith('.gz') ? await gunzip(bytes) : bytes)
  try {
    if (base.endsWith('.json')) return await verifyNetCase(backend, text, options)
    return await verifyOperatorCases(backend, text, { name: base.split('.')[0], ...options })
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new PfError('format', `${file} holds no recorded cases: ${error.message}`, { cause: error })
  }
}

/** A model with recorded inputs and outputs beside it, as ONNX tests are kept: it counts, so that nobody takes it for passed. */
async function onnxCase(path: string, options: VerifyOptions): Promise<VerifyReport> {
  const report = emptyReport()
  const run = async () => {
    throw new PfError('no_operator', 'ONNX models are not read; Caffe2 nets and Caffe models are')
  }
  await enter(report, path.split('/').at(-2) || path, run, options.onCase)
  return report
}

/** Runs what a path names: a file of cases, or the folder (with a slash at its end) of a model. */
export async function verifyPath(backend: Backend, path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { signal, read = (file: string) => platform.read(file, signal) } = options
  if (path.endsWith('.onnx')) return await onnxCase(path, options)
  if (!path.endsWith('/')) return await verifyFile(backend, path, await read(path), options)
  return await verifyModel(backend, path.split('/').at(-2) || path, (file) => read(path + file), options)
}
