// SPDX-License-Identifier: Apache-2.0
// Asynchronous access to a core, which runs in this thread or in a worker. Every argument and every result can be posted,
// so that this interface is also the worker's protocol (remote.ts): nobody keeps a second list of messages.
import type { Tensor } from '../core/tensor.ts'

export type { Tensor } from '../core/tensor.ts'
export { openBackend } from './open.ts'

export type BackendName = 'cuda' | 'native' | 'wasm'

export interface BackendOptions {
  /** Which backend; 'auto' takes the first that this machine has, of cuda, native, wasm. */
  readonly backend?: 'auto' | BackendName
  /** Threads to compute with, the caller's included; as many as there are processors unless told. */
  readonly threads?: number
  /** Whether the engine runs in a worker; in pages it does unless told otherwise, elsewhere it does not. */
  readonly worker?: boolean
  /** The WebAssembly core: a module, its bytes, or where it lies; one of dist/pf-*.wasm unless told. */
  readonly wasm?: WasmSource | Promise<WasmSource>
  /** Which build of the WebAssembly core: 'relaxed-mt', 'simd-mt', 'relaxed' or 'simd'; the fastest that runs unless told. */
  readonly build?: string
  /**
   * Which operators the WebAssembly core has: 'base', those of the classic nets and of training them, is what pages load
   * unless told; 'all' is a third larger and the default elsewhere. The native core has all.
   */
  readonly operators?: 'base' | 'all'
  /** CUDA: which GPU, counted from 0. */
  readonly device?: number
  /**
   * CUDA: what convolutions and matrix products compute with. 'fp32' (unless told) is exact float32; 'tf32' rounds their
   * operands to 10 bits of mantissa; 'fp16' also keeps activations as halves, parameters and their updates stay float32.
   */
  readonly precision?: Precision
  /** CUDA, fp16: gradients of activations are kept multiplied by this power of two, so that small ones survive. */
  readonly lossScale?: number
  /** Gives the core a file system and captures its console, see `takeConsole()`. */
  readonly wasi?: boolean
  /** Where operators such as Print write: standard output unless told. The native core has one such place for the process. */
  readonly printTo?: 'out' | 'error'
  /** Stops the opening. */
  readonly signal?: AbortSignal
}

export type Precision = 'fp32' | 'tf32' | 'fp16'

export type WasmSource = WebAssembly.Module | Uint8Array | ArrayBuffer | URL | string | Response

export interface Refusal {
  readonly backend: string
  readonly reason: string
}

/** What CUDA finds on this machine. */
export interface CudaInfo {
  /** Whether the addon has CUDA kernels. */
  readonly built: boolean
  readonly driver?: string
  /** Why there is no device. */
  readonly why?: string
  readonly devices: readonly {
    readonly index: number
    readonly name: string
    readonly memory: number
    readonly capability: string
    readonly multiprocessors: number
  }[]
  /** The libraries that are opened when they are needed: where each was found, or where it was looked for. */
  readonly libraries?: readonly {
    readonly name: string
    readonly found: boolean
    readonly path?: string
    readonly lookedIn?: string
  }[]
  /** Bytes of device memory: held by tensors, kept for the next that ask, and the most that were held. */
  readonly pools?: readonly { readonly inUse: number; readonly cached: number; readonly peak: number }[]
}

/** The processes that mpirun started together, of which this is one. */
export interface ProcessInfo {
  /** Whether mpirun started this process, and whether it works with the others. */
  readonly started: boolean
  readonly joined: boolean
  readonly rank: number
  readonly size: number
  /** The same among the processes of this host. */
  readonly localRank: number
  readonly localSize: number
  /** The MPI library: where it was found, or where it was looked for. Not in WebAssembly. */
  readonly library?: {
    readonly name: string
    readonly found: boolean
    readonly path?: string
    readonly lookedIn?: string
  }
}

export interface BackendInfo {
  readonly backend: BackendName
  /** 'native', or the build of the WebAssembly core. */
  readonly build: string
  /** Which operators the build has: 'base', 'all', or 'own' for a WebAssembly core that the caller brought. */
  readonly operators: 'base' | 'all' | 'own'
  /** The version of the core. */
  readonly version: string
  /** The vector instructions it was compiled for. */
  readonly simd: string
  /** Threads in use, the caller's included. */
  readonly threads: number
  /** Whether the engine runs in a worker. */
  readonly worker: boolean
  /** What was tried before, and why it could not be had. */
  readonly refused: readonly Refusal[]
  /**
   * Bytes of tensor memory now and at most, blocks of it that were ever taken, and how many bytes the core's memory may grow
   * to where something but the machine limits it.
   */
  readonly memory: Readonly<Record<'used' | 'peak' | 'taken', number>> & { readonly limit?: number }
  /** What CUDA finds here; the native and the cuda backend say. */
  readonly cuda?: CudaInfo
}

export interface BlobInfo {
  /** 'tensor', 'empty', or the type of an object that is no tensor. */
  readonly kind: string
  readonly dtype?: Tensor['dtype']
  readonly shape?: readonly number[]
}

