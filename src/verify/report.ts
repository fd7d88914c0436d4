// SPDX-License-Identifier: Apache-2.0
// What came of running recorded cases.
import { PfError } from '../util/error.ts'

export interface Outcome {
  case: string
  why: string
}

export interface VerifyReport {
  total: number
  passed: number
  failed: Outcome[]
  /** Cases of operators that we do not have. */
  unsupported: Outcome[]
}

export const emptyReport = (): VerifyReport => ({ total: 0, passed: 0, failed: [], unsupported: [] })

export interface VerifyOptions {
  /** The case files of one operator name it, those of a fixture do not matter: `name:3` is the third case. */
  name?: string
  /** Only cases of this operator. */
  operator?: string
  /** Called after each case. */
  onCase?: (name: string, passed: boolean) => void
  signal?: AbortSignal
  /** Where files come from; those of this machine or, in a page, of its server unless told. */
  read?: (path: string) => Promise<Uint8Array>
}

/** Adds `more` to `report`. */
export function addReport(report: VerifyReport, more: VerifyReport): void {
  report.total += more.total
  report.passed += more.passed
  report.failed.push(...more.failed)
  report.unsupported.push(...more.unsupported)
}

/** Runs one case, which answers why it failed or undefined, and enters it. What it throws is a failure too. */
export async function enter(
  report: VerifyReport,
  name: string,
  run: () => Promise<string | undefined>,
  onCase?: VerifyOptions['onCase'],
): Promise<void> {
  const outcome = await attempt(run)
  report.total++
  if (outcome === undefined) report.passed++
  else report[outcome.list].push({ case: name, why: outcome.why })
  onCase?.(name, outcome === undefined)
}

async function attempt(
  run: () => Promise<string | undefined>,
): Promise<{ list: 'failed' | 'unsupported'; why: string } | undefined> {
  try {
    const why = await run()
    return why === undefined ? undefined : { list: 'failed', why }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const code = error instanceof PfError ? error.code : 'internal'
    // These tell of the whole verification, not of the case.
    if (code === 'aborted' || code === 'closed') throw error
    return { list: code === 'no_operator' ? 'unsupported' : 'failed', why: `[${code}] ${error.message}` }
  }
}
