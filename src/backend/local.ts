// SPDX-License-Identifier: Apache-2.0
// A backend over a core in this thread.
import {
  decodeHeader,
  decodeNames,
  decodeStrings,
  encodeHeader,
  encodeStrings,
  encodeText,
  encodeU64,
} from '../core/codec.ts'
import { type AbortHandle, type CallResult, type Core, closedError, textOf } from '../core/core.ts'
import { bytesView, elementCount, type Tensor, tensorFromBytes } from '../core/tensor.ts'
import type { Fn } from '../gen/abi.ts'
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import { randomSeed } from '../util/random.ts'
import type {
  Backend,
  BackendInfo,
  BackendName,
  BlobInfo,
  CudaInfo,
  NetInfo,
  ProcessInfo,
  Refusal,
  Schema,
} from './backend.ts'

// Long runs let timers, messages and the screen have their turn this often.
const kSliceMs = 30

export interface LocalOrigin {
  readonly backend: BackendName
  readonly operators: BackendInfo['operators']
  readonly refused: readonly Refusal[]
  /** Of the cuda backend: the GPU that workspaces are opened on, and how it computes. */
  readonly gpu?: { readonly device: number; readonly settings: string }
}

export class LocalBackend implements Backend {
  private readonly core: Core
  private readonly origin: LocalOrigin
  private readonly workspaces = new Set<number>()
  // Operators whose fallback to the CPU was told.
  private readonly told = new Set<string>()
  // The iterations in progress: whatever is called meanwhile waits for them.
  private running: Promise<void> | undefined
  private stopping = false
  private closing: Promise<void> | undefined

  constructor(core: Core, origin: LocalOrigin) {
    this.core = core
    this.origin = origin
  }

  async info(): Promise<BackendInfo> {
    const { version, simd } = await this.json<{ version: string; simd: string }>('version')
    const tensors = await this.json<{ used: number; peak: number; taken: number }>('memory')
    const threads = await this.ask('threads', 0, undefined, ({ handle }) => handle)
    const { memoryLimit: limit, build } = this.core
    const memory = limit === undefined ? tensors : { ...tensors, limit }
    const fewer = this.core.whyFewerThreads()
    const { gpu, ...origin } = this.origin
    const refused = fewer ? [...origin.refused, { backend: build, reason: fewer }] : origin.refused
    const about = { ...origin, refused, build, version, simd, threads, worker: false, memory }
    return origin.backend === 'wasm' ? about : { ...about, cuda: await this.json<CudaInfo>('accelerators') }
  }

  schemas(): Promise<Schema[]> {
    return this.json('schemas')
  }

  openWorkspace(seed?: bigint): Promise<number> {
    const { device, settings } = this.origin.gpu ?? { device: -1, settings: '' }
    const input = new Uint8Array([...encodeU64(seed ?? randomSeed()), ...encodeText(settings)])
    return this.ask('workspace_open', device + 1, input, ({ handle }) => {
      this.workspaces.add(handle)
      return handle
    })
  }

  closeWorkspace(workspace: number): Promise<void> {
    return this.ask('workspace_close', workspace, undefined, () => {
      this.workspaces.delete(workspace)
    })
  }

  feed(workspace: number, name: string, tensor: Tensor): Promise<void> {
    return this.whenFree(() => this.feedNow(workspace, name, tensor))
  }

  fetch(workspace: number, name: string): Promise<Tensor> {
    return this.whenFree(() => this.fetchNow(workspace, name))
  }

  blobInfo(workspace: number, name: string): Promise<BlobInfo> {
    return this.ask('blob_info', workspace, encodeText(name), ({ bytes }) => {
      const { dtype, shape, text } = decodeHeader(bytes)
      return dtype === undefined ? { kind: text || 'empty' } : { kind: 'tensor', dtype, shape }
    })
  }

  blobs(workspace: number): Promise<string[]> {
    return this.ask('blob_list', workspace, undefined, ({ bytes }) => decodeNames(bytes))
  }

  removeBlob(workspace: number, name: string): Promise<void> {
    return this.ask('blob_remove', workspace, encodeText(name), done)
  }

  async createNet(workspace: number, netDef: Uint8Array): Promise<number> {
    const net = await this.ask('net_create', workspace, netDef, ({ handle }) => handle)
    if (this.origin.gpu) this.tellFallbacks(await this.netInfo(net))
    return net
  }

  async runNet(
    net: number,
    { iterations = 1, goOn = false }: { readonly iterations?: number; readonly goOn?: boolean } = {},
  ): Promise<void> {
    if (!Number.isInteger(iterations) || iterations < 0) {
      throw new PfError('argument', `iterations must be a whole number, it is ${iterations}`)
    }
    if (iterations === 0) return
    if (iterations === 1) return this.ask('net_run', net, goOn ? Uint8Array.of(1) : undefined, done)
    return this.whenFree(() => {
      const run = this.iterate(net, iterations).finally(() => {
        this.running = undefined
      })
      this.running = run
      return run
    })
  }

