// SPDX-License-Identifier: Apache-2.0
// System calls: the four of our own, and @wasmer/wasi for modules that want more.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openBackend } from '../../src/backend/backend.ts'
import { lightImports, needsOnlyLightCalls, wasiModule, wasmerLoader } from '../../src/core/wasi.ts'
import { tensor } from '../../src/core/tensor.ts'
import { encodeOperatorDef, operatorDef } from '../../src/net/net-def.ts'
import { platform } from '../../src/platform/index.ts'
import { settings, skip } from '../kit/settings.ts'
import { name, section, signed } from './sample-module.ts'

// () -> writes "hello" to standard output; imports one call that the four do not have.
function helloModule(extraCall: string): WebAssembly.Module {
  const call = (call: string, type: number) => [...name(wasiModule), ...name(call), 0, type]
  const i32 = (value: number) => [0x41, ...signed(value)]
  const code = [0, ...i32(1), ...i32(16), ...i32(1), ...i32(24), 0x10, 0, 0x1a, 0x0b]
  const data = [32, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode('hello')]
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [3, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 1, 0x7f, 0x60, 0, 0]),
    ...section(2, [2, ...call('fd_write', 0), ...call(extraCall, 1)]),
    ...section(3, [1, 2]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...name('hello'), 0, 2, ...name('memory'), 2, 0]),
    ...section(10, [1, code.length, ...code]),
    ...section(11, [1, 0, 0x41, 16, 0x0b, data.length, ...data]),
  ])
  return new WebAssembly.Module(bytes)
}

test('modules that want more than the four calls are told apart', () => {
  assert.not(needsOnlyLightCalls(helloModule('sched_yield')))
  const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
  assert.ok(needsOnlyLightCalls(empty))
})

test('@wasmer/wasi runs a module and keeps what it prints', async () => {
  const loader = await wasmerLoader()
  const { exports } = await loader.instantiate(helloModule('sched_yield'), {})
  ;(exports.hello as () => void)()
  assert.equal(loader.takeConsole(), { out: 'hello', error: '' })
  assert.equal(loader.takeConsole(), { out: '', error: '' })
})

test('the four calls', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const printed: string[] = []
  const calls = lightImports(
    () => memory,
    (text, stream) => printed.push(`${stream}: ${text}`),
  )
  const view = new DataView(memory.buffer)
  new Uint8Array(memory.buffer).set(new TextEncoder().encode('ab\u00e9'), 100)
  for (const [at, value] of [
    [8, 100],
    [12, 2],
    [16, 102],
    [20, 2],
  ] as const) {
    view.setUint32(at, value, true)
  }
  assert.is(calls.fd_write(2, 8, 2, 0), 0)
  assert.is(view.getUint32(0, true), 4)
  assert.equal(printed, ['error: ab\u00e9'])
  assert.is(calls.fd_write(7, 8, 2, 0), 8)

  calls.clock_time_get(1, 0n, 32)
  const first = view.getBigUint64(32, true)
  calls.clock_time_get(1, 0n, 32)
  assert.ok(view.getBigUint64(32, true) >= first && first > 0n)
  calls.clock_time_get(0, 0n, 32)
  assert.ok(Math.abs(Number(view.getBigUint64(32, true)) / 1e6 - Date.now()) < 5000)

  calls.random_get(256, 64)
  assert.ok(new Uint8Array(memory.buffer, 256, 64).some((byte) => byte !== 0))
  assert.throws(() => calls.proc_exit(3), /status 3/)
})

if (settings.backend === 'wasm') {
  const builds = platform.whyNoSharedMemory() === undefined ? ['simd', 'simd-mt'] : ['simd']
  for (const build of builds) {
    test(`the core ${build} runs on @wasmer/wasi`, async () => {
      const backend = await openBackend({ backend: 'wasm', build, wasi: true, threads: 2, operators: 'all' })
      const ws = await backend.openWorkspace(1n)
      await backend.feed(ws, 'x', tensor([1, 2]))
      assert.equal(await backend.fetch(ws, 'x'), tensor([1, 2]))
      assert.equal(await backend.takeConsole(), { out: '', error: '' })
      await backend.runOperator(ws, encodeOperatorDef(operatorDef('Print', ['x'], [])))
      const { out, error } = await backend.takeConsole()
      assert.match(out, /x.*1,\s*2/)
      assert.is(error, '')
      await backend.close()
    })
  }
} else skip('the native core has a system of its own')

test.run()
