// SPDX-License-Identifier: Apache-2.0
// A short training on real pictures: its loss curve is the same on every core, and on a GPU where there is one.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openBackend } from '../../src/backend/backend.ts'
import { settings, skip } from '../kit/settings.ts'

const run = promisify(execFile)

async function hasGpu(): Promise<boolean> {
  const backend = await openBackend({ backend: 'cuda' }).catch(() => undefined)
  await backend?.close()
  return backend !== undefined
}

async function curves(others: string, steps: number): Promise<void> {
  const data = settings.data === undefined ? [] : ['--data', `${settings.data}data/datasets/cifar10-convnetjs`]
  const args = ['bench/cuda/curves.mjs', '--with', others, '--steps', String(steps), ...data]
  // A curve that is off ends it with status 1.
  const { stdout } = await run(process.execPath, args, { timeout: 110_000 })
  assert.match(stdout, new RegExp(`\\n${others.split(',')[0]} .*\\n.*% apart, means at most .*% apart\\n`))
}

if (settings.backend !== 'native') skip('curves are compared by the native core')
else {
  test('WebAssembly follows the native core', () => curves('wasm', 16))
  if (await hasGpu()) {
    test('a GPU follows it in every precision', () => curves('cuda:fp32,cuda:tf32,cuda:fp16', 40))
  } else skip('no GPU')
}

test.run()
