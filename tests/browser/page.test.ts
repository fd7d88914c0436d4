// SPDX-License-Identifier: Apache-2.0
// The product as a page gets it: dist/browser as it lies there, no bundler, no configuration.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { settings } from '../kit/settings.ts'

const address = '/dist/browser/index.js'

test('one import runs an operator, in a worker, with the best build the page may have', async () => {
  const { openBackend, operatorDef, Workspace } = (await import(address)) as typeof import('../../src/index.ts')
  const backend = await openBackend()
  try {
    const info = await backend.info()
    assert.is(info.backend, 'wasm')
    assert.match(info.build, settings.runtime === 'chromium' ? /-mt$/ : /^(simd|relaxed)$/)
    const ws = await Workspace.open(backend)
    await ws.feedBlob('X', [-1, 2])
    await ws.runOperatorOnce(operatorDef('LeakyRelu', ['X'], ['Y'], { alpha: 0.5 }))
    assert.equal([...(await ws.fetchBlob('Y')).data], [-0.5, 2])
    await ws.close()
  } finally {
    await backend.close()
  }
})

test('a page checks its device against what Caffe2 computed', async () => {
  const { openBackend, verify } = (await import(address)) as typeof import('../../src/index.ts')
  const backend = await openBackend()
  try {
    const seen: string[] = []
    const options = { operator: 'Softmax', onCase: (name: string) => seen.push(name) }
    const report = await verify(backend, `${settings.fixtures}golden/operators.jsonl.gz`, options)
    assert.equal([report.failed, report.unsupported], [[], []])
    assert.is(report.passed, seen.length)
    assert.ok(seen.length > 0)
  } finally {
    await backend.close()
  }
})

test('nothing of Node is left behind in the page', () => {
  assert.is(typeof (globalThis as { process?: unknown }).process, 'undefined')
  assert.is(typeof (globalThis as { Buffer?: unknown }).Buffer, 'undefined')
})

test.run()
