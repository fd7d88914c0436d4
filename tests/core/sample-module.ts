// SPDX-License-Identifier: Apache-2.0
// WebAssembly modules put together byte by byte, where a compiler would be too polite.

export const section = (id: number, bytes: readonly number[]): number[] => [id, ...unsigned(bytes.length), ...bytes]
export const name = (value: string): number[] => [value.length, ...new TextEncoder().encode(value)]

export function unsigned(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...unsigned(n >>> 7)]
}

export function signed(n: number): number[] {
  return n < 64 ? [n] : [(n & 127) | 128, ...signed(n >>> 7)]
}

interface Parts {
  /** The imported memory's limits; none imports no memory. */
  limits?: readonly number[]
  memory?: boolean
  /** Where the data lies, and what. */
  at?: number
  data?: readonly number[]
  /** Instructions of the exported function `k` of three i32; its fourth local is an i32. */
  code?: readonly number[]
  /** Exports a global `operators` with this value. */
  operators?: number
}

/** A module with one exported function, an imported memory and data. */
export function userModule(parts: Parts = {}): Uint8Array {
  const { limits = [3, 1, 2], memory = true, at = 1024, data = [], code = [], operators } = parts
  const body = [1, 1, 0x7f, ...code, 0x0b]
  const exports = [[...name('k'), 0, 0], ...(operators === undefined ? [] : [[...name('operators'), 3, 0]])]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0]),
    ...(memory ? section(2, [1, ...name('env'), ...name('memory'), 2, ...limits]) : []),
    ...section(3, [1, 0]),
    ...(operators === undefined ? [] : section(6, [1, 0x7f, 0, 0x41, ...signed(operators), 0x0b])),
    ...section(7, [exports.length, ...exports.flat()]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
    ...(data.length ? section(11, [1, 0, 0x41, ...signed(at), 0x0b, ...unsigned(data.length), ...data]) : []),
  ])
}

/** A module that declares one elementwise operator with `code` as its kernel. */
export function operatorModule(type: string, code: readonly number[]): Uint8Array {
  const text = JSON.stringify([{ name: type, inputs: ['X'], outputs: ['Y'], map: true, kernel: 'k' }])
  const units = [...text].flatMap((character) => [character.charCodeAt(0), 0])
  const size = [units.length & 255, units.length >> 8, 0, 0]
  return userModule({ code, data: [...size, ...units], operators: 1028 })
}
