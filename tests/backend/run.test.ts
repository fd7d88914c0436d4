// SPDX-License-Identifier: Apache-2.0
// Runs that take a while: threads that share the work, a worker that leaves this thread free, and being stopped.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Backend, openBackend } from '../../src/backend/backend.ts'
import { tensor } from '../../src/core/tensor.ts'
import { encodeNetDef } from '../../src/net/net-def.ts'
import { platform } from '../../src/platform/index.ts'
import { settings } from '../kit/settings.ts'

const canShare = platform.whyNoSharedMemory() === undefined || settings.backend === 'native'

async function failure(action: Promise<unknown>): Promise<{ code?: string; message: string }> {
  try {
    await action
  } catch (error) {
    return error as { code?: string; message: string }
  }
  return assert.unreachable('it should have failed') as never
}

/** A net of many elementwise operators: a few milliseconds each, and a second or so together. */
async function longNet(backend: Backend, ops: number, size = 1_000_000): Promise<{ ws: number; net: number }> {
  const ws = await backend.openWorkspace(1n)
  await backend.feed(ws, 'x', tensor(new Float32Array(size).fill(-1)))
  const op = Array.from({ length: ops }, () => ({
    type: 'LeakyRelu',
    input: ['x'],
    output: ['x'],
    arg: [{ name: 'alpha', f: 0.999 }],
  }))
  const def = { name: 'long', op, arg: [], externalInput: ['x'], externalOutput: ['x'] }
  return { ws, net: await backend.createNet(ws, encodeNetDef(def)) }
}

for (const threads of [1, 2, 5]) {
  test(`${threads} threads compute what one does`, async () => {
    const backend = await openBackend({ backend: settings.backend, threads })
    const { ws, net } = await longNet(backend, 3, 100_003)
    await backend.runNet(net, { iterations: 4 })
    const { data } = await backend.fetch(ws, 'x')
    const expected = Math.fround(-(0.999 ** 12))
    for (const value of data as Float32Array) assert.ok(Math.abs(value - expected) < 1e-5)
    await backend.close()
  })
}

test('a worker leaves this thread free', async () => {
  const backend = await openBackend({ backend: settings.backend, worker: true })
  const { net } = await longNet(backend, 200)
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  const start = performance.now()
  await backend.runNet(net, { iterations: 2 })
  const took = performance.now() - start
  clearInterval(timer)
  // A quarter of the ticks there is time for: another program may hold this machine's cores meanwhile.
  assert.ok(ticks >= Math.min(Math.floor(took / 20), 3), `${ticks} ticks in ${took.toFixed(0)} ms`)
  await backend.close()
})

test('iterations leave this thread its turn and can be stopped between them', async () => {
  const backend = await openBackend({ backend: settings.backend, worker: false })
  const { ws, net } = await longNet(backend, 4)
  setTimeout(() => backend.abort(), 60)
  const { code, message } = await failure(backend.runNet(net, { iterations: 1_000_000 }))
  assert.is(code, 'aborted')
  assert.match(message, /of 1000000 iterations/)
  await backend.runNet(net)
  assert.is((await backend.fetch(ws, 'x')).shape[0], 1_000_000)
  await backend.close()
})

test('an abort without a run stops nothing', async () => {
  for (const worker of [false, true]) {
    const backend = await openBackend({ backend: settings.backend, worker })
    const { net } = await longNet(backend, 2, 1000)
    backend.abort()
    await backend.runNet(net)
    await backend.close()
  }
})

test('calls made during iterations wait for them', async () => {
  const backend = await openBackend({ backend: settings.backend, worker: false })
  const { ws, net } = await longNet(backend, 1, 10)
  const run = backend.runNet(net, { iterations: 1000 })
  const value = ((await backend.fetch(ws, 'x')).data as Float32Array)[0] as number
  assert.ok(Math.abs(value + 0.999 ** 1000) < 1e-3)
  await run
  await backend.close()
})

if (canShare) {
  test('a run in a worker is stopped in its middle', async () => {
    const backend = await openBackend({ backend: settings.backend, worker: true })
    const { net } = await longNet(backend, 20_000)
    const start = performance.now()
    setTimeout(() => backend.abort(), 50)
    const { code } = await failure(backend.runNet(net))
    assert.is(code, 'aborted')
    assert.ok(performance.now() - start < 5000)
    const { net: other } = await longNet(backend, 1, 10)
    await backend.runNet(other)
    await backend.close()
  })
}

test('closing in the middle of a run ends it', async () => {
  const backend = await openBackend({ backend: settings.backend, worker: true })
  const { net } = await longNet(backend, 300)
  const run = failure(backend.runNet(net, { iterations: 1_000_000 }))
  await new Promise((resolve) => setTimeout(resolve, 30))
  await backend.close()
  assert.match((await run).code as string, /^(aborted|closed)$/)
})

test('iterations must be a whole number', async () => {
  const backend = await openBackend({ backend: settings.backend })
  assert.is((await failure(backend.runNet(1, { iterations: -1 }))).code, 'argument')
  await backend.close()
})

test.run()
