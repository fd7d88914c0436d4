// SPDX-License-Identifier: Apache-2.0
// Threads that cannot start: the core does without them and says why.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LocalBackend } from '../../src/backend/local.ts'
import { tensor } from '../../src/core/tensor.ts'
import { openWasmCore } from '../../src/core/wasm.ts'
import { encodeOperatorDef, operatorDef } from '../../src/net/net-def.ts'
import { platform } from '../../src/platform/index.ts'
import { settings, skip } from '../kit/settings.ts'

async function openWithoutThreads(): Promise<LocalBackend> {
  const bytes = await platform.read(new URL('./pf-simd-mt.wasm', import.meta.url))
  const module = await WebAssembly.compile(bytes as BufferSource)
  const threadScript = new URL('./there-is-no-such-thread.js', import.meta.url)
  const core = await openWasmCore({ module, build: 'simd-mt', threads: 3, threadScript })
  return new LocalBackend(core, { backend: 'wasm', operators: 'base', refused: [] })
}

// A failed start is told by an event some time after opening, one for each thread.
async function infoWithFewer(backend: LocalBackend) {
  for (let tries = 0; tries < 200; tries++) {
    const info = await backend.info()
    if (info.threads === 1) return info
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return await backend.info()
}

if (settings.backend === 'wasm' && platform.whyNoSharedMemory() === undefined) {
  test('without its threads a core computes alone and says why', async () => {
    await using backend = await openWithoutThreads()
    const { threads, refused } = await infoWithFewer(backend)
    assert.is(threads, 1)
    assert.is(refused[0]?.backend, 'simd-mt')
    assert.match(refused[0]?.reason as string, /^thread [12] cannot be started: ./)
    const workspace = await backend.openWorkspace(1n)
    await backend.feed(workspace, 'x', tensor(new Float32Array(500_000).fill(-1)))
    await backend.runOperator(workspace, encodeOperatorDef(operatorDef('Relu', 'x', 'y')))
    const { data } = await backend.fetch(workspace, 'y')
    assert.is(data.length, 500_000)
    assert.ok((data as Float32Array).every((y) => y === 0))
  })
} else skip('there are no threads of a pool here')

test.run()
