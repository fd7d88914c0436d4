// SPDX-License-Identifier: Apache-2.0
// Versions of blobs: a blob written again is another value, and a gradient belongs to one of them.
import type { OperatorDef } from './net-def.ts'

/** An operator with the versions of the blobs it reads and writes. */
export interface BlobVersions {
  readonly op: OperatorDef
  readonly reads: ReadonlyMap<string, number>
  readonly writes: ReadonlyMap<string, number>
}

export class History {
  readonly steps: BlobVersions[] = []
  readonly #now = new Map<string, number>()
  readonly #uses = new Map<string, number[]>()

  constructor(ops: readonly OperatorDef[]) {
    for (const op of ops) this.#play(op)
  }

  /** The version after the last operator; 0 is what was there before the first. */
  versionNow(blob: string): number {
    return this.#now.get(blob) ?? 0
  }

  /** The indices of the operators that read this version, in order; one that reads it twice is there twice. */
  uses(blob: string, version: number): readonly number[] {
    return this.#uses.get(`${version} ${blob}`) ?? []
  }

  use(blob: string, version: number, step: number): void {
    const key = `${version} ${blob}`
    const uses = this.#uses.get(key)
    if (uses === undefined) this.#uses.set(key, [step])
    else uses.push(step)
  }

  /** The operator that wrote this version. */
  producer(blob: string, version: number): OperatorDef | undefined {
    return this.steps.find((step) => step.writes.get(blob) === version)?.op
  }

  /** In words, who wrote the blob, for messages. */
  writers(blob: string): string[] {
    return this.steps.flatMap(({ op, writes }, index) => {
      const version = writes.get(blob)
      return version === undefined ? [] : [`${op.type} (operator ${index}, version ${version})`]
    })
  }

  #play(op: OperatorDef): void {
    const reads = new Map<string, number>()
    for (const blob of op.input) {
      reads.set(blob, this.versionNow(blob))
      this.use(blob, this.versionNow(blob), this.steps.length)
    }
    const writes = new Map<string, number>()
    for (const blob of op.output) {
      this.#now.set(blob, this.versionNow(blob) + 1)
      writes.set(blob, this.versionNow(blob))
    }
    this.steps.push({ op, reads, writes })
  }
}
