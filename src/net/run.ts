// SPDX-License-Identifier: Apache-2.0
// Runs a net several times without holding up the event loop, and stops when asked to.
import type { Backend } from '../backend/backend.ts'
import { PfError } from '../util/error.ts'

export interface RunOptions {
  /** Stops the run; it then fails with the code `aborted`. */
  signal?: AbortSignal
  /** One iteration that begins with the operator at which the last run ended as `blocked`. */
  goOn?: boolean
  /** Called after each iteration with its number, from 0. */
  onIteration?: (iteration: number) => void
}

// Long enough that the pauses cost nothing, short enough that a page stays alive.
const kSliceMs = 30

export function runIterations(
  backend: Backend,
  net: number,
  iterations: number,
  { signal, goOn, onIteration }: RunOptions,
): Promise<void> {
  return abortable(backend, signal, async () => {
    if (onIteration === undefined) return backend.runNet(net, goOn ? { goOn } : { iterations })
    const pause = pacemaker()
    for (let i = 0; i < iterations; i++) {
      throwIfAborted(signal)
      await backend.runNet(net)
      onIteration(i)
      await pause()
    }
  })
}

/** Runs `work`; when the signal fires meanwhile, what the backend is doing is stopped. */
export async function abortable<T>(
  backend: Pick<Backend, 'abort'>,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  throwIfAborted(signal)
  const stop = () => backend.abort()
  signal?.addEventListener('abort', stop)
  try {
    return await work()
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PfError('aborted', 'the run was stopped by its caller', { cause: signal.reason })
}

/** A function to call between pieces of work: now and then it lets timers, events and the screen have their turn. */
export function pacemaker(sliceMs = kSliceMs): () => Promise<void> {
  let last = performance.now()
  return async () => {
    if (performance.now() - last < sliceMs) return
    await new Promise((resolve) => setTimeout(resolve, 0))
    last = performance.now()
  }
}
