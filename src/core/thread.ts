// SPDX-License-Identifier: Apache-2.0
// A thread of a WebAssembly core's pool: the entry of dist/thread.js.
import { platform } from '../platform/index.ts'
import type { ThreadMessage, ThreadReply } from './thread-pool.ts'
import { appendToTable } from './user-module.ts'
import { threadImports, wasiModule } from './wasi.ts'
import type { WasmExports } from './wasm-exports.ts'

const parent = platform.parent()
let core: WasmExports | undefined
let memory: WebAssembly.Memory
let failure: SharedArrayBuffer
let index = 0

async function start(message: ThreadMessage & { kind: 'start' }): Promise<void> {
  memory = message.memory
  failure = message.failure
  index = message.index
  const imports = { env: { memory }, [wasiModule]: threadImports(message.module, memory) }
  const instance = await WebAssembly.instantiate(message.module, imports)
  core = instance.exports as unknown as WasmExports
  // The memory is initialised already: only what belongs to this thread is missing.
  core.__stack_pointer.value = message.stack
  core.__wasm_init_tls(message.tls)
}

// Sleeps and works inside until the main instance calls the threads out.
function run(exports: WasmExports): void {
  try {
    exports.pf_thread_main(index)
  } catch (error) {
    const text = new TextEncoder().encode(`in thread ${index}: ${error instanceof Error ? error.message : error}`)
    const shown = text.subarray(0, failure.byteLength - 4)
    new Uint8Array(failure, 4).set(shown)
    new Int32Array(failure, 0, 1)[0] = shown.length
    exports.pf_thread_failed()
  }
}

async function handle(message: ThreadMessage): Promise<ThreadReply | undefined> {
  try {
    if (message.kind === 'start') await start(message)
    else if (message.kind === 'run') run(core as WasmExports)
    else {
      await appendToTable(message, core as WasmExports, memory)
      return { kind: 'ready' }
    }
    return undefined
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

// One after the other: `run` follows `start` at once.
let last: Promise<void> = Promise.resolve()
parent?.onMessage((message) => {
  last = last.then(async () => {
    const reply = await handle(message as ThreadMessage)
    if (reply) parent.post(reply)
  })
})
