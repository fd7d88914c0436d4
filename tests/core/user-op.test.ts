// SPDX-License-Identifier: Apache-2.0
// User operators: AssemblyScript modules on the core's memory, called from every thread.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Backend, openBackend } from '../../src/backend/backend.ts'
import { tensor } from '../../src/core/tensor.ts'
import { decodeNetDef, encodeNetDef, encodeOperatorDef } from '../../src/net/net-def.ts'
import { platform } from '../../src/platform/index.ts'
import { settings, skip } from '../kit/settings.ts'

const load = (name: string) => platform.read(settings.fixtures.replace('tests/fixtures/', `dist/assembly/${name}.wasm`))
const isWasm = settings.backend === 'wasm'
const builds = ['simd', 'simd-mt'].filter((build) => !build.endsWith('-mt') || !platform.whyNoSharedMemory())
const hardSwish = (x: number) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6
const slope = (x: number) => (Math.abs(x) < 3 ? (2 * x + 3) / 6 : x > 0 ? 1 : 0)

const unexpected = () => assert.unreachable('it should have failed')

function near(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.is(found.length, expected.length)
  for (let i = 0; i < found.length; i++) {
    if (Math.abs(found[i] - expected[i]) > 1e-5)
      assert.unreachable(`element ${i}: ${found[i]}, expected ${expected[i]}`)
  }
}

async function withBackend(build: string, use: (backend: Backend) => Promise<void>, threads = 3): Promise<void> {
  const backend = await openBackend({ backend: 'wasm', build, threads })
  try {
    await use(backend)
  } finally {
    await backend.close()
  }
}

async function run(backend: Backend, type: string, inputs: Record<string, Float32Array>): Promise<Float32Array> {
  const ws = await backend.openWorkspace(1n)
  for (const [name, data] of Object.entries(inputs)) await backend.feed(ws, name, tensor(data))
  await backend.runOperator(ws, encodeOperatorDef({ type, input: Object.keys(inputs), output: ['out'], arg: [] }))
  const { data } = await backend.fetch(ws, 'out')
  await backend.closeWorkspace(ws)
  return data as Float32Array
}

if (isWasm) {
  for (const build of builds) {
    test(`${build}: forward and backward on every thread`, () =>
      withBackend(build, async (backend) => {
        assert.equal(await backend.registerUserOperators(await load('hard-swish')), ['HardSwish', 'HardSwishGradient'])
        // Long enough for all threads, and with a tail that does not fill a vector.
        const x = Float32Array.from({ length: 300_003 }, (_, i) => ((i * 37) % 1201) / 100 - 6)
        const dY = x.map((_, i) => (i % 7) - 3)
        near(await run(backend, 'HardSwish', { x }), x.map(hardSwish))
        near(
          await run(backend, 'HardSwishGradient', { x, dY }),
          x.map((v, i) => slope(v) * dY[i]),
        )
      }))

    test(`${build}: the gradient maker names the gradient operator`, () =>
      withBackend(build, async (backend) => {
        await backend.registerUserOperators(await load('hard-swish'))
        const op = [{ type: 'HardSwish', input: ['a'], output: ['b'], arg: [] }]
        const request = { op, arg: [], externalInput: ['b_grad'], externalOutput: [] }
        const reply = decodeNetDef(await backend.gradient(encodeNetDef(request)))
        assert.is(reply.op?.[0]?.type, 'HardSwishGradient')
        assert.equal(reply.op?.[0]?.input, ['a', 'b_grad'])
        assert.equal(reply.op?.[0]?.output, ['a_grad'])
      }))

    test(`${build}: a shape function and an argument`, () =>
      withBackend(build, async (backend) => {
        assert.equal(await backend.registerUserOperators(await load('outer-product')), ['OuterProduct'])
        const ws = await backend.openWorkspace(1n)
        await backend.feed(ws, 'a', tensor([1, 2, 3]))
        await backend.feed(ws, 'b', tensor([10, 20]))
        const arg = [{ name: 'scale', f: 0.5 }]
        await backend.runOperator(
          ws,
          encodeOperatorDef({ type: 'OuterProduct', input: ['a', 'b'], output: ['y'], arg }),
        )
        assert.equal(
          await backend.fetch(ws, 'y'),
          tensor([
            [5, 10],
            [10, 20],
            [15, 30],
          ]),
        )
        const schema = (await backend.schemas()).find(({ name }) => name === 'OuterProduct')
        assert.is(schema?.args[0]?.default, 1)
      }))

    test(`${build}: two modules live side by side, an overlap is refused`, () =>
      withBackend(build, async (backend) => {
        const module = await load('hard-swish')
        await Promise.all([
          backend.registerUserOperators(module),
          backend.registerUserOperators(await load('outer-product')),
        ])
        const x = Float32Array.from([-4, -1, 0, 1, 4])
        near(await run(backend, 'HardSwish', { x }), x.map(hardSwish))
        near(
          await run(backend, 'OuterProduct', { a: x, b: Float32Array.of(2) }),
          x.map((v) => 2 * v),
        )
        try {
          await backend.registerUserOperators(module)
          assert.unreachable('registered twice')
        } catch (error) {
          assert.is((error as { code?: string }).code, 'exists')
          assert.match((error as Error).message, /--memoryBase/)
        }
      }))
  }

  test('a user operator in a net, with a user operator after it', () =>
    withBackend('simd', async (backend) => {
      await backend.registerUserOperators(await load('hard-swish'))
      const ws = await backend.openWorkspace(1n)
      await backend.feed(
        ws,
        'x',
        tensor([
          [-1, 0.5],
          [2, 5],
        ]),
      )
      const op = [
        { type: 'HardSwish', input: ['x'], output: ['h'], arg: [] },
        { type: 'HardSwish', input: ['h'], output: ['h'], arg: [] },
      ]
      const net = await backend.createNet(
        ws,
        encodeNetDef({ name: 'n', op, arg: [], externalInput: ['x'], externalOutput: ['h'] }),
      )
      await backend.runNet(net)
      near((await backend.fetch(ws, 'h')).data as Float32Array, [-1, 0.5, 2, 5].map(hardSwish).map(hardSwish))
    }))

  test('wrong types and shapes are refused before the kernel runs', () =>
    withBackend('simd', async (backend) => {
      await backend.registerUserOperators(await load('hard-swish'))
      const ws = await backend.openWorkspace(1n)
      const grad = encodeOperatorDef({ type: 'HardSwishGradient', input: ['x', 'd'], output: ['y'], arg: [] })
      await backend.feed(ws, 'x', tensor([1, 2, 3]))
      await backend.feed(ws, 'd', tensor([1, 2]))
      await backend.runOperator(ws, grad).then(unexpected, ({ code }) => assert.is(code, 'shape'))
      await backend.feed(ws, 'd', tensor([1, 2, 3], undefined, 'int32'))
      await backend.runOperator(ws, grad).then(unexpected, ({ code }) => assert.is(code, 'type'))
    }))
} else {
  skip('user operators run in the WebAssembly core only')
  test('the native core refuses user operators in words', async () => {
    const backend = await openBackend({ backend: 'native' })
    const module = new Uint8Array(8)
    await backend.registerUserOperators(module).then(unexpected, ({ code, message }) => {
      assert.is(code, 'unsupported')
      assert.match(message, /backend: 'wasm'/)
    })
    await backend.close()
  })
}

test.run()
