// SPDX-License-Identifier: Apache-2.0
// Opening, choosing and closing a backend.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Backend, type BackendOptions, openBackend } from '../../src/backend/backend.ts'
import { openLocal } from '../../src/backend/open.ts'
import { checkAbi } from '../../src/core/core.ts'
import { tensor } from '../../src/core/tensor.ts'
import { encodeOperatorDef } from '../../src/net/net-def.ts'
import { platform } from '../../src/platform/index.ts'
import { settings } from '../kit/settings.ts'

const canShare = platform.whyNoSharedMemory() === undefined
const builds = ['simd', 'simd-mt', 'relaxed', 'relaxed-mt']

async function failure(action: Promise<unknown>): Promise<{ code?: string; message: string }> {
  try {
    await action
  } catch (error) {
    return error as { code?: string; message: string }
  }
  return assert.unreachable('it should have failed') as never
}

async function roundTrip(backend: Backend): Promise<void> {
  const ws = await backend.openWorkspace(1n)
  const values = [
    tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]),
    tensor([1n, -(2n ** 60n)]),
    tensor(['a', '', '\u00e9']),
    tensor([true, false]),
    tensor(7, [], 'int32'),
    tensor([], [0, 4]),
    tensor([0.5, -2], undefined, 'float16'),
  ]
  for (const value of values) {
    await backend.feed(ws, 'x', value)
    assert.equal(await backend.fetch(ws, 'x'), value)
    assert.equal(await backend.blobInfo(ws, 'x'), { kind: 'tensor', dtype: value.dtype, shape: value.shape })
  }
  assert.equal(await backend.blobs(ws), ['x'])
  await backend.removeBlob(ws, 'x')
  assert.equal(await backend.blobs(ws), [])
  await backend.closeWorkspace(ws)
}

async function withBackend(options: BackendOptions, use: (backend: Backend) => Promise<void>): Promise<void> {
  const backend = await openBackend({ backend: settings.backend, ...options })
  try {
    await use(backend)
  } finally {
    await backend.close()
  }
}

for (const worker of [false, true]) {
  test(`tensors of every type go in and out, ${worker ? 'in a worker' : 'here'}`, () =>
    withBackend({ worker }, async (backend) => {
      await roundTrip(backend)
      const info = await backend.info()
      assert.is(info.backend, settings.backend)
      assert.is(info.worker, worker)
      assert.ok(info.threads >= 1)
      assert.match(info.version, /^\d+\.\d+/)
    }))
}

if (settings.backend === 'wasm') {
  for (const build of builds) {
    test(`the build ${build} works or says why not`, async () => {
      let backend: Backend
      try {
        backend = await openBackend({ backend: 'wasm', build, threads: 2 })
      } catch (error) {
        assert.match((error as Error).message, build.endsWith('-mt') && !canShare ? /cross-origin/ : /relaxed SIMD/)
        return
      }
      const info = await backend.info()
      assert.is(info.build, build)
      assert.is(info.simd, build.startsWith('relaxed') ? 'relaxed' : 'simd128')
      assert.is(info.threads, build.endsWith('-mt') ? 2 : 1)
      await roundTrip(backend)
      await backend.close()
    })
  }

  test('a core of ones own: bytes, a module, a URL, a promise of a response', async () => {
    const folder = settings.fixtures.replace('tests/fixtures/', 'dist/')
    const path = `${folder}pf-simd.wasm`
    const bytes = await platform.read(path)
    const response = Promise.resolve(
      new Response(bytes as BodyInit, { headers: { 'content-type': 'application/wasm' } }),
    )
    for (const wasm of [bytes, await WebAssembly.compile(bytes as BufferSource), path, response]) {
      for (const worker of [false, true]) {
        if (wasm === response && worker) continue // a response can be read once
        await withBackend({ backend: 'auto', wasm, worker }, roundTrip)
      }
    }
  })

  test('bytes that are no core are refused in words', async () => {
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
    const { code, message } = await failure(openBackend({ wasm: empty }))
    assert.is(code, 'backend')
    assert.match(message, /no Portafilter core/)
    assert.is((await failure(openBackend({ wasm: Uint8Array.of(1, 2, 3) }))).code, 'backend')
    assert.is((await failure(openBackend({ wasm: 'no/such/file.wasm' }))).code, 'file')
  })

  for (const build of canShare ? ['simd', 'simd-mt'] : ['simd']) {
    test(`${build}: memory grows with what is fed, and has an end`, async () => {
      const backend = await openBackend({ backend: 'wasm', build })
      const ws = await backend.openWorkspace(1n)
      const big = new Float32Array(6_000_000).map((_, i) => i)
      for (const name of ['a', 'b', 'c']) await backend.feed(ws, name, tensor(big))
      const { data } = await backend.fetch(ws, 'b')
      assert.ok((data as Float32Array).every((value, i) => value === i))
      assert.ok((await backend.info()).memory.used >= 3 * big.byteLength)
      const shape = { name: 'shape', ints: [1 << 30, 4] }
      const fill = { type: 'ConstantFill', input: [], output: ['d'], arg: [shape as never] }
      assert.is((await failure(backend.runOperator(ws, encodeOperatorDef(fill)))).code, 'no_memory')
      await roundTrip(backend)
      await backend.closeWorkspace(ws)
      assert.ok((await backend.info()).memory.used < big.byteLength)
      await backend.close()
    })
  }

  test('an unknown build is named with those there are', async () => {
    const { code, message } = await failure(openBackend({ build: 'simd-512' }))
    assert.is(code, 'argument')
    assert.match(message, /simd-512.*relaxed-mt, simd-mt, relaxed, simd/)
  })
}

