// SPDX-License-Identifier: Apache-2.0
// Steps that run beside one another. The core runs one net at a time, so they take turns: a net that has to wait for a queue
// ends with the code `blocked`, and goes on where it was as soon as another step has run something. When all wait, and a
// further round has moved nothing, nothing can ever arrive: then they fail.
import { PfError } from '../util/error.ts'
import { throwIfAborted } from './run.ts'

export class Concurrency {
  #failed = false
  // Steps in progress that have no concurrent steps of their own, and those of them that wait, with what for.
  #live = 0
  #waiting: { why: string; wake: () => void }[] = []
  // What all waited for the last time that all did.
  #before = ''
  #stuck = false

  /**
   * Runs steps until all have ended; fails as the first that fails, after the others have stopped. `within`: called from
   * one of the steps in progress.
   */
  async all(steps: readonly (() => Promise<void>)[], within: boolean): Promise<void> {
    let left = steps.length
    this.#live += left - Number(within)
    const results = await Promise.allSettled(
      steps.map(async (step) => {
        try {
          await step()
        } catch (error) {
          this.#failed = true
          throw error
        } finally {
          this.#live--
          if (--left === 0) this.#live += Number(within)
          this.#progress()
        }
      }),
    )
    const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason)
    if (failures.length > 0) throw failures.find((reason) => !(reason instanceof Stopped)) ?? failures[0]
  }

  /** Runs a net, in pieces if it has to wait. */
  async run(net: (goOn: boolean) => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    for (let goOn = false; ; goOn = true) {
      throwIfAborted(signal)
      if (this.#failed) throw new Stopped('aborted', 'another of the concurrent steps has failed')
      try {
        await net(goOn)
        this.#progress()
        return
      } catch (error) {
        if (!(error instanceof PfError) || error.code !== 'blocked') throw error
        await this.#wait(error, signal)
      }
    }
  }

  #progress(): void {
    this.#before = ''
    this.#wakeAll()
  }

  #wakeAll(): void {
    for (const { wake } of this.#waiting.splice(0)) wake()
  }

  async #wait(error: PfError, signal: AbortSignal | undefined): Promise<void> {
    const woken = new Promise<void>((wake) => {
      this.#waiting.push({ why: error.message, wake })
    })
    const stop = () => this.#wakeAll()
    signal?.addEventListener('abort', stop)
    if (this.#waiting.length === this.#live) this.#allWait()
    await woken
    signal?.removeEventListener('abort', stop)
    if (this.#stuck && !this.#failed) throw error
  }

  // The sentences count what went through the queues: they are the same only if nothing has.
  #allWait(): void {
    const now = this.#waiting
      .map(({ why }) => why)
      .sort()
      .join('\n')
    this.#stuck = now === this.#before
    this.#before = now
    this.#wakeAll()
  }
}

class Stopped extends PfError {}
