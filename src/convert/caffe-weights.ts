// SPDX-License-Identifier: Apache-2.0
// The weights of a caffemodel, by layer. Shapes come as `shape` or, in old files, as num, channels, height, width.
import { elementCount, type Tensor } from '../core/tensor.ts'
import { caffe } from '../gen/caffe-weights.ts'
import { type Codec, decodeMessage } from '../net/wire.ts'
import { PfError } from '../util/error.ts'

const codecs = caffe as Record<'NetParameter' | 'BlobProto', Codec>

export interface Weight {
  shape: number[]
  data: Float32Array
}

interface BlobMessage {
  num?: number
  channels?: number
  height?: number
  width?: number
  shape?: { dim: (number | bigint)[] }
  data: ArrayLike<number>
  doubleData: ArrayLike<number>
}

interface LayerMessage {
  name?: string
  blobs: BlobMessage[]
  layer?: { name?: string }
}

/** The blobs of every layer that has some. */
export function readWeights(caffemodel: Uint8Array): Map<string, Weight[]> {
  const net = decodeMessage<{ layer: LayerMessage[]; layers: LayerMessage[] }>(
    codecs.NetParameter,
    'caffemodel',
    caffemodel,
    { keepUnknown: false },
  )
  const weights = new Map<string, Weight[]>()
  for (const layer of [...net.layer, ...net.layers]) {
    if (layer.layer !== undefined) {
      throw new PfError(
        'unsupported',
        `the caffemodel has layers in Caffe's V0 format (layer "${layer.layer.name}"); ${kUpgrade}`,
      )
    }
    if (layer.blobs.length === 0) continue
    const name = layer.name ?? ''
    if (weights.has(name)) throw new PfError('parse', `the caffemodel has two layers named "${name}" with weights`)
    weights.set(
      name,
      layer.blobs.map((blob, index) => weightOf(blob, `blob ${index} of layer "${name}"`)),
    )
  }
  return weights
}

export const kUpgrade = "upgrade the model with Caffe's upgrade_net_proto_text and upgrade_net_proto_binary first"

export function readMean(bytes: Uint8Array): Tensor {
  const { shape, data } = weightOf(
    decodeMessage<BlobMessage>(codecs.BlobProto, 'binaryproto', bytes, { keepUnknown: false }),
    'the mean',
  )
  return { dtype: 'float32', shape, data }
}

function weightOf(blob: BlobMessage, what: string): Weight {
  const shape = blob.shape?.dim.map(Number) ?? [blob.num, blob.channels, blob.height, blob.width].map((dim) => dim ?? 1)
  const source = blob.data.length > 0 ? blob.data : blob.doubleData
  const count = elementCount(shape)
  if (count !== source.length) {
    throw new PfError('parse', `${what} has ${source.length} values, its shape [${shape.join(', ')}] takes ${count}`)
  }
  return { shape, data: source instanceof Float32Array ? source : Float32Array.from(source) }
}
