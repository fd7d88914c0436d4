// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dataRegion, readUserModule } from '../../src/core/user-module.ts'

const section = (id: number, bytes: number[]) => [id, bytes.length, ...bytes]
const text = (value: string) => [value.length, ...new TextEncoder().encode(value)]

/** A module with one exported function `k` of three i32, importing a memory, with data at `at`. */
function sample({ at = 1024, limits = [3, 1, 2], memory = true } = {}): Uint8Array {
  const signed = (n: number): number[] => (n < 64 ? [n] : [(n & 127) | 128, ...signed(n >>> 7)])
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0]),
    ...(memory ? section(2, [1, ...text('env'), ...text('memory'), 2, ...limits]) : []),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('k'), 0, 0]),
    ...section(10, [1, 2, 0, 0x0b]),
    ...section(11, [1, 0, 0x41, ...signed(at), 0x0b, 4, 1, 2, 3, 4]),
  ])
}

test('functions and data are found', () => {
  const module = readUserModule(sample({ at: 2000 }), true)
  assert.equal([...module.functions], [['k', '(i32, i32, i32)']])
  assert.equal(module.data, { begin: 2000, end: 2004 })
})

test('a module fits any memory of the core, shared or not', () => {
  for (const limits of [
    [3, 1, 2],
    [0, 1],
    [1, 1, 16],
  ]) {
    const plain = new WebAssembly.Memory({ initial: 2 })
    const module = new WebAssembly.Module(readUserModule(sample({ limits }), false).bytes)
    new WebAssembly.Instance(module, { env: { memory: plain } })
    assert.equal([...new Uint8Array(plain.buffer, 1024, 4)], [1, 2, 3, 4])
    if (typeof SharedArrayBuffer === 'undefined') continue
    const shared = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true })
    const other = new WebAssembly.Module(readUserModule(sample({ limits }), true).bytes)
    new WebAssembly.Instance(other, { env: { memory: shared } })
  }
})

test('data outside the region of user operators is refused', () => {
  assert.throws(() => readUserModule(sample({ at: dataRegion.begin - 2 }), true), /--memoryBase/)
  assert.throws(() => readUserModule(sample({ at: dataRegion.end - 2 }), true), /--memoryBase/)
})

test('what is no user module is refused in words', () => {
  assert.throws(() => readUserModule(new TextEncoder().encode('not wasm'), true), /must be WebAssembly/)
  assert.throws(() => readUserModule(sample({ memory: false }), true), /--importMemory/)
  const whole = sample()
  for (let size = 9; size < whole.length; size++) {
    try {
      readUserModule(whole.subarray(0, size), true)
    } catch (error) {
      assert.match((error as Error).message, /truncated|importMemory/)
    }
  }
})

test.run()
