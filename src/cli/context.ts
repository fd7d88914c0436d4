// SPDX-License-Identifier: Apache-2.0
// The console and the ways to stop and to open things, shared by all commands.
import type { Backend, BackendOptions } from '../backend/backend.ts'
import { platform } from '../platform/index.ts'
import { type Context, type Given, type Option, oneOf } from './arguments.ts'

interface ClosableContext extends Context {
  /** Ends the line of progress and the wait for Ctrl-C; may be called twice. */
  close(): void
}

export function openContext(): ClosableContext {
  const stop = new AbortController()
  // The first Ctrl-C asks politely; by the second the handler is gone and the process ends as usual.
  let release: (() => void) | undefined = platform.onInterrupt(() => {
    release?.()
    stop.abort()
  })
  const terminal = platform.isTerminal('error')
  let shown = ''
  const erase = () => {
    if (shown !== '') platform.print(`\r${' '.repeat(shown.length)}\r`, 'error')
    shown = ''
  }
  return {
    signal: stop.signal,
    print(line) {
      erase()
      platform.print(`${line}\n`)
    },
    progress(line) {
      if (!terminal || line === shown) return
      erase()
      platform.print(line, 'error')
      shown = line
    },
    note(line) {
      erase()
      platform.print(`${line}\n`, 'error')
    },
    close() {
      erase()
      release?.()
      release = undefined
    },
  }
}

const backends = ['auto', 'cuda', 'native', 'wasm'] as const

/** The options of every command that runs nets. */
export const backendOptions: readonly Option[] = [
  { flag: '--backend', value: 'NAME', describe: `${backends.join(', ')}; auto takes the first that works here` },
  {
    flag: '--build',
    value: 'NAME',
    describe: 'Of WebAssembly: relaxed-mt, simd-mt, relaxed or simd; the fastest unless told',
  },
  { flag: '--precision', value: 'NAME', describe: 'With cuda: fp32, tf32 or fp16' },
  { flag: '--threads', value: 'N', describe: 'Threads to use; as many as there are processors unless told' },
]

/** Opens the backend that --backend and --threads ask for, gives it to `work` and closes it. */
export async function withBackend<T>(
  given: Given,
  { signal }: Context,
  work: (backend: Backend) => Promise<T>,
  more: BackendOptions = {},
): Promise<T> {
  const { openBackend } = await import('../backend/backend.ts')
  const name = given.optional('backend')
  const chosen = name === undefined ? {} : { backend: oneOf('backend', name, backends) }
  const build = given.optional('build')
  const wanted = given.optional('precision')
  const precision =
    wanted === undefined ? {} : { precision: oneOf('precision', wanted, ['fp32', 'tf32', 'fp16'] as const) }
  const backend = await openBackend({
    threads: given.count('threads'),
    signal,
    ...chosen,
    ...(build === undefined ? {} : { build }),
    ...precision,
    ...more,
  })
  const abort = () => backend.abort()
  signal.addEventListener('abort', abort)
  try {
    return await work(backend)
  } finally {
    signal.removeEventListener('abort', abort)
    await backend.close()
  }
}