export interface NetInfo {
  readonly name: string
  readonly type: string
  /** Planned for inference: operators are fused and intermediates share memory. */
  readonly optimized: boolean
  readonly arenaBytes: number
  readonly scratchBytes: number
  /** Operators that the GPU repeats as one recording, without being told one by one. */
  readonly recorded: number
  /**
   * Of a net with the argument `pf.times` on a GPU, in milliseconds: recorded runs and copies to the GPU so far, and of the
   * last run waiting for collectives and how long these took.
   */
  readonly times?: { readonly runs: number; readonly copies: number; readonly waits: number; readonly sums: number }
  /** The operators left after planning, in order; `ms` is their time so far when the net is profiled. */
  readonly ops: readonly {
    readonly index: number
    readonly type: string
    readonly name: string
    readonly outputs: readonly string[]
    readonly absorbed: readonly string[]
    readonly device: 'cpu' | 'cuda'
    readonly ms: number
    readonly runs: number
  }[]
}

export interface SchemaPort {
  readonly name: string
  readonly kind: 'tensor' | 'object' | 'any'
  readonly optional: boolean
  readonly variadic: boolean
  readonly doc: string
}

/** An operator as the core declares it. The prose is only in the native core. */
export interface Schema {
  readonly name: string
  readonly doc: string
  readonly file: string
  readonly args: readonly {
    readonly name: string
    readonly type: string
    readonly required: boolean
    readonly default?: number | string | boolean
    readonly doc: string
  }[]
  readonly inputs: readonly SchemaPort[]
  readonly outputs: readonly SchemaPort[]
  /** Input, output, and whether they must be one blob. */
  readonly inplace: readonly (readonly [number, number, boolean])[]
  readonly anyInplace: boolean
  readonly gradient: 'undeclared' | 'yes' | 'none' | 'refused'
  readonly gradientRefusal: string
  readonly shape: boolean
  readonly shapeUnknown: string
  readonly devices: readonly string[]
}

/**
 * What a core can do. Handles are small integers; one that is closed or was never open is a PfError 'handle'. After
 * `close()` every call is a PfError 'closed'. A fault inside the core is 'internal', and the backend is then of no more use.
 */
export interface Backend {
  info(): Promise<BackendInfo>
  /** The operators there are, user operators included, sorted by name. */
  schemas(): Promise<Schema[]>

  /** Opens an empty workspace; the same seed gives the same random numbers, none gives others each time. */
  openWorkspace(seed?: bigint): Promise<number>
  /** Closes a workspace with its nets and blobs. */
  closeWorkspace(workspace: number): Promise<void>

  /** Copies a tensor into a blob, made if need be. 'shape' when data and shape do not fit, 'no_memory'. */
  feed(workspace: number, name: string, tensor: Tensor): Promise<void>
  /** Copies a blob's tensor. 'no_blob' when there is none, or its memory is used again by a planned net. */
  fetch(workspace: number, name: string): Promise<Tensor>
  blobInfo(workspace: number, name: string): Promise<BlobInfo>
  /** The names of all blobs, sorted. */
  blobs(workspace: number): Promise<string[]>
  /** Empties a blob and forgets its name; nets that read it then fail. */
  removeBlob(workspace: number, name: string): Promise<void>

  /** Makes a serialized NetDef ready to run. All operators that cannot run are named at once ('no_operator'). */
  createNet(workspace: number, netDef: Uint8Array): Promise<number>
  /** Runs a net once or `iterations` times. 'aborted' when `abort()` stopped it. */
  runNet(net: number, options?: { readonly iterations?: number; readonly goOn?: boolean }): Promise<void>
  /** Feeds, runs a net once and fetches. Nothing comes in between, and a worker is asked once. */
  runNetWith(
    workspace: number,
    net: number,
    feed: readonly (readonly [name: string, tensor: Tensor])[],
    fetch: readonly string[],
  ): Promise<Tensor[]>
  netInfo(net: number): Promise<NetInfo>
  closeNet(net: number): Promise<void>
  /** CUDA queues its work: this waits until all that a workspace's nets have queued is done, and says what failed in it. */
  finish(workspace: number): Promise<void>
  /** Runs nets of as many workspaces `times` times, each waiting for the others where its operators say so. */
  runNets(nets: readonly number[], times: number): Promise<void>
  /**
   * What is known of the processes that mpirun started with this one; `join` works with them until `leave`. The native core
   * alone knows others.
   */
  processes(action?: 'join' | 'leave'): Promise<ProcessInfo>
  /** Creates the operator of a serialized OperatorDef, runs it once and forgets it. */
  runOperator(workspace: number, operatorDef: Uint8Array): Promise<void>

  /** Makes the gradient operators of one operator, see cpp/net/gradient.h for both messages. */
  gradient(request: Uint8Array): Promise<Uint8Array>
  /** The shapes of a net's blobs, as serialized TensorShapes. */
  infer(workspace: number, netDef: Uint8Array): Promise<Uint8Array>
  /** Brings the operators of a compiled AssemblyScript module (assembly/pf.ts); answers their names. WebAssembly only. */
  registerUserOperators(module: Uint8Array): Promise<string[]>
  /** What operators have written since the last time; captured only with the option `wasi`. */
  takeConsole(): Promise<{ out: string; error: string }>

  /**
   * Stops the run in progress, which then fails with 'aborted'; without one nothing happens. A run in a worker stops
   * within an operator's time where memory is shared, else between iterations.
   */
  abort(): void
  /** Frees everything and ends the threads. Closing twice is fine. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** What `Backend` has for every call of the protocol. */
export type Method = Exclude<keyof Backend, 'abort' | 'close' | typeof Symbol.asyncDispose>
