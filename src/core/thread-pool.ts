// SPDX-License-Identifier: Apache-2.0
// The threads of a WebAssembly core: each runs src/core/thread.ts with an instance of its own on the core's memory, sleeps
// in cpp/core/parallel.cc and can be called out of it to learn a user operator. Nobody waits for a thread to start: a job
// is cut into chunks, and who comes late finds fewer of them left.
import { platform, type Thread } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import type { WasmExports } from './wasm-exports.ts'

/** What a thread is told, and what it answers once it has done so; only failures are answered but of `user`. */
export type ThreadMessage =
  | ({ kind: 'start'; module: WebAssembly.Module; memory: WebAssembly.Memory; failure: SharedArrayBuffer } & Place)
  | { kind: 'user'; module: WebAssembly.Module; exports: string[]; base: number }
  | { kind: 'run' }
export type ThreadReply = { kind: 'ready' } | { kind: 'failed'; message: string }

/** A thread's number, the upper end of its stack and its thread-local block. */
interface Place {
  index: number
  stack: number
  tls: number
}

const kStackSize = 512 * 1024
const kFailureSize = 1024

export class ThreadPool {
  private readonly module: WebAssembly.Module
  private readonly exports: WasmExports
  private readonly memory: WebAssembly.Memory
  private readonly script: URL
  // In the order of their indices, from 1 on.
  private readonly threads: Thread[] = []
  // Where a thread that traps leaves its message: the caller sleeps and can receive none.
  private readonly report = new SharedArrayBuffer(kFailureSize)
  private readonly waiting = new Set<(error: Error) => void>()
  private missing: string | undefined

  constructor(module: WebAssembly.Module, exports: WasmExports, memory: WebAssembly.Memory, script: URL) {
    this.module = module
    this.exports = exports
    this.memory = memory
    this.script = script
  }

  static tlsSize(exports: WasmExports): number {
    return Number(exports.__tls_size.value) + 64
  }

  /** No thread-local variable asks for more than 64 bytes' alignment. */
  static aligned(address: number): number {
    return ((address >>> 0) + 63) & -64
  }

  /** Starts `count - 1` threads, or as many as the engine gives. They join in when they are ready. */
  start(count: number): void {
    for (let index = 1; index < count; index++) {
      const thread = platform.startThread(this.script, `portafilter-${index}`)
      this.threads.push(thread)
      thread.keepsAlive(false)
      this.listen(thread)
      thread.post({ kind: 'start', ...this.place(index), ...this.shared() } satisfies ThreadMessage)
    }
    this.resume()
  }

  /** Why there are fewer threads than asked for. */
  whyFewer(): string | undefined {
    return this.missing
  }

  /** Every thread instantiates `module` and appends its `exports` to its function table, which then reaches from `base`. */
  async install(module: WebAssembly.Module, exports: string[], base: number): Promise<void> {
    this.exports.pf_threads_stop()
    try {
      await Promise.all(this.threads.map((thread) => this.ask(thread, { kind: 'user', module, exports, base })))
    } finally {
      this.resume()
    }
  }

  /** What a thread that trapped said. */
  failure(): string | undefined {
    const [size] = new Int32Array(this.report, 0, 1)
    if (!size) return undefined
    return new TextDecoder().decode(new Uint8Array(this.report, 4, size).slice())
  }

  async end(): Promise<void> {
    for (const reject of this.waiting) reject(new PfError('closed', 'the backend was closed'))
    await Promise.all(this.threads.splice(0).map((thread) => thread.end()))
  }

  private resume(): void {
    const count = this.threads.length + 1
    this.exports.pf_threads_start(count, count > platform.cores() ? 1 : 0, platform.mayWait() ? 1 : 0)
    for (const thread of this.threads) thread.post({ kind: 'run' } satisfies ThreadMessage)
  }

  // A thread that cannot start is done without, and so are those after it: indices have no gaps.
  private listen(thread: Thread): void {
    const lose = (error: Error): void => {
      const place = this.threads.indexOf(thread)
      if (place < 0) return
      this.missing = `thread ${place + 1} cannot be started: ${error.message}`
      for (const lost of this.threads.splice(place)) void lost.end()
      this.resume()
    }
    thread.onFailure(lose)
    thread.onMessage((reply) => {
      const answer = reply as ThreadReply
      if (answer.kind === 'failed') lose(new Error(answer.message))
    })
  }

  private shared() {
    return { module: this.module, memory: this.memory, failure: this.report }
  }

  private place(index: number): Place {
    const stack = this.exports.malloc(kStackSize) >>> 0
    const tls = this.exports.malloc(ThreadPool.tlsSize(this.exports)) >>> 0
    if (stack === 0 || tls === 0) throw new PfError('no_memory', `no memory for the stack of thread ${index}`)
    return { index, stack: (stack + kStackSize) & -16, tls: ThreadPool.aligned(tls) }
  }

  private async ask(thread: Thread, message: ThreadMessage): Promise<void> {
    let refuse: (error: Error) => void = () => {}
    thread.keepsAlive(true)
    try {
      await new Promise<void>((resolve, reject) => {
        refuse = reject
        this.waiting.add(refuse)
        thread.onFailure(reject)
        thread.onMessage((reply) => {
          const answer = reply as ThreadReply
          if (answer.kind === 'ready') resolve()
          else reject(new Error(answer.message))
        })
        thread.post(message)
      })
    } catch (cause) {
      if (cause instanceof PfError) throw cause
      throw new PfError('backend', `a thread of the pool cannot go on: ${(cause as Error).message}`, { cause })
    } finally {
      this.waiting.delete(refuse)
      this.listen(thread)
      thread.keepsAlive(false)
    }
  }
}