test('a core of another version is refused before it does anything', () => {
  assert.throws(() => checkAbi(0x12345678, 'the core "simd"'), /0x12345678.*same version/)
  assert.throws(() => checkAbi(undefined, 'the core "simd"'), /no Portafilter core/)
})

test('what was refused is kept with its reason', async () => {
  const backend = await openBackend({ backend: 'auto' })
  const { refused, backend: taken } = await backend.info()
  const cuda = refused.find(({ backend: name }) => name === 'cuda')
  assert.ok(taken === 'cuda' || (cuda && cuda.reason.length > 0))
  await backend.close()
})

test('an unknown backend is named with those there are', async () => {
  const { code, message } = await failure(openBackend({ backend: 'tpu' as 'wasm' }))
  assert.is(code, 'argument')
  assert.match(message, /tpu.*cuda, native, wasm/)
})

test('a GPU that is not there is refused with a reason', async () => {
  const { code, message } = await failure(openBackend({ backend: 'cuda', device: 1000 }))
  assert.is(code, 'backend')
  assert.match(message, /GPU|CUDA|native|addon/)
})

test('options of the GPU are checked before anything is opened', async () => {
  const wrong = [
    { device: -1 },
    { device: 0.5 },
    { precision: 'fp8' as 'fp16' },
    { precision: 'fp16', lossScale: 1000 },
  ] as const
  for (const options of wrong) {
    assert.is((await failure(openBackend({ backend: 'cuda', ...options }))).code, 'argument')
  }
})

for (const worker of [false, true]) {
  test(`closing twice is fine, using it afterwards is not, ${worker ? 'in a worker' : 'here'}`, async () => {
    const backend = await openBackend({ backend: settings.backend, worker })
    const ws = await backend.openWorkspace()
    await Promise.all([backend.close(), backend.close()])
    await backend.close()
    assert.is((await failure(backend.blobs(ws))).code, 'closed')
    assert.is((await failure(backend.info())).code, 'closed')
    backend.abort()
  })

  test(`errors keep their code and text, ${worker ? 'from a worker' : 'here'}`, () =>
    withBackend({ worker }, async (backend) => {
      const ws = await backend.openWorkspace()
      const missing = await failure(backend.fetch(ws, 'nope'))
      assert.is(missing.code, 'no_blob')
      assert.match(missing.message, /nope/)
      assert.is((await failure(backend.blobs(12345))).code, 'handle')
      const wrong = { dtype: 'float32', shape: [2, 2], data: new Float32Array(3) } as const
      assert.is((await failure(backend.feed(ws, 'x', wrong))).code, 'shape')
    }))

  test(`a fed array stays the caller's, ${worker ? 'in a worker' : 'here'}`, () =>
    withBackend({ worker }, async (backend) => {
      const ws = await backend.openWorkspace()
      const large = new Float32Array(1000).fill(2)
      await backend.feed(ws, 'x', tensor(large.subarray(10, 20)))
      large.fill(3)
      assert.is(large.length, 1000)
      assert.equal((await backend.fetch(ws, 'x')).data, new Float32Array(10).fill(2))
    }))

  test(`opening can be stopped, ${worker ? 'of a worker' : 'here'}`, async () => {
    const stopped = AbortSignal.abort()
    assert.is((await failure(openBackend({ backend: settings.backend, worker, signal: stopped }))).code, 'aborted')
    const controller = new AbortController()
    const opening = failure(openBackend({ backend: settings.backend, worker, signal: controller.signal }))
    controller.abort()
    assert.is((await opening).code, 'aborted')
  })
}

test('two backends live side by side', async () => {
  const one = await openBackend({ backend: settings.backend })
  const other = await openBackend({ backend: settings.backend })
  await Promise.all([roundTrip(one), roundTrip(other)])
  await one.close()
  await roundTrip(other)
  await other.close()
})

test('a wish for fewer threads is granted', async () => {
  await withBackend({ threads: 1 }, async (backend) => assert.is((await backend.info()).threads, 1))
})

test('threads must be a number that makes sense', async () => {
  assert.is((await failure(openBackend({ threads: 1.5 }))).code, 'argument')
})

test('a local backend is disposed of at the end of its block', async () => {
  const backend = await openBackend({ backend: settings.backend, worker: false })
  await backend[Symbol.asyncDispose]()
  assert.is((await failure(backend.blobs(1))).code, 'closed')
  assert.type(openLocal, 'function')
})

test.run()
