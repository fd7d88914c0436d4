// SPDX-License-Identifier: Apache-2.0
// The backend under test, opened once per file of tests: `const backend = testBackend(test)` in the file, `await backend()`
// in a test. It closes after the last test of the file, whatever happened.
import { type Backend, type BackendOptions, openBackend } from '../../src/backend/backend.ts'
import { settings } from './settings.ts'

interface Hooks {
  after(hook: () => Promise<void>): void
}

/** @param test the `test` (or suite) of uvu that uses it */
export function testBackend(test: Hooks, options: BackendOptions = {}): () => Promise<Backend> {
  let opening: Promise<Backend> | undefined
  test.after(async () => {
    const backend = await opening?.catch(() => undefined)
    opening = undefined
    await backend?.close()
  })
  return () => {
    opening ??= openBackend({ backend: settings.backend, operators: 'all', ...options })
    return opening
  }
}
