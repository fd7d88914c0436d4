// SPDX-License-Identifier: Apache-2.0
// What tests/run.mjs tells the tests of one runtime, and what they tell it beside passing and failing.

export interface TestSettings {
  /** The runtime's name in the summary: 'node', 'node-native', 'node-cuda', 'node-26', 'deno', 'bun', 'chromium', ... */
  readonly runtime: string
  /** The backend under test. */
  readonly backend: 'wasm' | 'native' | 'cuda'
  /** Only this operator's tests are wanted. */
  readonly op?: string
  /** Folder (or, in browsers, URL) of the shared test data, with a slash at the end; absent when there is none. */
  readonly data?: string
  /** Folder (or URL) of tests/fixtures, with a slash at the end. */
  readonly fixtures: string
}

interface Shared {
  PORTAFILTER_TEST?: TestSettings
  PORTAFILTER_SKIPPED?: Map<string, number>
}

const shared = globalThis as Shared

/** The driver sets them before it imports the first test. */
export const settings: TestSettings = shared.PORTAFILTER_TEST ?? {
  runtime: 'node',
  backend: 'wasm',
  fixtures: 'tests/fixtures/',
}

/** Counts tests that cannot run here, under the reason, which the summary shows once. */
export function skip(reason: string, count = 1): void {
  shared.PORTAFILTER_SKIPPED ??= new Map()
  shared.PORTAFILTER_SKIPPED.set(reason, (shared.PORTAFILTER_SKIPPED.get(reason) ?? 0) + count)
}
