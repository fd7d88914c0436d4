// SPDX-License-Identifier: Apache-2.0
// What processes tell each other beside gradients: a few numbers, a few bytes.
import type { Backend } from '../backend/backend.ts'
import { tensor } from '../core/tensor.ts'
import { operatorDef } from '../net/net-def.ts'
import { Workspace } from '../net/workspace.ts'

const world = 'replicas/processes'
const blob = 'replicas/message'

/** Between the processes that joined, or within one alone. */
export class Messages {
  readonly #workspace: Workspace | undefined

  private constructor(workspace: Workspace | undefined) {
    this.#workspace = workspace
  }

  /** `link` is a backend of a process that joined the others. */
  static async open(link: Backend | undefined): Promise<Messages> {
    if (link === undefined) return new Messages(undefined)
    // A workspace of its own: that of a replica draws the same random numbers however many processes there are.
    const workspace = await Workspace.open(link)
    await workspace.runOperatorOnce(operatorDef('MPICreateCommonWorld', [], world))
    return new Messages(workspace)
  }

  async close(): Promise<void> {
    await this.#workspace?.close()
  }

  /** The sums over all processes. */
  async sum(values: readonly number[]): Promise<number[]> {
    if (this.#workspace === undefined || values.length === 0) return [...values]
    return Array.from((await this.#run(this.#workspace, 'MPIAllreduce', Float64Array.from(values))) as Float64Array)
  }

  /** The text that process 0 has, everywhere. */
  async fromFirst(text: string | undefined): Promise<string> {
    const own = new TextEncoder().encode(text ?? '')
    if (this.#workspace === undefined) return text ?? ''
    const [length] = await this.sum([text === undefined ? 0 : own.length])
    if (length === 0) return ''
    const room = new Uint8Array(length)
    if (text !== undefined) room.set(own)
    return new TextDecoder().decode((await this.#run(this.#workspace, 'MPIBroadcast', room)) as Uint8Array)
  }

  async #run(workspace: Workspace, type: string, values: Float64Array | Uint8Array): Promise<unknown> {
    await workspace.feedBlob(blob, tensor(values))
    await workspace.runOperatorOnce(operatorDef(type, [world, blob], blob))
    return (await workspace.fetchBlob(blob)).data
  }
}
