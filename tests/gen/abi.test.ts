// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { abiHash, functionNumber, functions, statusName, statusNumber } from '../../src/gen/abi.ts'

/** FNV-1a, as published: offset basis 2166136261, prime 16777619. */
function fnv1a(text: string): number {
  let hash = 2166136261
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 16777619) >>> 0
  return hash
}

test('the hash function gives the published values', () => {
  assert.is(fnv1a(''), 0x811c9dc5)
  assert.is(fnv1a('a'), 0xe40c292c)
  assert.is(fnv1a('foobar'), 0xbf9cf968)
})

test('the hash covers functions and statuses in order', () => {
  const statuses = Object.entries(statusNumber).map(([name, number]) => `${name}=${number}`)
  assert.is(abiHash, fnv1a(`${functions.join(',')};${statuses.join(',')}`))
})

test('numbers are positions', () => {
  for (const [index, name] of functions.entries()) assert.is(functionNumber[name], index, name)
  for (const [index, name] of statusName.entries()) assert.is(statusNumber[name], index, name)
})

test.run()
