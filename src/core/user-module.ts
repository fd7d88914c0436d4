// SPDX-License-Identifier: Apache-2.0
// Compiled AssemblyScript modules as bytes: what they import and export, where their data lies, and how one compiled for
// any kind of memory becomes one for the core's.
import { PfError } from '../util/error.ts'
import { threadImports, wasiModule } from './wasi.ts'
import type { WasmExports } from './wasm-exports.ts'

/** Addresses that the core leaves to user operators; AssemblyScript's own default starts at the lower end. */
export const dataRegion = { begin: 1024, end: 65536 }

export interface UserModule {
  /** The module with its memory import made to fit the core's memory. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where its static data lies; undefined when it has none. */
  readonly data: { readonly begin: number; readonly end: number } | undefined
  /** Exported functions with their types, as in "(i32, i32) -> i32". */
  readonly functions: ReadonlyMap<string, string>
}

const typeNames: Record<number, string> = { 127: 'i32', 126: 'i64', 125: 'f32', 124: 'f64', 123: 'v128' }

class Reader {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  byte(): number {
    if (this.at >= this.end) throw new PfError('parse', 'the user module is truncated')
    return this.bytes[this.at++] as number
  }

  unsigned(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  skip(size: number): number {
    const from = this.at
    if (size > this.end - from) throw new PfError('parse', 'the user module is truncated')
    this.at += size
    return from
  }

  text(): string {
    const size = this.unsigned()
    return new TextDecoder().decode(this.bytes.subarray(this.skip(size), this.at))
  }

  types(): string {
    return Array.from({ length: this.unsigned() }, () => typeNames[this.byte()] ?? '?').join(', ')
  }

  limits(): void {
    const flags = this.byte()
    this.unsigned()
    if (flags & 1) this.unsigned()
  }
}

interface Found {
  types: string[]
  ofFunction: number[]
  functions: Map<string, string>
  data?: { begin: number; end: number }
  /** Where the limits of the imported memory stand, and the section around them. */
  limits?: { begin: number; end: number; section: { header: number; body: number; end: number } }
}

function readImports(r: Reader, found: Found, section: { header: number; body: number; end: number }): void {
  for (let left = r.unsigned(); left > 0; left--) {
    r.text()
    r.text()
    const kind = r.byte()
    if (kind === 0) found.ofFunction.push(r.unsigned())
    else if (kind === 3) r.skip(2)
    else if (kind === 1) {
      r.byte()
      r.limits()
    } else if (kind === 2) {
      const begin = r.at
      r.limits()
      found.limits = { begin, end: r.at, section }
    } else throw new PfError('parse', `the user module imports something of the unknown kind ${kind}`)
  }
}

function readExports(r: Reader, found: Found): void {
  for (let left = r.unsigned(); left > 0; left--) {
    const name = r.text()
    const kind = r.byte()
    const index = r.unsigned()
    if (kind === 0) found.functions.set(name, found.types[found.ofFunction[index] ?? -1] ?? '?')
  }
}

function readData(r: Reader, found: Found): void {
  for (let left = r.unsigned(); left > 0; left--) {
    const flags = r.unsigned()
    if (flags === 2) r.unsigned()
    let begin = Number.NaN
    if (flags !== 1) {
      // i32.const, a signed number, end
      if (r.byte() !== 0x41) throw new PfError('unsupported', 'the user module computes where its data lies')
      begin = r.unsigned()
      r.byte()
    }
    const size = r.unsigned()
    r.skip(size)
    if (flags === 1) continue
    const before = found.data ?? { begin, end: begin }
    found.data = { begin: Math.min(before.begin, begin), end: Math.max(before.end, begin + size) }
  }
}

function readType(r: Reader, found: Found): void {
  for (let left = r.unsigned(); left > 0; left--) {
    if (r.byte() !== 0x60) throw new PfError('parse', 'the user module has a type that is no function')
    const parameters = r.types()
    const results = r.types()
    found.types.push(`(${parameters})${results && ` -> ${results}`}`)
  }
}

function read(bytes: Uint8Array): Found {
  const magic = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 8 || magic.getUint32(0) !== 0x0061736d) {
    throw new PfError('format', 'a user module must be WebAssembly, as the AssemblyScript compiler writes it')
  }
  const found: Found = { types: [], ofFunction: [], functions: new Map() }
  const all = new Reader(bytes, 8, bytes.length)
  while (all.at < all.end) {
    const header = all.at
    const id = all.byte()
    const size = all.unsigned()
    const body = all.skip(size)
    const r = new Reader(bytes, body, body + size)
    if (id === 1) readType(r, found)
    else if (id === 2) readImports(r, found, { header, body, end: body + size })
    else if (id === 3) for (let left = r.unsigned(); left > 0; left--) found.ofFunction.push(r.unsigned())
    else if (id === 7) readExports(r, found)
    else if (id === 11) readData(r, found)
  }
  return found
}

