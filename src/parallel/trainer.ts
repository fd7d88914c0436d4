// SPDX-License-Identifier: Apache-2.0
// Replicas of a model that train together.
import { byteSize, type Tensor } from '../core/tensor.ts'
import type { ModelHelper } from '../net/model-helper.ts'
import { copyOf, type Net, protoOf } from '../net/net.ts'
import { argument, type NetDef, netDef, operatorDef } from '../net/net-def.ts'
import { pacemaker } from '../net/run.ts'
import { type Feed, Workspace } from '../net/workspace.ts'
import { PfError, withContext } from '../util/error.ts'
import { type Extra, loadBlobs, saveBlobs } from './checkpoint.ts'
import type { DataParallel, DataParallelOptions, GradientBucket, ReplicaPlace, StepTimes } from './data-parallel.ts'
import { findMembers, type Members } from './members.ts'
import { Messages } from './processes.ts'
import { stepTimes } from './profile.ts'
import { addCollectives, collective, copyModel, worldBlob } from './replica-net.ts'

const kBucketBytes = 25 << 20

// Groups of replicas of this process: each trainer is one.
let groups = 0

/** What is known before the first net is made. */
interface Start {
  readonly members: Members
  readonly workspaces: readonly Workspace[]
  readonly messages: Messages
  readonly places: readonly ReplicaPlace[]
}

export async function openTrainer(model: ModelHelper, options: DataParallelOptions): Promise<DataParallel> {
  const { bucketBytes = kBucketBytes } = options
  if (!(bucketBytes > 0)) throw new PfError('argument', `bucketBytes must be a number above 0, found ${bucketBytes}`)
  const members = await findMembers(options)
  const workspaces: Workspace[] = []
  let messages: Messages | undefined
  try {
    for (const [i, backend] of members.backends.entries()) {
      workspaces.push(await Workspace.open(backend, seedOf(options, members.rank * members.backends.length + i)))
    }
    messages = await Messages.open(members.link)
    const places = await placesOf(members, messages)
    const trainer = new Trainer({ members, workspaces, messages, places })
    await trainer.start(model, { ...options, bucketBytes })
    return trainer
  } catch (error) {
    await closeAll([...workspaces, ...(messages ? [messages] : []), ...members.owned]).catch(() => {}) // the first error tells
    throw error
  }
}

function seedOf({ seed }: DataParallelOptions, worker: number): { seed?: bigint } {
  return seed === undefined ? {} : { seed: BigInt(seed) + BigInt(worker) * 0x9e3779b97f4a7c15n }
}

// In order, and each of them: what cannot be closed keeps no others open.
async function closeAll(all: readonly { close(): Promise<void> }[]): Promise<void> {
  const failures: unknown[] = []
  for (const each of all) await each.close().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}

async function placesOf({ rank, processes, backends, devices }: Members, messages: Messages): Promise<ReplicaPlace[]> {
  const [onGpus] = await messages.sum([devices.length > 0 ? 1 : 0])
  if (onGpus !== 0 && onGpus !== processes) {
    const text = `${onGpus} of the ${processes} processes train on GPUs and the others on the CPU; all do the same`
    throw new PfError('argument', `${text}: leave devices out where each host has GPUs, else write devices: []`)
  }
  const counts = await messages.sum(Array.from({ length: processes }, (_, i) => (i === rank ? backends.length : 0)))
  const first = counts.slice(0, rank).reduce((a, b) => a + b, 0)
  const workers = counts.reduce((a, b) => a + b, 0)
  return backends.map((_, replica) => {
    const device = devices[replica]
    return { replica, worker: first + replica, workers, rank, ...(device !== undefined && { device }) }
  })
}

class Trainer implements DataParallel {
  readonly rank: number
  readonly processes: number
  readonly workers: number
  readonly workerNumbers: readonly number[]
  readonly devices: readonly number[]
  readonly workspaces: readonly Workspace[]
  buckets: readonly GradientBucket[] = []
  state: readonly string[] = []
  readonly #members: Members
  readonly #messages: Messages
  readonly #places: readonly ReplicaPlace[]
  #step = ''
  #nets: readonly NetDef[] = []
  #closed = false

  constructor({ members, workspaces, messages, places }: Start) {
    this.rank = members.rank
    this.processes = members.processes
    this.workers = places[0].workers
    this.workerNumbers = places.map(({ worker }) => worker)
    this.devices = members.devices
    this.workspaces = workspaces
    this.#members = members
    this.#messages = messages
    this.#places = places
  }

