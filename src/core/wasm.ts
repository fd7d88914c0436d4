// SPDX-License-Identifier: Apache-2.0
// The core as WebAssembly: one instance here, and in builds with threads one more in each thread of the pool, all on one
// shared memory. This is the only file that reads or writes that memory.
import { functionNumber } from '../gen/abi.ts'
import { codeOfStatus, PfError } from '../util/error.ts'
import { type AbortHandle, type CallResult, type Core, checkAbi, closedError, nothing, textOf } from './core.ts'
import { ThreadPool } from './thread-pool.ts'
import { userOperators } from './user-op.ts'
import { type Loader, lightLoader, needsOnlyLightCalls, wasmerLoader } from './wasi.ts'
import type { WasmExports } from './wasm-exports.ts'

export interface WasmOptions {
  readonly module: WebAssembly.Module
  /** The name of the build: 'simd', 'relaxed', 'simd-mt', 'relaxed-mt'. */
  readonly build: string
  /** Threads to compute with, the caller's included; builds without shared memory have one. */
  readonly threads: number
  /** The bundle a thread of the pool runs. */
  readonly threadScript: URL
  /** Loads @wasmer/wasi even where the core does without it; its console is then captured. */
  readonly wasi?: boolean
}

const kPage = 65536
const kInitialPages = 256
const kMaximumPages = 65536
const kScratch = 16384
const kOut = 16 // pf_out has 12 bytes

interface SharedMemory {
  readonly memory: WebAssembly.Memory
  /** In pages. */
  readonly maximum: number
}

/** The largest shared memory the engine grants: some give a page far less than the 4 GB that can be addressed. */
export function createSharedMemory(): SharedMemory {
  let failure: unknown
  for (let maximum = kMaximumPages; maximum >= kInitialPages * 2; maximum /= 2) {
    try {
      return { memory: new WebAssembly.Memory({ initial: kInitialPages, maximum, shared: true }), maximum }
    } catch (error) {
      failure = error
    }
  }
  throw new PfError('no_memory', `the engine grants no shared memory of ${(kInitialPages * kPage) >> 20} MB`, {
    cause: failure,
  })
}

export function wantsSharedMemory(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.imports(module).some((wanted) => wanted.kind === 'memory')
}

/** The core's memory, whose JavaScript view changes whenever it grows. */
export class WasmMemory {
  readonly memory: WebAssembly.Memory
  private bytes: Uint8Array

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory
    this.bytes = new Uint8Array(memory.buffer)
  }

  all(): Uint8Array {
    if (this.bytes.buffer !== this.memory.buffer) this.bytes = new Uint8Array(this.memory.buffer)
    return this.bytes
  }

  view(address: number, size: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address >>> 0, size)
  }

  write(address: number, bytes: Uint8Array): void {
    this.all().set(bytes, address >>> 0)
  }

  u32(address: number): number {
    const [number] = new Uint32Array(this.memory.buffer, address >>> 0, 1)
    return number as number
  }

  text(address: number): string {
    const bytes = this.all()
    const begin = address >>> 0
    return textOf(bytes.subarray(begin, bytes.indexOf(0, begin)))
  }
}

class WasmCore implements Core {
  readonly build: string
  readonly memory: WasmMemory
  private readonly exports: WasmExports
  private readonly pool: ThreadPool | undefined
  private readonly loader: Loader
  private readonly out: number
  private readonly scratch: number
  private readonly flag: number
  readonly memoryLimit: number
  private readonly operators: ReturnType<typeof userOperators>
  private state: 'open' | 'closed' | PfError = 'open'

  constructor(exports: WasmExports, pool: ThreadPool | undefined, loader: Loader, build: string, pages: number) {
    this.memoryLimit = pages * kPage
    this.exports = exports
    this.pool = pool
    this.loader = loader
    this.build = build
    this.memory = new WasmMemory(exports.memory)
    this.out = exports.malloc(kOut) >>> 0
    this.scratch = exports.malloc(kScratch) >>> 0
    this.flag = this.call('abort_flag').bytes.byteOffset
    this.operators = userOperators(this, exports, pool)
  }

