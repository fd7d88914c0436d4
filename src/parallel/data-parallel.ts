// SPDX-License-Identifier: Apache-2.0
// Training with several replicas of a model, on several GPUs and in several processes: the public types and the door. The
// work is in trainer.ts, which only who calls the door loads.
import type { Backend, Precision } from '../backend/backend.ts'
import type { Tensor } from '../core/tensor.ts'
import type { ModelHelper } from '../net/model-helper.ts'
import type { Net } from '../net/net.ts'
import type { NetDef } from '../net/net-def.ts'
import type { Feed, Workspace } from '../net/workspace.ts'

export interface DataParallelOptions {
  /**
   * The GPUs of this host, one replica on each. Processes that mpirun started on one host share the list evenly, so that
   * one script serves both ways. Without it all GPUs there are; `[]`, or no GPU, means replicas on the CPU.
   */
  devices?: readonly number[]
  /** On the CPU: replicas in this process, 1 unless told. */
  replicas?: number
  /** How GPUs compute, and the scale of fp16 gradients: see `BackendOptions`. */
  precision?: Precision
  lossScale?: number
  /** On the CPU: the backend to run on, by default the one that `init` opened. */
  backend?: Backend
  /** Gradients are summed in buckets of about so many bytes, each as soon as it is complete; 25 MiB unless told. */
  bucketBytes?: number
  /** Whether replica 0's running means and variances are given to all in each step; they are unless told, as in Caffe2. */
  broadcastComputedParams?: boolean
  /** true: the processes that mpirun started train together; unless told, if mpirun started this process. */
  mpi?: boolean
  /**
   * Called with copies of the nets for each replica of this process before they are made, to change what must differ, such as
   * which part of a database it reads.
   */
  adapt?: (nets: ReplicaNets, where: ReplicaPlace) => void
  /** Of the random numbers of the replicas; each of them draws others. */
  seed?: bigint | number
}

export interface ReplicaNets {
  readonly net: NetDef
  readonly init: NetDef
}

/** A replica: its number in this process and among all workers, and where it is. */
export interface ReplicaPlace {
  readonly replica: number
  readonly worker: number
  readonly workers: number
  readonly rank: number
  /** Its GPU; none on the CPU. */
  readonly device?: number
}

/** Gradients that are summed over all replicas together. */
export interface GradientBucket {
  readonly gradients: readonly string[]
  /** The operator of the net after which it is complete. */
  readonly after: number
}

/** Where the time of a step goes, in milliseconds on average, in the replica of this process that waits least for others. */
export interface StepTimes {
  /** From one step to the next; `input`, `copies`, `compute`, `allReduce` and `idle` make it up. */
  readonly step: number
  /** Operators that bring batches from a data base: waiting for those that read ahead. */
  readonly input: number
  /** Copies of batches to the GPU. */
  readonly copies: number
  readonly compute: number
  /** Waiting for gradients of other replicas, as far as it is not hidden behind the backward pass. */
  readonly allReduce: number
  /** What is left: the GPU waits for the host, or this replica for its turn. */
  readonly idle: number
  /** How long sums of gradients are under way, hidden or not. */
  readonly allReduceInAll: number
}

export interface DataParallel {
  /** The number of this process, and how many there are: 0 of 1 without mpirun. */
  readonly rank: number
  readonly processes: number
  /** Replicas in all processes. Losses are divided by it where gradients begin, so that a step is one of the joint batch. */
  readonly workers: number
  /** The number among all workers of each replica of this process. */
  readonly workerNumbers: readonly number[]
  /** GPUs of this process; empty on the CPU. */
  readonly devices: readonly number[]
  /** One for each replica of this process. Blobs have the names they have in the model. */
  readonly workspaces: readonly Workspace[]
  readonly buckets: readonly GradientBucket[]
  /** The blobs that `save` writes: parameters, and what optimizers keep. */
  readonly state: readonly string[]

  /** Feeds the next batch of one replica of this process. */
  feed(replica: number, blobs: Readonly<Record<string, Feed>>): Promise<void>
  /** Forward, backward, the sum of gradients and the update, in all replicas, `iterations` times. GPUs queue it. */
  step(iterations?: number): Promise<void>
  /** A blob of a replica of this process; waits for what is queued. */
  fetch(blob: string, replica?: number): Promise<Tensor>
  /** Waits until what is queued is done. */
  finish(): Promise<void>

  /** Makes another net ready in all replicas, such as one that tests; answers its name. */
  createNet(net: Net | NetDef): Promise<string>
  /** Runs such a net in all replicas of this process at once. */
  runNet(net: string | Net, iterations?: number): Promise<void>
  /** The sum over all processes of a few numbers, such as counts of right answers; the same everywhere. */
  sum(values: readonly number[]): Promise<number[]>

  /**
   * Writes parameters and optimizer state into a file as Caffe2's Save does (minidb): process 0 writes, under another name
   * first, so that a file of this name is always whole. `extra` numbers are saved along. All processes call it, and go on when
   * it is written.
   */
  save(path: string, extra?: Readonly<Record<string, number>>): Promise<void>
  /**
   * Reads such a file in process 0, gives its contents to all replicas and answers what was saved along. All processes call
   * it; all fail if it fails, and then keep what they had.
   */
  load(path: string): Promise<Readonly<Record<string, number>>>
  /** Gives the parameters and optimizer state of worker 0 to all. */
  synchronize(): Promise<void>

  /** Steps on, and says where their time goes. */
  profile(iterations?: number): Promise<StepTimes>

  /** Frees the replicas. All processes call it. Closing again does nothing. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Makes replicas of a model that has its gradient operators and its optimizer, initialises them alike, and trains them
 * together: as Caffe2's data_parallel_model, each replica computes gradients of its own batch, which are summed over all
 * replicas and processes while the backward pass goes on, and each updates its parameters in the same way.
 */
export async function dataParallel(model: ModelHelper, options: DataParallelOptions = {}): Promise<DataParallel> {
  const { openTrainer } = await import('./trainer.ts')
  return openTrainer(model, options)
}
