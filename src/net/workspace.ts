// SPDX-License-Identifier: Apache-2.0
// A workspace: blobs by name and the nets that work on them, all in the core of one backend.
import type { Backend, BlobInfo, NetInfo } from '../backend/backend.ts'
import { type Tensor, type TensorLike, tensor } from '../core/tensor.ts'
import { PfError } from '../util/error.ts'
import { didYouMean } from '../util/nearest.ts'
import { currentBackend } from './init.ts'
import { type Net, protoOf } from './net.ts'
import {
  argument,
  decodeNetDef,
  encodeNetDef,
  encodeOperatorDef,
  type NetDef,
  type OperatorDef,
  type PlanDef,
} from './net-def.ts'
import { type PlanOptions, runPlan } from './plan.ts'
import { abortable, runIterations, type RunOptions } from './run.ts'

/** What a blob is fed with: a tensor, or numbers that make one (float32 unless a typed array says otherwise). */
export type Feed = Tensor | TensorLike

export interface CreateNetOptions {
  /** Replaces a net of the same name instead of refusing. */
  overwrite?: boolean
}

/** What one operator of a net costs, on average. */
export interface OperatorProfile {
  readonly type: string
  readonly name: string
  readonly ms: number
}

interface CreatedNet {
  readonly handle: number
  readonly bytes: Uint8Array
}

export class Workspace {
  readonly backend: Backend
  readonly #seed: bigint | undefined
  readonly #nets = new Map<string, CreatedNet>()
  #handle: number | undefined

  private constructor(backend: Backend, handle: number, seed: bigint | undefined) {
    this.backend = backend
    this.#handle = handle
    this.#seed = seed
  }

  /** Opens an empty workspace. Workspaces with the same seed draw the same random numbers. */
  static async open(backend?: Backend, options: { seed?: bigint | number } = {}): Promise<Workspace> {
    const target = backend ?? (await currentBackend())
    const seed = options.seed === undefined ? undefined : BigInt(options.seed)
    return new Workspace(target, await target.openWorkspace(seed), seed)
  }

  async feedBlob(name: string, value: Feed): Promise<void> {
    await this.backend.feed(this.#open(), name, asTensor(value))
  }

  /** Feeds several blobs. */
  async feedBlobs(values: Readonly<Record<string, Feed>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) await this.feedBlob(name, value)
  }

  async fetchBlob(name: string): Promise<Tensor> {
    const handle = this.#open()
    try {
      return await this.backend.fetch(handle, name)
    } catch (error) {
      throw await this.#withSuggestion(error, name)
    }
  }

  fetchBlobs(names: readonly string[]): Promise<Tensor[]> {
    return Promise.all(names.map((name) => this.fetchBlob(name)))
  }

  async hasBlob(name: string): Promise<boolean> {
    return (await this.blobs()).includes(name)
  }