  runNetWith(
    workspace: number,
    net: number,
    feed: readonly (readonly [string, Tensor])[],
    fetch: readonly string[],
  ): Promise<Tensor[]> {
    return this.whenFree(() => {
      for (const [name, tensor] of feed) this.feedNow(workspace, name, tensor)
      this.core.call('net_run', net)
      return fetch.map((name) => this.fetchNow(workspace, name))
    })
  }

  netInfo(net: number): Promise<NetInfo> {
    return this.json('net_info', net)
  }

  closeNet(net: number): Promise<void> {
    return this.ask('net_close', net, undefined, done)
  }

  finish(workspace: number): Promise<void> {
    return this.ask('finish', workspace, undefined, done)
  }

  runNets(nets: readonly number[], times: number): Promise<void> {
    return this.ask('nets_run', times, new Uint8Array(Uint32Array.from(nets).buffer), done)
  }

  processes(action?: 'join' | 'leave'): Promise<ProcessInfo> {
    return this.json('processes', action === undefined ? 0 : action === 'join' ? 1 : 2)
  }

  runOperator(workspace: number, operatorDef: Uint8Array): Promise<void> {
    return this.ask('op_run', workspace, operatorDef, done)
  }

  gradient(request: Uint8Array): Promise<Uint8Array> {
    return this.ask('gradient', 0, request, ({ bytes }) => bytes.slice())
  }

  infer(workspace: number, netDef: Uint8Array): Promise<Uint8Array> {
    return this.ask('infer', workspace, netDef, ({ bytes }) => bytes.slice())
  }

  registerUserOperators(module: Uint8Array): Promise<string[]> {
    return this.whenFree(() => this.core.registerUserOperators(module))
  }

  takeConsole(): Promise<{ out: string; error: string }> {
    return this.whenFree(() => this.core.takeConsole())
  }

  abort(): void {
    // A run that this thread is in cannot be interrupted by it; iterations can, between two of them.
    this.stopping = this.running !== undefined
  }

  /** How a thread that is not in the run can stop it. */
  abortHandle(): AbortHandle | undefined {
    return this.core.abortHandle()
  }

  close(): Promise<void> {
    this.closing ??= this.closeNow()
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async closeNow(): Promise<void> {
    this.abort()
    await this.running?.catch(done)
    for (const workspace of this.workspaces) {
      try {
        this.core.call('workspace_close', workspace)
      } catch {
        break // a core that has stopped frees nothing any more, and need not
      }
    }
    await this.core.close()
  }

  private feedNow(workspace: number, name: string, { dtype, shape, data }: Tensor): void {
    const count = elementCount(shape)
    if (data.length !== count) {
      const text = `its shape [${shape.join(', ')}] takes ${count} elements, it has ${data.length}`
      throw new PfError('shape', `cannot feed blob "${name}": ${text}`)
    }
    if (Array.isArray(data)) {
      this.core.call('blob_deserialize', workspace, encodeStrings(name, shape, data))
      return
    }
    const bytes = bytesView({ dtype, shape, data })
    this.core.call('blob_feed', workspace, encodeHeader(dtype, shape, name)).bytes.set(bytes)
  }

  private fetchNow(workspace: number, name: string): Tensor {
    const blob = encodeText(name)
    const { dtype = 'float32', shape } = decodeHeader(this.core.call('blob_info', workspace, blob).bytes)
    if (dtype === 'string') {
      return { dtype, ...decodeStrings(this.core.call('blob_serialize', workspace, blob).bytes) }
    }
    return tensorFromBytes(this.core.call('blob_data', workspace, blob).bytes, shape, dtype)
  }

  private async iterate(net: number, iterations: number): Promise<void> {
    this.stopping = false
    let last = platform.now()
    for (let i = 0; i < iterations; i++) {
      this.core.call('net_run', net)
      if (platform.now() - last < kSliceMs || i === iterations - 1) continue
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (this.stopping) throw new PfError('aborted', `the run was stopped after ${i + 1} of ${iterations} iterations`)
      last = platform.now()
    }
  }

  /** Says once of each operator that it has no CUDA kernel: its tensors travel to the host and back. */
  private tellFallbacks({ ops }: NetInfo): void {
    const types = ops.filter(({ type, device }) => device === 'cpu' && !this.told.has(type)).map(({ type }) => type)
    if (types.length === 0) return
    for (const type of types) this.told.add(type)
    const names = [...new Set(types)].sort().join(', ')
    platform.print(`portafilter: on the CPU, for want of a CUDA kernel: ${names}\n`, 'error')
  }

  /** Does something as soon as no iterations are in progress; at once, when there are none. */
  private async whenFree<T>(action: () => T | Promise<T>): Promise<T> {
    while (this.running) await this.running.catch(done)
    if (this.closing) throw closedError()
    return action()
  }

  /** Calls the core and uses what it gives at once: it dies with the next call. */
  private ask<T>(fn: Fn, handle: number, input: Uint8Array | undefined, use: (result: CallResult) => T): Promise<T> {
    return this.whenFree(() => use(this.core.call(fn, handle, input)))
  }

  private json<T>(fn: Fn, handle = 0): Promise<T> {
    return this.ask(fn, handle, undefined, ({ bytes }) => JSON.parse(textOf(bytes)) as T)
  }
}

const done = (): void => {}
