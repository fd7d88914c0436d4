// SPDX-License-Identifier: Apache-2.0
// Entry of the tests in a page: tests/kit/chromium.mjs sets PORTAFILTER_TEST and calls PORTAFILTER_RUN(name).
import { runSuite, type SuiteResult, type Suites } from './driver.ts'

interface Page {
  PORTAFILTER_RUN?: (name: string) => Promise<SuiteResult>
}

export function browser(suites: Suites): void {
  const page = globalThis as Page
  page.PORTAFILTER_RUN = (name) => runSuite(suites, name)
}
