// SPDX-License-Identifier: Apache-2.0
// A backend in a worker. The protocol is the interface `Backend` itself: a call is the method's name and arguments.
import { type AbortHandle, closedError } from '../core/core.ts'
import { type Port, platform, type Thread } from '../platform/index.ts'
import { PfError, type PfErrorCode } from '../util/error.ts'
import type { Backend, BackendInfo, BackendOptions, Method, Tensor } from './backend.ts'
import type { LocalBackend } from './local.ts'

/** Where the worker finds what the page's bundle knows. */
export interface Assets {
  /** The builds of the WebAssembly core by name, with the operators of the classic nets and with all. */
  readonly wasm: Readonly<Record<'base' | 'all', Readonly<Record<string, string>>>>
  readonly thread: string
  readonly native: string
}

/** The options of a backend in the form that can be posted. */
export type PostedOptions = Omit<BackendOptions, 'signal' | 'worker' | 'wasm'> & {
  readonly wasm?: WebAssembly.Module | Uint8Array | string
  readonly assets: Assets
}

type Call =
  | { [M in Method]: { id: number; method: M; args: Parameters<Backend[M]> } }[Method]
  | { id: number; method: 'open'; args: [PostedOptions] }
  | { id: number; method: 'close'; args: [] }
  | { id: 0; method: 'abort' }

type Reply = { id: number; value: unknown } | { id: number; code: PfErrorCode; message: string }

/** The buffers that a result owns and the worker needs no more. */
function buffersOf(value: unknown): Transferable[] {
  if (Array.isArray(value)) return value.flatMap(buffersOf)
  const data = value instanceof Uint8Array ? value : (value as Partial<Tensor> | undefined)?.data
  return ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer ? [data.buffer] : []
}

/** In the worker: opens a backend when told to and serves it. */
export function serve(port: Port, open: (options: PostedOptions) => Promise<LocalBackend>): void {
  let backend: LocalBackend | undefined

  const answer = async (call: Exclude<Call, { method: 'abort' }>): Promise<unknown> => {
    if (call.method === 'open') {
      backend = await open(call.args[0])
      return backend.abortHandle()
    }
    if (backend === undefined) throw closedError()
    return await (backend[call.method] as (...args: readonly unknown[]) => Promise<unknown>)(...call.args)
  }

  port.onMessage(async (message) => {
    const call = message as Call
    if (call.method === 'abort') return backend?.abort()
    try {
      const value = await answer(call)
      port.post({ id: call.id, value } satisfies Reply, buffersOf(value))
    } catch (error) {
      const { code, message: text } = error instanceof PfError ? error : new PfError('internal', String(error))
      port.post({ id: call.id, code, message: text } satisfies Reply)
    }
  })
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

class RemoteBackend {
  private readonly thread: Thread
  private readonly nativeAddon: URL
  private readonly waiting = new Map<number, Waiting>()
  private readonly runs = new Set<number>()
  private raiseFlag: ((value: 0 | 1) => void) | undefined
  private raised = false
  private last = 0
  private gone: PfError | undefined
  private closing: Promise<void> | undefined

  constructor(script: URL, nativeAddon: URL) {
    this.nativeAddon = nativeAddon
    this.thread = platform.startThread(script, 'portafilter')
    this.thread.onMessage((message) => this.receive(message as Reply))
    this.thread.onFailure((cause) => {
      this.end(new PfError('backend', `the engine's worker has failed: ${cause.message}`, { cause }))
    })
  }

  async open(options: PostedOptions): Promise<void> {
    await this.useFlag((await this.send('open', [options])) as AbortHandle | undefined)
    this.thread.keepsAlive(false)
  }

  send(
    method: Exclude<Call['method'], 'abort'>,
    args: readonly unknown[],
    transfer?: Transferable[],
  ): Promise<unknown> {
    if (this.gone) return Promise.reject(this.gone)
    const id = ++this.last
    if (/^run/.test(method)) this.runs.add(id)
    this.thread.keepsAlive(true)
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      this.thread.post({ id, method, args }, transfer)
    })
  }

  abort(): void {
    if (this.runs.size === 0) return
    this.raised = true
    this.raiseFlag?.(1)
    this.thread.post({ id: 0, method: 'abort' } satisfies Call)
  }

  close(): Promise<void> {
    this.closing ??= this.closeNow()
    return this.closing
  }

  /** Ends the worker, whatever it does; all calls in progress fail. */
  async end(error: PfError): Promise<void> {
    this.gone ??= error
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
    await this.thread.end()
  }

  private async closeNow(): Promise<void> {
    if (!this.gone) {
      this.abort()
      const closed = this.send('close', [])
      this.gone = closedError()
      await closed.catch(() => {})
    }
    await this.end(closedError())
  }

  private receive(reply: Reply): void {
    const call = this.waiting.get(reply.id)
    this.waiting.delete(reply.id)
    this.settleRun(reply.id)
    if (this.waiting.size === 0) this.thread.keepsAlive(false)
    if ('code' in reply) call?.reject(new PfError(reply.code, reply.message))
    else call?.resolve(reply.value)
  }

  // A flag raised too late for its run must not stop the next one.
  private settleRun(id: number): void {
    if (!this.runs.delete(id) || this.runs.size > 0 || !this.raised) return
    this.raised = false
    this.raiseFlag?.(0)
  }

  private async useFlag(handle: AbortHandle | undefined): Promise<void> {
    if (handle?.kind === 'native') {
      const { abortNative } = await import('../core/native.ts') // pages have none
      this.raiseFlag = await abortNative(this.nativeAddon)
    }
    if (handle?.kind !== 'shared') return
    const flag = new Int32Array(handle.memory.buffer, handle.address, 1)
    this.raiseFlag = (value) => Atomics.store(flag, 0, value)
  }
}

