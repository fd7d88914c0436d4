// SPDX-License-Identifier: Apache-2.0
// Synchronous access to a compiled core: bytes in, bytes out. See cpp/abi/pf.h for what each function takes and gives.
import { abiHash, type Fn } from '../gen/abi.ts'
import { PfError } from '../util/error.ts'

export interface CallResult {
  readonly handle: number
  /** A view into core memory: it dies with the next call. Only what blob_feed gives may be written to. */
  readonly bytes: Uint8Array
}

export interface Core {
  /** 'native', or which WebAssembly build: 'simd', 'relaxed', 'simd-mt', 'relaxed-mt'. */
  readonly build: string
  /** Bytes that the core's memory can grow to; undefined where only the machine sets a limit. */
  readonly memoryLimit: number | undefined
  /** Calls a function of the core; a status other than ok becomes a PfError with the core's own sentence. */
  call(fn: Fn, handle?: number, input?: Uint8Array): CallResult
  /** Stops the run in progress, when another thread is in it. */
  abort(): void
  /** What lets another thread stop a run, or undefined where nothing is shared. Can be posted. */
  abortHandle(): AbortHandle | undefined
  /** Makes the operators of a compiled AssemblyScript module known; answers their names. */
  registerUserOperators(module: Uint8Array): Promise<string[]>
  /** Why there are fewer threads than asked for, when there are. */
  whyFewerThreads(): string | undefined
  /** What operators and tools have written to the console since the last time, where it is captured. */
  takeConsole(): { out: string; error: string }
  /** Ends the core's threads and lets go of its memory. Closing twice is fine; a call after it is a PfError 'closed'. */
  close(): Promise<void>
}

/** Where a core's abort flag lies. */
export type AbortHandle = { kind: 'shared'; memory: WebAssembly.Memory; address: number } | { kind: 'native' }

export const nothing = new Uint8Array(0)

/** Refuses a core whose functions or statuses are not the ones this JavaScript was made for. */
export function checkAbi(found: number | undefined, what: string): void {
  if (found === abiHash) return
  const hex = (hash: number): string => `0x${hash.toString(16).padStart(8, '0')}`
  const is = found === undefined ? 'it has no pf_abi_hash, so it is no Portafilter core' : `it is ${hex(found)}`
  throw new PfError(
    'backend',
    `${what} does not fit this JavaScript: its ABI hash should be ${hex(abiHash)}, ${is}. ` +
      'Use the core and the JavaScript of one and the same version (`make` builds both).',
  )
}

export function closedError(): PfError {
  return new PfError('closed', 'this backend is closed; open a new one with openBackend()')
}

/** Text out of core memory; shared bytes must be copied before a browser decodes them. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice())
}
