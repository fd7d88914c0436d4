// SPDX-License-Identifier: Apache-2.0
// Expects a PfError: its code, and words that its message must have.
import * as assert from 'uvu/assert'
import { PfError, type PfErrorCode } from '../../src/util/error.ts'

export async function throwsPf(action: () => unknown, code: PfErrorCode, ...words: (string | RegExp)[]): Promise<void> {
  let thrown: unknown
  try {
    await action()
  } catch (error) {
    thrown = error
  }
  if (!(thrown instanceof PfError)) throw new Error(`expected a PfError [${code}], got ${String(thrown)}`)
  assert.is(thrown.code, code, thrown.message)
  for (const word of words) assert.match(thrown.message, word)
}

/** Hostile input may be refused, but only with a PfError. */
export async function onlyPf(action: () => unknown): Promise<void> {
  try {
    await action()
  } catch (error) {
    if (!(error instanceof PfError)) throw error
  }
}