// Feeding copies: the worker gets bytes of its own, the caller keeps his.
function ownCopy(tensor: Tensor): { tensor: Tensor; transfer: Transferable[] } {
  if (Array.isArray(tensor.data)) return { tensor, transfer: [] }
  const data = tensor.data.slice()
  return { tensor: { ...tensor, data }, transfer: [data.buffer as ArrayBuffer] }
}

/** Starts a worker and opens a backend in it. */
export async function openRemote(script: URL, options: PostedOptions, signal?: AbortSignal): Promise<Backend> {
  const remote = new RemoteBackend(script, new URL(options.assets.native))
  const stop = (): void => {
    void remote.end(new PfError('aborted', 'opening the backend was stopped', { cause: signal?.reason }))
  }
  signal?.addEventListener('abort', stop)
  try {
    await remote.open(options)
  } catch (error) {
    await remote.end(closedError())
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  return proxyOf(remote)
}

function proxyOf(remote: RemoteBackend): Backend {
  const method =
    <M extends Method>(name: M) =>
    (...args: Parameters<Backend[M]>) =>
      remote.send(name, args) as ReturnType<Backend[M]>
  const close = (): Promise<void> => remote.close()
  return {
    info: async () => ({ ...((await remote.send('info', [])) as BackendInfo), worker: true }),
    schemas: method('schemas'),
    openWorkspace: method('openWorkspace'),
    closeWorkspace: method('closeWorkspace'),
    async feed(workspace, name, given) {
      const { tensor, transfer } = ownCopy(given)
      await remote.send('feed', [workspace, name, tensor], transfer)
    },
    fetch: method('fetch'),
    blobInfo: method('blobInfo'),
    blobs: method('blobs'),
    removeBlob: method('removeBlob'),
    createNet: method('createNet'),
    runNet: method('runNet'),
    async runNetWith(workspace, net, feed, fetch) {
      const own = feed.map(([name, given]) => ({ name, ...ownCopy(given) }))
      const named = own.map(({ name, tensor }) => [name, tensor])
      const transfer = own.flatMap((each) => each.transfer)
      return (await remote.send('runNetWith', [workspace, net, named, fetch], transfer)) as Tensor[]
    },
    netInfo: method('netInfo'),
    closeNet: method('closeNet'),
    finish: method('finish'),
    runNets: method('runNets'),
    processes: method('processes'),
    runOperator: method('runOperator'),
    gradient: method('gradient'),
    infer: method('infer'),
    registerUserOperators: method('registerUserOperators'),
    takeConsole: method('takeConsole'),
    abort: () => remote.abort(),
    close,
    [Symbol.asyncDispose]: close,
  }
}
