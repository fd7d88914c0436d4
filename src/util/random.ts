// SPDX-License-Identifier: Apache-2.0
/** Draws whole numbers from 0 up to, not including, `below`. */
export type RandomInteger = (below: number) => number

/** Random numbers that are the same on every engine: Marsaglia's xorshift with 32 bits of state. */
export function randomIntegers(seed: number): RandomInteger {
  let state = seed >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/**
 * 64 bits that differ from run to run: a seed, nothing secret. Every engine seeds Math.random anew for each process, and
 * has it at hand, while asking for its cryptography takes Node 15 ms.
 */
export function randomSeed(): bigint {
  const word = (): bigint => BigInt(Math.floor(Math.random() * 2 ** 32))
  return (word() << 32n) | word()
}