  async start(model: ModelHelper, options: DataParallelOptions & { bucketBytes: number }): Promise<void> {
    const { adapt = () => {}, broadcastComputedParams = true, bucketBytes } = options
    const inits = this.#places.map((place) => onDevice(copyOf(model.paramInitNet.proto()), place))
    const copies = this.#places.map(() => copyModel(model, this.workers))
    copies.forEach(({ def }, i) => void onDevice(def, this.#places[i]))
    for (const [i, place] of this.#places.entries()) adapt({ net: copies[i].def, init: inits[i] }, place)
    for (const [i, workspace] of this.workspaces.entries()) await workspace.runNetOnce(inits[i])
    this.state = await this.#tensorsOf(inits[0])
    if (this.workers > 1) {
      await this.#meet()
      await this.synchronize()
      const bytes = await byteSizes(this.workspaces[0], model.params)
      const how = { bucketBytes, broadcastComputedParams, bytesOf: (blob: string) => bytes.get(blob) ?? 0 }
      for (const copy of copies) this.buckets = addCollectives(model, copy, how)
    }
    this.#nets = copies.map(({ def }) => unfed(def))
    for (const [i, workspace] of this.workspaces.entries()) this.#step = await workspace.createNet(this.#nets[i])
  }

  async feed(replica: number, blobs: Readonly<Record<string, Feed>>): Promise<void> {
    await this.#replica(replica).feedBlobs(blobs)
  }

  async step(iterations = 1): Promise<void> {
    await this.runNet(this.#step, iterations)
  }

  async fetch(blob: string, replica = 0): Promise<Tensor> {
    return this.#replica(replica).fetchBlob(blob)
  }

  async finish(): Promise<void> {
    for (const workspace of this.#open()) await workspace.finish()
  }

  async createNet(net: Net | NetDef): Promise<string> {
    let name = ''
    for (const [i, workspace] of this.#open().entries()) {
      name = await workspace.createNet(unfed(onDevice(copyOf(protoOf(net)), this.#places[i])))
    }
    return name
  }

  async runNet(net: string | Net, iterations = 1): Promise<void> {
    const nets = this.#open().map((workspace) => workspace.netHandle(net))
    const name = typeof net === 'string' ? net : net.name
    const pause = pacemaker()
    try {
      for (let i = 0; i < iterations; i++) {
        await this.workspaces[0].backend.runNets(nets, 1)
        await pause()
      }
    } catch (error) {
      throw error instanceof PfError && error.message.includes(name) ? error : withContext(error, `net "${name}"`)
    }
  }

  async sum(values: readonly number[]): Promise<number[]> {
    this.#open()
    return this.#messages.sum(values)
  }

  async save(path: string, extra: Extra = {}): Promise<void> {
    const [workspace] = this.#open()
    await this.#firstOnly(async () => {
      await saveBlobs(workspace, path, this.state, extra)
      return ''
    })
  }

  async load(path: string): Promise<Extra> {
    const [workspace] = this.#open()
    const extra = await this.#firstOnly(async () => JSON.stringify(await loadBlobs(workspace, path, this.state)))
    await this.synchronize()
    return JSON.parse(extra) as Extra
  }

  async synchronize(): Promise<void> {
    if (this.workers > 1)
      await this.#runOnce('replicas_synchronize', () => [collective('ReplicaBroadcast', this.state)])
    await this.finish()
  }

  async profile(iterations = 20): Promise<StepTimes> {
    return stepTimes(this.#open(), this.#nets, iterations)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    // What one replica still does may read the memory of another.
    for (const workspace of this.workspaces) await workspace.finish().catch(() => {})
    await closeAll([...this.workspaces, this.#messages, ...this.#members.owned])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // Each replica gets to know the others.
  async #meet(): Promise<void> {
    const group = ++groups
    const [replicas, processes] = [this.workspaces.length, this.processes > 1]
    await this.#runOnce('replicas_meet', ({ replica }) => [
      operatorDef('CreateReplicaWorld', [], worldBlob, { group, replica, replicas, processes }),
    ])
  }

  async #runOnce(name: string, ops: (place: ReplicaPlace) => NetDef['op']): Promise<void> {
    for (const [i, workspace] of this.workspaces.entries()) {
      await workspace.createNet(netDef({ name, op: ops(this.#places[i]) }), { overwrite: true })
    }
    await this.runNet(name)
    for (const workspace of this.workspaces) await workspace.deleteNet(name)
  }

  // Process 0 does it; what it answers, or its error, is everybody's.
  async #firstOnly(work: () => Promise<string>): Promise<string> {
    let text: string | undefined
    let failure: unknown
    if (this.rank === 0) {
      try {
        text = JSON.stringify({ answer: await work() })
      } catch (error) {
        failure = error
        const { code, message } = error instanceof PfError ? error : new PfError('internal', String(error))
        text = JSON.stringify({ code, message })
      }
    }
    const reply = JSON.parse(await this.#messages.fromFirst(text))
    if (failure !== undefined) throw failure
    if (reply.code === undefined) return reply.answer
    throw new PfError(reply.code, `in process 0: ${reply.message}`)
  }

  async #tensorsOf(init: NetDef): Promise<string[]> {
    const made = [...new Set(init.op.flatMap(({ output }) => output))]
    const kinds = await Promise.all(made.map((blob) => this.workspaces[0].blobInfo(blob)))
    return made.filter((_, i) => kinds[i].kind === 'tensor' && kinds[i].dtype !== 'string')
  }

  #open(): readonly Workspace[] {
    if (this.#closed) throw new PfError('closed', 'the replicas are closed')
    return this.workspaces
  }

  #replica(number: number): Workspace {
    const found = this.#open()[number]
    if (found) return found
    const there = this.workspaces.length === 1 ? 'only replica 0' : `replicas 0 to ${this.workspaces.length - 1}`
    throw new PfError('argument', `there is no replica ${number} in this process; it has ${there}`)
  }
}

async function byteSizes(workspace: Workspace, blobs: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  for (const blob of blobs) {
    const { dtype, shape = [] } = await workspace.blobInfo(blob)
    if (dtype !== undefined && dtype !== 'string') sizes.set(blob, byteSize(shape, dtype))
  }
  return sizes
}

// Batches come later: blobs that nobody makes are there, and empty.
function unfed(def: NetDef): NetDef {
  def.arg.push(argument('pf.create_inputs', 1))
  return def
}

// A model made for one GPU trains on any: what asks for a GPU gets the replica's.
function onDevice(def: NetDef, { device }: ReplicaPlace): NetDef {
  for (const option of [def.deviceOption, ...def.op.map((op) => op.deviceOption)]) {
    if (option?.deviceType === 1 && device !== undefined) option.cudaGpuId = device
  }
  return def
}
