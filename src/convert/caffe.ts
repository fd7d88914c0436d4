// SPDX-License-Identifier: Apache-2.0
// A Caffe model (prototxt and caffemodel) as a pair of Caffe2 nets, as Caffe2's caffe_translator makes them, and beyond:
// `input:` headers, V1 layers, phases and the layers it refused. Everything heavy loads when a model is converted.
import type { Tensor } from '../core/tensor.ts'
import type { NetDef } from '../net/net-def.ts'

export interface ConvertCaffeOptions {
  /** The text of the deploy prototxt. */
  prototxt: string
  /** The bytes of the caffemodel. */
  caffemodel: Uint8Array
  /** Selects layers by their include and exclude rules, as Caffe does; TEST unless given. */
  phase?: 'TEST' | 'TRAIN'
  level?: number
  stages?: readonly string[]
  /** Layers to leave out, by name: heads that are not needed, or that have no counterpart. */
  drop?: readonly string[]
  /** Shapes of inputs, where they differ from those in the prototxt or it gives none. */
  inputShapes?: Readonly<Record<string, readonly number[]>>
}

export interface ConvertedModel {
  /** Fills every parameter, and each input with a placeholder. */
  initNet: NetDef
  predictNet: NetDef
  /** The inputs to feed, with their shapes where the prototxt tells them. */
  inputs: { name: string; shape?: number[] }[]
  /** What a careful person would want to know, one sentence each. */
  warnings: string[]
}

export async function convertCaffe(options: ConvertCaffeOptions): Promise<ConvertedModel> {
  const [{ convert }, fields] = await Promise.all([import('./caffe-model.ts'), import('../gen/caffe-fields.ts')])
  return convert(options, fields)
}

/** A mean image (.binaryproto) as a float tensor. */
export async function readBinaryProto(bytes: Uint8Array): Promise<Tensor> {
  const { readMean } = await import('./caffe-weights.ts')
  return readMean(bytes)
}
