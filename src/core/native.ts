// SPDX-License-Identifier: Apache-2.0
// The core as a native addon (cpp/abi/node.cc). One process has one such core, however many backends use it.
import { functionNumber } from '../gen/abi.ts'
import { platform } from '../platform/index.ts'
import { codeOfStatus, PfError } from '../util/error.ts'
import { type Core, checkAbi, closedError, nothing } from './core.ts'

interface Addon {
  abiHash: number
  call(fn: number, handle: number, input: Uint8Array): { status: number; handle: number; bytes: Uint8Array }
  lastError(): string
}

async function load(url: URL): Promise<Addon> {
  let addon: Addon
  try {
    addon = (await platform.loadAddon(url)) as Addon
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PfError('backend', `the native core cannot be loaded: ${why.split('\n')[0]}`, { cause })
  }
  checkAbi(addon.abiHash, `the native core ${url.pathname}`)
  leaveAtExit(addon)
  return addon
}

let leaves = false

// A process that works with others takes leave of them. When one ends in trouble, and does not, mpirun stops the others, which
// would wait for it.
function leaveAtExit(addon: Addon): void {
  if (leaves) return
  leaves = true
  platform.onExit((status) => status === 0 && addon.call(functionNumber.processes, 2, nothing))
}

// The flag lies in static memory of the addon, so that its view, unlike others, stays good.
function abortFlag(addon: Addon): Int32Array {
  const { bytes } = addon.call(functionNumber.abort_flag, 0, nothing)
  return new Int32Array(bytes.buffer, bytes.byteOffset, 1)
}

/** Sets the flag of a native core that runs in another thread of this process. */
export async function abortNative(url: URL): Promise<(value: 0 | 1) => void> {
  const flag = abortFlag(await load(url))
  return (value) => {
    flag[0] = value
  }
}

/** Opens the native core; `threads` counts the caller's, 0 takes what the machine has. */
export async function openNativeCore(url: URL, threads: number): Promise<Core> {
  const addon = await load(url)
  const flag = abortFlag(addon)
  let open = true
  const core: Core = {
    build: 'native',
    memoryLimit: undefined,
    call(fn, handle = 0, input = nothing) {
      if (!open) throw closedError()
      const result = addon.call(functionNumber[fn], handle, input)
      if (result.status !== 0) throw new PfError(codeOfStatus(result.status), addon.lastError())
      return result
    },
    abort: () => {
      flag[0] = 1
    },
    abortHandle: () => ({ kind: 'native' }),
    registerUserOperators: async () => {
      throw new PfError(
        'unsupported',
        "user operators are WebAssembly and run in the WebAssembly core only: open the backend with { backend: 'wasm' }",
      )
    },
    whyFewerThreads: () => undefined,
    takeConsole: () => ({ out: '', error: '' }),
    close: async () => {
      open = false
    },
  }
  if (threads > 0) core.call('threads', threads)
  return core
}
