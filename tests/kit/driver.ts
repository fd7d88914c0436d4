// SPDX-License-Identifier: Apache-2.0
// Runs test files one by one inside a runtime and answers exact counts. uvu queues what a file's test.run() hands in
// (UVU_DEFER keeps it from starting by itself) and this file runs the queue.

import type { TestSettings } from './settings.ts'

export interface SuiteResult {
  readonly name: string
  readonly passed: number
  readonly failed: number
  /** Tests left out, by reason. */
  readonly skipped: Readonly<Record<string, number>>
  readonly errors: string
  readonly ms: number
}

export type Suites = Readonly<Record<string, () => Promise<unknown>>>

/** What uvu's runner answers: errors or true, tests passed, skipped, all. */
type Run = () => Promise<[string | true, number, number, number]>

interface Shared {
  UVU_DEFER?: number
  UVU_QUEUE?: Run[][]
  UVU_INDEX?: number
  PORTAFILTER_SKIPPED?: Map<string, number>
  PORTAFILTER_TEST?: TestSettings
}

const shared = globalThis as Shared
shared.UVU_DEFER = 1

export async function runSuite(suites: Suites, name: string): Promise<SuiteResult> {
  const start = performance.now()
  const runs: Run[] = []
  shared.UVU_QUEUE = [runs]
  shared.UVU_INDEX = 0
  shared.PORTAFILTER_SKIPPED = new Map()
  let passed = 0
  let failed = 0
  let errors = ''
  try {
    await suites[name]()
    for (const run of runs) {
      const [text, done, skips, all] = await run()
      passed += done
      failed += all - done
      if (typeof text === 'string') errors += text
      else if (done < all) errors += `a hook failed, and with it ${all - done} tests\n`
      if (skips) shared.PORTAFILTER_SKIPPED.set('marked skip', skips)
    }
    // With one operator wanted, most files have nothing to say.
    if (!runs.length && !shared.PORTAFILTER_SKIPPED.size && shared.PORTAFILTER_TEST?.op === undefined) {
      failed++
      errors += `${name}: no test ran; is test.run() missing?\n`
    }
  } catch (error) {
    failed++
    errors += `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`
  }
  const skipped = Object.fromEntries(shared.PORTAFILTER_SKIPPED)
  return { name, passed, failed, skipped, errors, ms: performance.now() - start }
}
