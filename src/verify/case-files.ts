// SPDX-License-Identifier: Apache-2.0
// A recorded model: a folder with case.json, which names nets, weights, inputs and outputs by paths relative to it.
import { readNpy } from '../data/npy.ts'
import type { Tensor } from '../core/tensor.ts'
import type { NetDef } from '../net/net-def.ts'
import { readNetDef } from '../net/read-net.ts'
import type { Workspace } from '../net/workspace.ts'
import { PfError } from '../util/error.ts'
import { type GeneratedTensor, generate } from './generated.ts'
import type { RecordedStatistics } from './statistics.ts'

/** Reads a file by its path relative to the folder of case.json. */
export type ReadFile = (path: string) => Promise<Uint8Array>

export interface RecordedBlob {
  name: string
  dims: number[]
  dtype: string
  file?: string
  generated?: boolean
  k?: number
  scale?: number
  offset?: number
  /** In words: the file holds only the first rows. */
  part?: string
}

export interface ModelRun {
  name?: string
  inputs: RecordedBlob[]
  outputs: RecordedBlob[]
  trace?: string
}

interface CaffePair {
  caffemodel: string
  prototxt: string
  layers_dropped?: string[]
  blobs?: { name: string; dims: number[]; sha256: string }[]
}

export interface ModelCase extends ModelRun {
  kind: 'inference' | 'training'
  predict_net: string
  init_net: string | CaffePair | { generated: string }
  weights?: string
  runs?: ModelRun[]
  noise: Record<string, number | { max_abs: number; values_differing: number }>
  noise_trace?: number
}

export interface TrainingCase extends ModelCase {
  train_net: string
  batch: number
  iterations: number
  data: RecordedBlob[]
  per_iteration: { name: string; from: string; how: string; divide?: number; dtype: string }[]
  lr_blob: string
  expected: string
  noise_after_iterations: { first_values_max_abs: number; l2_relative: number }
}

export interface TrainingExpectation {
  loss: number[]
  learning_rate: number[]
  after_iteration: Record<string, { parameters: RecordedStatistics[]; others: RecordedStatistics[] }>
}

export async function readJson<T>(read: ReadFile, path: string): Promise<T> {
  const text = new TextDecoder().decode(await read(path))
  try {
    return JSON.parse(text) as T
  } catch (error) {
    throw new PfError('format', `${path} is no JSON: ${(error as Error).message}`, { cause: error })
  }
}

export async function readNet(read: ReadFile, path: string): Promise<NetDef> {
  return readNetDef(await read(path), { file: path })
}

/** The values of a blob of the case: a file, or generated. */
export async function readBlob(read: ReadFile, blob: RecordedBlob): Promise<Tensor> {
  if (blob.file !== undefined) return readNpy(await read(blob.file))
  if (blob.generated) return generate(blob as GeneratedTensor)
  throw new PfError('format', `the case gives neither a file nor a recipe for blob "${blob.name}"`)
}

/** Brings the weights into a workspace; answers why a translation of them is wrong, or undefined. */
export async function loadWeights(workspace: Workspace, recorded: ModelCase, read: ReadFile) {
  const { init_net: init, weights } = recorded
  if (weights !== undefined) {
    const list = await readJson<{ weights: GeneratedTensor[] }>(read, weights)
    for (const weight of list.weights) await workspace.feedBlob(weight.name, generate(weight))
  }
  if (typeof init === 'string') await workspace.runNetOnce(await readNet(read, init))
  return typeof init === 'object' && 'caffemodel' in init ? translate(workspace, init, read) : undefined
}

async function translate(workspace: Workspace, pair: CaffePair, read: ReadFile): Promise<string | undefined> {
  const { convertCaffe } = await import('../convert/caffe.ts')
  const prototxt = new TextDecoder().decode(await read(pair.prototxt))
  const caffemodel = await read(pair.caffemodel)
  const { initNet } = await convertCaffe({ prototxt, caffemodel, drop: pair.layers_dropped })
  await workspace.runNetOnce(initNet)
  for (const { name, dims, sha256 } of pair.blobs ?? []) {
    const { shape, data } = await workspace.fetchBlob(name)
    if (shape.join() !== dims.join()) return `weight ${name} has shape [${shape}], expected [${dims}]`
    if ((await hash(data as Float32Array)) !== sha256)
      return `weight ${name} has other values than Caffe2's translation`
  }
  return undefined
}

async function hash(values: Float32Array): Promise<string> {
  const bytes = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