function unsignedBytes(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128)
  return [...bytes, rest]
}

// A memory import must say "shared" exactly when the memory is, and a maximum no smaller than the memory's.
function withMemory(bytes: Uint8Array, found: Found, shared: boolean): Uint8Array<ArrayBuffer> {
  if (!found.limits) throw new PfError('format', 'a user module must import its memory: compile with --importMemory')
  const { begin, end, section } = found.limits
  const limits = shared ? [3, 1, ...unsignedBytes(65536)] : [0, 1]
  const size = section.end - section.body - (end - begin) + limits.length
  const parts = [
    bytes.subarray(0, section.header),
    Uint8Array.from([2, ...unsignedBytes(size)]),
    bytes.subarray(section.body, begin),
    Uint8Array.from(limits),
    bytes.subarray(end),
  ]
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export function readUserModule(bytes: Uint8Array, shared: boolean): UserModule {
  const found = read(bytes)
  const { data } = found
  if (data && (data.begin < dataRegion.begin || data.end > dataRegion.end)) {
    throw new PfError(
      'unsupported',
      `the user module's data lies at ${data.begin}..${data.end - 1}; user operators have ${dataRegion.begin}..` +
        `${dataRegion.end - 1}. Compile with another --memoryBase`,
    )
  }
  return { bytes: withMemory(bytes, found, shared), data, functions: found.functions }
}

/** What a user module may import besides system calls. */
export function userImports(memory: WebAssembly.Memory, core: WasmExports): WebAssembly.Imports {
  const abort = (_message: number, _file: number, line: number, column: number): never => {
    throw new Error(`the user operator aborted at line ${line}, column ${column} of its source`)
  }
  return { env: { memory, abort, seed: Math.random }, core: core as unknown as WebAssembly.ModuleImports }
}

/** In a thread of the pool: makes the module's functions callable from the core, at the same places as in all others. */
export async function appendToTable(
  user: { module: WebAssembly.Module; exports: string[]; base: number },
  core: WasmExports,
  memory: WebAssembly.Memory,
): Promise<void> {
  const imports = { ...userImports(memory, core), [wasiModule]: threadImports(user.module, memory) }
  const instance = await WebAssembly.instantiate(user.module, imports)
  startUserModule(instance)
  placeInTable(core, instance, user.exports, user.base)
}

/** Runs what a module has to do before its functions are called; asconfig.json exports it under this name. */
export function startUserModule(instance: WebAssembly.Instance): void {
  const { _start: start } = instance.exports
  if (typeof start === 'function') start()
}

export function placeInTable(core: WasmExports, instance: WebAssembly.Instance, names: string[], base: number): void {
  const table = core.__indirect_function_table
  if (table.length < base + names.length) table.grow(base + names.length - table.length)
  names.forEach((name, i) => {
    table.set(base + i, instance.exports[name])
  })
}
