// SPDX-License-Identifier: Apache-2.0
// The loop of training: feed, run, and now and then say how it goes.
import type { Net } from './net.ts'
import { abortable, pacemaker, throwIfAborted } from './run.ts'
import { asTensor, type Feed, type Workspace } from './workspace.ts'

export interface TrainProgress {
  /** Iterations done, of how many. */
  readonly iteration: number
  readonly iterations: number
  readonly loss: number
  readonly seconds: number
  readonly secondsLeft: number
  /** Rows of the first blob fed, per second, lately. */
  readonly imagesPerSecond: number
}

export interface TrainOptions {
  workspace: Workspace
  /** A net that was created in the workspace. */
  net: string | Net
  iterations: number
  /** What to feed before an iteration, counted from 0. */
  feed: (iteration: number) => Readonly<Record<string, Feed>> | Promise<Readonly<Record<string, Feed>>>
  /** The blob that tells how it goes. */
  loss?: string
  onProgress?: (progress: TrainProgress) => void
  /** Milliseconds between two reports; the first and the last iteration always report. */
  reportEvery?: number
  signal?: AbortSignal
}

/** Trains and answers the last progress. The event loop gets its turn meanwhile. */
export async function train(options: TrainOptions): Promise<TrainProgress> {
  const { workspace, net, iterations, signal, loss = 'loss', reportEvery = 200 } = options
  const pause = pacemaker()
  const meter = new Meter(iterations)
  return abortable(workspace.backend, signal, async () => {
    let progress = meter.read(0, Number.NaN)
    for (let i = 0; i < iterations; i++) {
      throwIfAborted(signal)
      const values = await options.feed(i)
      await workspace.runNetWith(net, values)
      meter.count(values)
      if (i === 0 || i === iterations - 1 || meter.sinceReport() >= reportEvery) {
        progress = meter.read(i + 1, Number((await workspace.fetchBlob(loss)).data[0]))
        options.onProgress?.(progress)
      }
      await pause()
    }
    return progress
  })
}

class Meter {
  readonly #iterations: number
  readonly #start = performance.now()
  #reported = this.#start
  #images = 0

  constructor(iterations: number) {
    this.#iterations = iterations
  }

  count(values: Readonly<Record<string, Feed>>): void {
    const first = Object.values(values)[0]
    if (first !== undefined) this.#images += asTensor(first).shape[0] ?? 1
  }

  sinceReport(): number {
    return performance.now() - this.#reported
  }

  read(iteration: number, loss: number): TrainProgress {
    const now = performance.now()
    const seconds = (now - this.#start) / 1000
    const imagesPerSecond = (this.#images * 1000) / Math.max(now - this.#reported, 1)
    const secondsLeft = iteration > 0 ? (seconds / iteration) * (this.#iterations - iteration) : Number.NaN
    this.#reported = now
    this.#images = 0
    return { iteration, iterations: this.#iterations, loss, seconds, secondsLeft, imagesPerSecond }
  }
}
