// SPDX-License-Identifier: Apache-2.0
// Runs dist/cli.js as a person would, in a folder of its own.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { settings } from '../kit/settings.ts'

export interface Outcome {
  status: number | null
  out: string
  error: string
}

export interface Running {
  done: Promise<Outcome>
  interrupt(): void
}

export function start(...args: string[]): Running {
  const env = { ...process.env, PORTAFILTER_BACKEND: settings.backend }
  const child = spawn(process.execPath, [resolve('dist/cli.js'), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const outcome: Outcome = { status: null, out: '', error: '' }
  child.stdout.on('data', (data) => {
    outcome.out += data
  })
  child.stderr.on('data', (data) => {
    outcome.error += data
  })
  const done = new Promise<Outcome>((finish, fail) => {
    child.on('error', fail)
    child.on('close', (status) => finish({ ...outcome, status }))
  })
  return { done, interrupt: () => child.kill('SIGINT') }
}

export const cli = (...args: string[]): Promise<Outcome> => start(...args).done

interface Hooks {
  after(hook: () => void): void
}

/** A folder that goes when the tests of the file are done. */
export function temporaryFolder(test: Hooks): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'portafilter-'))
  test.after(() => rmSync(folder, { recursive: true, force: true }))
  return (name) => join(folder, name)
}
