// SPDX-License-Identifier: Apache-2.0
// Recorded cases of any kind, told apart by name and contents.
import type { Backend } from '../backend/backend.ts'
import { PfError } from '../util/error.ts'
import { gunzip } from './gunzip.ts'
import { verifyNetCase } from './net-case.ts'
import { type VerifyOptions, verifyOperatorCases } from './operator-case.ts'
import type { VerifyReport } from './report.ts'

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
    if (base.endsWith('.json')) return await verifyNetCase(backend, text)
    return await verifyOperatorCases(backend, text, { name: base.split('.')[0], ...options })
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new PfError('format', `${file} holds no recorded cases: ${error.message}`, { cause: error })
  }
}