  /** What a blob holds: its kind, and of a tensor type and shape. */
  blobInfo(name: string): Promise<BlobInfo> {
    return this.backend.blobInfo(this.#open(), name)
  }

  /** The names of all blobs, sorted. */
  async blobs(): Promise<string[]> {
    return this.backend.blobs(this.#open())
  }

  async removeBlob(name: string): Promise<void> {
    await this.backend.removeBlob(this.#open(), name)
  }

  /** Removes all blobs and nets. */
  async resetWorkspace(): Promise<void> {
    const old = this.#open()
    this.#nets.clear()
    this.#handle = await this.backend.openWorkspace(this.#seed)
    await this.backend.closeWorkspace(old)
  }

  /** Makes a net ready to run under its name, which it answers. */
  async createNet(net: Net | NetDef, { overwrite = false }: CreateNetOptions = {}): Promise<string> {
    const def = protoOf(net)
    const name = def.name ?? ''
    if (name === '') throw new PfError('net', 'a net needs a name before it can be created')
    if (this.#nets.has(name)) await this.#replace(name, overwrite)
    const bytes = encodeNetDef(def)
    this.#nets.set(name, { bytes, handle: await inContext(name, this.backend.createNet(this.#open(), bytes)) })
    return name
  }

  /** Runs a created net, once or several times. With a signal the run can be stopped, also within an iteration. */
  async runNet(net: string | Net, iterations = 1, options: RunOptions = {}): Promise<void> {
    const name = nameOf(net)
    await inContext(name, runIterations(this.backend, this.#net(name).handle, iterations, options))
  }

  /**
   * Feeds blobs, runs a created net once and fetches others. Nothing else comes in between, so calls may overlap, and a
   * worker is asked once instead of for each. With a signal the run can be stopped.
   */
  async runNetWith(
    net: string | Net,
    feed: Readonly<Record<string, Feed>>,
    fetch: readonly string[] = [],
    { signal }: Pick<RunOptions, 'signal'> = {},
  ): Promise<Tensor[]> {
    const name = nameOf(net)
    const { handle } = this.#net(name)
    const tensors = Object.entries(feed).map(([blob, value]) => [blob, asTensor(value)] as const)
    const run = () => this.backend.runNetWith(this.#open(), handle, tensors, fetch)
    try {
      return await inContext(name, abortable(this.backend, signal, run))
    } catch (error) {
      throw await this.#withSuggestion(error, ...fetch)
    }
  }

  /** The number by which the backend knows a created net. */
  netHandle(net: string | Net): number {
    return this.#net(nameOf(net)).handle
  }

  /** Waits for what nets have queued on a GPU; elsewhere nothing is ever queued. Fetching a blob waits as well. */
  async finish(): Promise<void> {
    await this.backend.finish(this.#open())
  }

  /** Creates a net, runs it once and forgets it. The bytes of a NetDef go to the core as they are. */
  async runNetOnce(net: Net | NetDef | Uint8Array, options: RunOptions = {}): Promise<void> {
    const [name, bytes] = net instanceof Uint8Array ? ['', net] : [protoOf(net).name ?? '', encodeNetDef(protoOf(net))]
    const run = (handle: number) => runIterations(this.backend, handle, 1, options)
    await inContext(name, this.#withNet(bytes, run))
  }

  /** Creates an operator, runs it once and forgets it. The bytes of an OperatorDef go to the core as they are. */
  async runOperatorOnce(op: OperatorDef | Uint8Array): Promise<void> {
    await this.backend.runOperator(this.#open(), op instanceof Uint8Array ? op : encodeOperatorDef(op))
  }

  /** Runs a plan, nets and steps that repeat them; also from what a .pb or .pbtxt file holds. */
  async runPlan(plan: PlanDef | Uint8Array | string, options: PlanOptions = {}): Promise<void> {
    const file = plan instanceof Uint8Array || typeof plan === 'string'
    await runPlan(this, file ? await (await import('./read-net.ts')).readMessage('PlanDef', plan) : plan, options)
  }

  /** Forgets a net and frees what it holds. Its blobs stay. */
  async deleteNet(net: string | Net): Promise<void> {
    const name = nameOf(net)
    const { handle } = this.#net(name)
    this.#nets.delete(name)
    await this.backend.closeNet(handle)
  }

  /** The names of the nets created here. */
  nets(): string[] {
    return [...this.#nets.keys()]
  }

  async netInfo(net: string | Net): Promise<NetInfo> {
    return this.backend.netInfo(this.#net(nameOf(net)).handle)
  }

  /** Runs a copy of a created net and says what each of its operators takes, in milliseconds per run. */
  async profile(net: string | Net, { warmup = 1, iterations = 10 } = {}): Promise<OperatorProfile[]> {
    const name = nameOf(net)
    const timed = decodeNetDef(this.#net(name).bytes)
    timed.arg.push(argument('pf.profile', 1))
    return inContext(
      name,
      this.#withNet(encodeNetDef(timed), async (handle) => {
        await this.backend.runNet(handle, { iterations: warmup })
        const before = (await this.backend.netInfo(handle)).ops
        await this.backend.runNet(handle, { iterations })
        const after = (await this.backend.netInfo(handle)).ops
        return after.map(({ type, name, ms }, i) => ({ type, name, ms: (ms - before[i].ms) / iterations }))
      }),
    )
  }

  /** Frees the workspace with its blobs and nets. Closing it again does nothing. */
  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    this.#nets.clear()
    if (handle !== undefined) await this.backend.closeWorkspace(handle)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #replace(name: string, overwrite: boolean): Promise<void> {
    if (!overwrite) {
      const refusal = `I respectfully refuse to overwrite an existing net of the same name "${name}"`
      throw new PfError('exists', `${refusal}, unless you explicitly specify overwrite: true`)
    }
    // The old net goes first: it may hold what the new one wants to open.
    await this.deleteNet(name)
  }

  async #withNet<T>(net: Uint8Array, work: (handle: number) => Promise<T>): Promise<T> {
    const handle = await this.backend.createNet(this.#open(), net)
    try {
      return await work(handle)
    } finally {
      await this.backend.closeNet(handle)
    }
  }

  #open(): number {
    if (this.#handle === undefined) throw new PfError('closed', 'the workspace is closed')
    return this.#handle
  }

  #net(name: string): CreatedNet {
    this.#open()
    const found = this.#nets.get(name)
    if (found !== undefined) return found
    const hint = didYouMean(name, this.#nets.keys()) || '; createNet makes it'
    throw new PfError('net', `no net "${name}" was created in this workspace${hint}`)
  }

  // Of the blobs that were asked for, the first that there is not is the one that was missed.
  async #withSuggestion(error: unknown, ...names: readonly string[]): Promise<unknown> {
    if (!(error instanceof PfError) || error.code !== 'no_blob') return error
    const known = await this.blobs()
    const missing = names.find((name) => !known.includes(name))
    const hint = missing === undefined ? '' : didYouMean(missing, known)
    return hint === '' || error.message.includes(hint)
      ? error
      : new PfError('no_blob', error.message + hint, { cause: error })
  }
}

export function asTensor(value: Feed): Tensor {
  return typeof value === 'object' && 'dtype' in value ? value : tensor(value)
}

function nameOf(net: string | Net): string {
  return typeof net === 'string' ? net : net.name
}

// The core names the operator and its place; what it may not know is the net's name.
async function inContext<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof PfError) || error.message.includes(name)) throw error
    throw new PfError(error.code, `net "${name}": ${error.message}`, { cause: error })
  }
}
