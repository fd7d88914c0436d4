// SPDX-License-Identifier: Apache-2.0
// The system calls of a WebAssembly module. The core needs four at most, and those are here; a module that asks for more
// gets @wasmer/wasi, with its file system and console, loaded only then.
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import { randomSeed } from '../util/random.ts'

export const wasiModule = 'wasi_snapshot_preview1'
const kBadDescriptor = 8
const kNotSupported = 52

export interface Console {
  out: string
  error: string
}

/** Makes the imports of an instance, and the instance. */
export interface Loader {
  instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): Promise<WebAssembly.Instance>
  takeConsole(): Console
}

type MemoryOf = () => WebAssembly.Memory

const lightCalls = ['proc_exit', 'fd_write', 'clock_time_get', 'random_get']

/** Whether the four calls are enough for `module`. */
export function needsOnlyLightCalls(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.imports(module).every(
    (wanted) => wanted.module !== wasiModule || lightCalls.includes(wanted.name),
  )
}

/** The four calls over the memory that `memoryOf` gives; `print` receives what is written. */
export function lightImports(memoryOf: MemoryOf, print: (text: string, stream: 'out' | 'error') => void) {
  const view = (): DataView => new DataView(memoryOf().buffer)
  return {
    proc_exit(status: number): never {
      throw new PfError('internal', `the core ended itself with status ${status}`)
    },
    fd_write(descriptor: number, vectors: number, count: number, written: number): number {
      if (descriptor !== 1 && descriptor !== 2) return kBadDescriptor
      const data = view()
      let total = 0
      let text = ''
      for (let i = 0; i < count; i++) {
        const at = data.getUint32((vectors >>> 0) + 8 * i, true)
        const size = data.getUint32((vectors >>> 0) + 8 * i + 4, true)
        text += new TextDecoder().decode(new Uint8Array(data.buffer, at, size).slice())
        total += size
      }
      print(text, descriptor === 1 ? 'out' : 'error')
      data.setUint32(written >>> 0, total, true)
      return 0
    },
    clock_time_get(clock: number, _precision: bigint, at: number): number {
      const now = clock === 0 ? Date.now() : platform.now()
      view().setBigInt64(at >>> 0, BigInt(Math.round(now * 1e6)), true)
      return 0
    },
    random_get(at: number, size: number): number {
      const bytes = new Uint8Array(memoryOf().buffer, at >>> 0, size)
      for (let i = 0; i < size; i++) bytes[i] = Number(randomSeed() & 255n)
      return 0
    },
  }
}

/** Every import of the WASI module, for threads that only compute: what the four calls do not cover is not supported. */
export function threadImports(module: WebAssembly.Module, memory: WebAssembly.Memory): WebAssembly.ModuleImports {
  const light: WebAssembly.ModuleImports = lightImports(() => memory, platform.print)
  for (const wanted of WebAssembly.Module.imports(module)) {
    if (wanted.module === wasiModule) light[wanted.name] ??= () => kNotSupported
  }
  return light
}

/** The four calls; output goes to the platform's console. */
export function lightLoader(): Loader {
  return {
    async instantiate(module, imports) {
      let memory = imports.env?.memory as WebAssembly.Memory | undefined
      const wasi = lightImports(() => memory as WebAssembly.Memory, platform.print)
      const instance = await WebAssembly.instantiate(module, { ...imports, [wasiModule]: wasi })
      memory ??= instance.exports.memory as WebAssembly.Memory
      return instance
    },
    takeConsole: () => ({ out: '', error: '' }),
  }
}

/** @wasmer/wasi: 45 calls, files in memory, and a console that is captured. */
export async function wasmerLoader(): Promise<Loader> {
  const { WASI } = await loadWasmer()
  const wasi = new WASI({ env: {}, args: ['portafilter'] })
  return {
    // With a memory of our own it wants to find that among the exports too, as the builds with threads have it.
    instantiate: async (module, imports) => wasi.instantiate(module, imports),
    takeConsole: () => ({ out: wasi.getStdoutString(), error: wasi.getStderrString() }),
  }
}

async function loadWasmer(): Promise<typeof import('@wasmer/wasi')> {
  // It unpacks its own WebAssembly with Node's Buffer, of which a browser needs this one function.
  const scope = globalThis as { Buffer?: unknown }
  const standIn = { from: (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)) }
  const lent = scope.Buffer === undefined
  if (lent) scope.Buffer = standIn
  try {
    const wasmer = await import('@wasmer/wasi')
    await wasmer.init()
    return wasmer
  } catch (cause) {
    const text = 'this module needs more system calls than the core brings, and @wasmer/wasi could not be loaded'
    throw new PfError('unsupported', text, { cause })
  } finally {
    if (lent) delete scope.Buffer
  }
}
