// SPDX-License-Identifier: Apache-2.0
// Files for tests: fixtures, which are always there, and the shared data, without which its tests count as skipped.
import { platform } from '../../src/platform/index.ts'
import { settings, skip } from './settings.ts'

export const hasShared = settings.data !== undefined

/** The bytes of a file of the shared data. */
export function shared(path: string): Promise<Uint8Array> {
  return platform.read(`${settings.data}${path}`)
}

export function sharedText(path: string): Promise<string> {
  return platform.readText(`${settings.data}${path}`)
}

export async function sharedJson<T>(path: string): Promise<T> {
  return JSON.parse(await sharedText(path)) as T
}

export function fixture(path: string): Promise<Uint8Array> {
  return platform.read(`${settings.fixtures}${path}`)
}

export function fixtureText(path: string): Promise<string> {
  return platform.readText(`${settings.fixtures}${path}`)
}

type Test = (name: string, body: () => Promise<void> | void) => void

/** A test that needs the shared data. */
export function sharedTest(test: Test, name: string, body: () => Promise<void> | void): void {
  if (hasShared) test(name, body)
  else skip('no shared data (PORTAFILTER_DATA)')
}
