// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { Net } from '../../src/net/net.ts'
import { operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import type { PfError, PfErrorCode } from '../../src/util/error.ts'
import { testBackend } from '../kit/backend.ts'
import { throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)
const open = async () => Workspace.open(await backend())

async function fails(work: Promise<unknown>, code: PfErrorCode, text: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: PfError) => reason,
  )
  assert.ok(error, 'should have failed')
  assert.is(error?.code, code, error?.message)
  assert.ok(error?.message.includes(text), `"${error?.message}" should have "${text}"`)
}

function doubling(name: string): Net {
  const net = new Net(name)
  net.add('Scale', 'x', 'x', { scale: 2 })
  return net
}

test('blobs are fed and fetched', async () => {
  await using ws = await open()
  await ws.feedBlob('numbers', [
    [1, 2],
    [3, 4],
  ])
  await ws.feedBlob('scalar', 5)
  await ws.feedBlobs({ labels: Int32Array.of(7, 8), words: tensor(['a', 'bc']) })
  assert.equal(await ws.fetchBlob('numbers'), tensor([1, 2, 3, 4], [2, 2]))
  assert.equal((await ws.fetchBlob('scalar')).shape, [])
  assert.equal(await ws.fetchBlob('labels'), { dtype: 'int32', shape: [2], data: Int32Array.of(7, 8) })
  assert.equal((await ws.fetchBlob('words')).data, ['a', 'bc'])
  assert.equal(await ws.blobs(), ['labels', 'numbers', 'scalar', 'words'])
  const [first, second] = await ws.fetchBlobs(['scalar', 'labels'])
  assert.is(first.data[0], 5)
  assert.is(second.data.length, 2)
})

test('blobs are removed, all of them with a reset', async () => {
  await using ws = await open()
  await ws.feedBlobs({ a: 1, b: 2 })
  await ws.removeBlob('a')
  assert.not(await ws.hasBlob('a'))
  assert.ok(await ws.hasBlob('b'))
  await ws.feedBlob('x', 1)
  await ws.createNet(doubling('reset'))
  await ws.resetWorkspace()
  assert.equal(await ws.blobs(), [])
  assert.equal(ws.nets(), [])
})

test('a blob that is not there gets a suggestion', async () => {
  await using ws = await open()
  await ws.feedBlob('softmax', 1)
  await fails(ws.fetchBlob('sotfmax'), 'no_blob', 'softmax')
})

test('a blob that holds something else than a tensor says what', async () => {
  await using ws = await open()
  await ws.runOperatorOnce(operatorDef('CreateMutex', [], ['lock']))
  await throwsPf(() => ws.fetchBlob('lock'), 'no_blob', /^blob "lock" holds no tensor but a mutex$/)
})

test('a net is created once and run many times', async () => {
  await using ws = await open()
  await ws.feedBlob('x', [1, 3])
  const net = doubling('doubling')
  await ws.createNet(net)
  await ws.runNet(net)
  await ws.runNet(net.name, 2)
  assert.equal((await ws.fetchBlob('x')).data, Float32Array.of(8, 24))
  const seen: number[] = []
  await ws.runNet(net, 3, { onIteration: (i) => seen.push(i) })
  assert.equal(seen, [0, 1, 2])
  assert.is((await ws.fetchBlob('x')).data[0], 64)
  assert.equal(ws.nets(), [net.name])
})

test('a net of the same name is refused unless it may be overwritten', async () => {
  await using ws = await open()
  await ws.feedBlob('x', [1])
  const net = doubling('again')
  await ws.createNet(net)
  await fails(ws.createNet(net), 'exists', 'I respectfully refuse to overwrite an existing net of the same name')
  await ws.createNet(net, { overwrite: true })
  await ws.deleteNet(net)
  await fails(ws.runNet(net), 'net', 'was created in this workspace')
})

test('a net without a name is refused', async () => {
  await using ws = await open()
  await fails(ws.createNet({ op: [], arg: [], externalInput: [], externalOutput: [] }), 'net', 'needs a name')
})

test('nets and operators that run once leave nothing but blobs', async () => {
  await using ws = await open()
  await ws.feedBlob('x', [-2, 2])
  await ws.runNetOnce(doubling('once'))
  await ws.runOperatorOnce(operatorDef('LeakyRelu', 'x', 'y', { alpha: 0.5 }))
  assert.equal((await ws.fetchBlob('y')).data, Float32Array.of(-2, 4))
  assert.equal(ws.nets(), [])
})

test('errors say which net and which operator', async () => {
  await using ws = await open()
  const net = new Net('faulty')
  net.add('LeakyRelu', 'nowhere', 'y')
  await fails(ws.createNet(net), 'no_blob', 'nowhere')
  await fails(ws.createNet(net), 'no_blob', 'faulty')
  await ws.feedBlobs({ a: [1, 2], b: [1, 2, 3] })
  const sum = new Net('mismatch')
  sum.add('Sum', ['a', 'b'], 'c')
  await ws.createNet(sum)
  await fails(ws.runNet(sum), 'shape', 'mismatch')
  await fails(ws.runNet(sum), 'shape', 'Sum')
})

test('a run stops when its signal fires', async () => {
  await using ws = await open()
  await ws.feedBlob('x', [1])
  await ws.createNet(doubling('stopped'))
  const name = ws.nets()[0]
  await fails(ws.runNet(name, 1, { signal: AbortSignal.abort() }), 'aborted', 'stopped by its caller')
  const stop = new AbortController()
  const run = ws.runNet(name, 1_000_000, {
    signal: stop.signal,
    onIteration: (i) => {
      if (i === 4) stop.abort()
    },
  })
  await fails(run, 'aborted', 'stopped')
  assert.is((await ws.fetchBlob('x')).data[0], 32)
  await ws.runNet(name)
})

test('a profile has a line for each operator', async () => {
  await using ws = await open()
  await ws.feedBlob('x', [1, 2, 3])
  const net = doubling('profiled')
  net.add('LeakyRelu', 'x', 'y')
  await ws.createNet(net)
  const lines = await ws.profile(net, { warmup: 1, iterations: 4 })
  assert.equal(
    lines.map((line) => line.type),
    ['Scale', 'LeakyRelu'],
  )
  assert.ok(lines.every((line) => line.ms >= 0))
  assert.equal((await ws.netInfo(net)).ops.length, 2)
})

test('a closed workspace says so', async () => {
  const ws = await open()
  await ws.close()
  await ws.close()
  await fails(ws.blobs(), 'closed', 'closed')
})

test('the same seed draws the same random numbers', async () => {
  const fill = operatorDef('GaussianFill', [], 'r', { shape: [8] })
  const draws: unknown[] = []
  for (const seed of [1, 1, 2n]) {
    await using ws = await Workspace.open(await backend(), { seed })
    await ws.runOperatorOnce(fill)
    draws.push((await ws.fetchBlob('r')).data)
  }
  assert.equal(draws[0], draws[1])
  assert.not.equal(draws[0], draws[2])
})

test.run()
