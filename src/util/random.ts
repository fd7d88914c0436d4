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