  call(fn: keyof typeof functionNumber, handle = 0, input = nothing): CallResult {
    if (this.state !== 'open') throw this.state === 'closed' ? closedError() : this.state
    const address = input.length <= kScratch ? this.scratch : this.allocate(input.length)
    this.memory.write(address, input)
    const status = this.guarded(fn, () =>
      this.exports.pf_call(functionNumber[fn], handle, address, input.length, this.out),
    )
    if (address !== this.scratch) this.exports.free(address)
    if (status !== 0) throw new PfError(codeOfStatus(status), this.memory.text(this.exports.pf_last_error()))
    const bytes = this.memory.view(this.memory.u32(this.out), this.memory.u32(this.out + 4))
    return { handle: this.memory.u32(this.out + 8), bytes }
  }

  abort(): void {
    // Without shared memory nobody is in a run now; the flag then stops the next one.
    if (this.state === 'open') Atomics.store(new Int32Array(this.memory.memory.buffer, this.flag, 1), 0, 1)
  }

  abortHandle(): AbortHandle | undefined {
    return this.pool && { kind: 'shared', memory: this.memory.memory, address: this.flag }
  }

  async registerUserOperators(module: Uint8Array): Promise<string[]> {
    if (this.state !== 'open') throw closedError()
    return await this.operators.register(module)
  }

  whyFewerThreads(): string | undefined {
    return this.pool?.whyFewer()
  }

  takeConsole(): { out: string; error: string } {
    return this.loader.takeConsole()
  }

  async close(): Promise<void> {
    this.state = 'closed'
    await this.pool?.end()
  }

  private allocate(size: number): number {
    const address = this.exports.malloc(size) >>> 0
    if (address === 0) throw new PfError('no_memory', `${size} bytes for a message to the core could not be had`)
    return address
  }

  // A trap leaves the core in no state to go on with.
  private guarded(fn: string, action: () => number): number {
    try {
      return action()
    } catch (cause) {
      const why = this.pool?.failure() ?? (cause instanceof Error ? cause.message : String(cause))
      this.state = new PfError(
        'internal',
        `the core stopped in ${fn}: ${why}. It cannot go on: open a new backend. ` +
          'If no user operator reads or writes outside its tensors, please report this.',
        { cause },
      )
      throw this.state
    }
  }
}

/** Starts a core. The ABI hash is checked before anything else runs. */
export async function openWasmCore(options: WasmOptions): Promise<Core> {
  const { module, build } = options
  const light = needsOnlyLightCalls(module) && !options.wasi
  const loader = light ? lightLoader() : await wasmerLoader()
  const shared = wantsSharedMemory(module) ? createSharedMemory() : undefined
  const memory = shared?.memory
  const exports = await instantiate(module, memory, loader, build)
  if (memory) exports.__wasm_init_tls(ThreadPool.aligned(exports.malloc(ThreadPool.tlsSize(exports))))
  exports._initialize()
  const pool = memory && new ThreadPool(module, exports, memory, options.threadScript)
  try {
    pool?.start(options.threads)
    return new WasmCore(exports, pool, loader, build, shared?.maximum ?? kMaximumPages)
  } catch (error) {
    await pool?.end()
    throw error
  }
}

async function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory | undefined,
  loader: Loader,
  build: string,
): Promise<WasmExports> {
  let instance: WebAssembly.Instance
  try {
    instance = await loader.instantiate(module, memory ? { env: { memory } } : {})
  } catch (cause) {
    if (cause instanceof PfError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PfError('backend', `the WebAssembly core "${build}" cannot be started: ${why}`, { cause })
  }
  const exports = instance.exports as unknown as WasmExports
  checkAbi(typeof exports.pf_abi_hash === 'function' ? exports.pf_abi_hash() >>> 0 : undefined, `the core "${build}"`)
  return exports
}
