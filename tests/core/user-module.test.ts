// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dataRegion, readUserModule } from '../../src/core/user-module.ts'
import { userModule } from './sample-module.ts'

const sample = (options: Parameters<typeof userModule>[0] = {}) => userModule({ data: [1, 2, 3, 4], ...options })

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
