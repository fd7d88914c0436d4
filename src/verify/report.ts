// SPDX-License-Identifier: Apache-2.0
// What came of running recorded cases.
import { PfError } from '../util/error.ts'

export interface VerifyReport {
  total: number
  passed: number
  failed: { case: string; why: string }[]
  /** Cases of operators that we do not have. */
  unsupported: string[]
}

export const emptyReport = (): VerifyReport => ({ total: 0, passed: 0, failed: [], unsupported: [] })

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
): Promise<void> {
  report.total++
  let why: string | undefined
  try {
    why = await run()
  } catch (error) {
    if (!(error instanceof PfError)) throw error
    if (error.code === 'aborted' || error.code === 'closed') throw error
    if (error.code === 'no_operator') {
      report.unsupported.push(name)
      return
    }
    why = `[${error.code}] ${error.message}`
  }
  if (why === undefined) report.passed++
  else report.failed.push({ case: name, why })
}
