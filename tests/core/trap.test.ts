// SPDX-License-Identifier: Apache-2.0
// Faults that the core cannot catch: here kernels of user operators that trap.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openBackend } from '../../src/backend/backend.ts'
import { tensor } from '../../src/core/tensor.ts'
import { encodeOperatorDef } from '../../src/net/net-def.ts'
import { platform } from '../../src/platform/index.ts'
import { settings, skip } from '../kit/settings.ts'
import { operatorModule, signed } from './sample-module.ts'

const [localGet, localSet, localTee, i32Const, i32Sub, ifVoid, loop, brIf, end, unreachable] = [
  0x20, 0x21, 0x22, 0x41, 0x6b, 0x04, 0x03, 0x0d, 0x0b, 0x00,
]
const kVoid = 0x40

// Whoever gets the first range counts for a while; whoever gets another one traps: never the same thread.
const trapsElsewhere = [
  ...[localGet, 1, ifVoid, kVoid, unreachable, end],
  ...[i32Const, ...signed(200_000_000), localSet, 3],
  ...[loop, kVoid, localGet, 3, i32Const, 1, i32Sub, localTee, 3, brIf, 0, end],
]

async function runTrap(build: string, code: readonly number[], threads: number, worker: boolean): Promise<void> {
  const backend = await openBackend({ backend: 'wasm', build, threads, worker })
  await backend.registerUserOperators(operatorModule('Trap', code))
  const ws = await backend.openWorkspace(1n)
  await backend.feed(ws, 'x', tensor(new Float32Array(1_000_000)))
  const op = encodeOperatorDef({ type: 'Trap', input: ['x'], output: ['y'], arg: [] })
  for (let time = 0; time < 2; time++) {
    await backend.runOperator(ws, op).then(
      () => assert.unreachable('it should have failed'),
      ({ code: status, message }) => {
        assert.is(status, 'internal')
        assert.match(message, /unreachable/i)
        assert.match(message, /open a new backend/)
      },
    )
  }
  await backend.close()
}

if (settings.backend === 'wasm') {
  test('a trap is an error that ends the core', () => runTrap('simd', [unreachable], 1, false))
  test('a trap in a worker is the same error', () => runTrap('simd', [unreachable], 1, true))
  if (platform.whyNoSharedMemory() === undefined) {
    test('a trap in another thread does not leave this one waiting', () => runTrap('simd-mt', trapsElsewhere, 2, false))
    test('nor in a worker', () => runTrap('simd-mt', trapsElsewhere, 3, true))
  }
} else skip('the native core has no traps to catch')

test.run()
