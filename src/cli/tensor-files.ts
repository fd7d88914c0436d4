// SPDX-License-Identifier: Apache-2.0
// Blobs from and to files: .npy, .pb (a TensorProto) and pictures, which become what the net's blob is: packed B, G, R, A
// bytes for nets that say so, otherwise floats in planes.
import type { Tensor } from '../core/tensor.ts'
import { loadTensor, saveTensor } from '../data/tensor-file.ts'
import type { NetDef } from '../net/net-def.ts'
import type { Given } from './arguments.ts'
import { pictureOf, sizeOf } from './picture-options.ts'

/** Does the net take this blob as packed B, G, R, A bytes? */
function takesBytes(net: NetDef, blob: string): boolean {
  return net.op.some(({ type, input }) => input[0] === blob && type?.startsWith('PackedInt8BGRA'))
}

export async function readTensorFile(path: string, blob: string, net: NetDef, given: Given): Promise<Tensor> {
  if (takesBytes(net, blob)) {
    const fit = given.flag('crop') ? 'crop' : 'stretch'
    return loadTensor(path, { order: 'NHWC', channels: 'BGRA', dtype: 'uint8', size: sizeOf(given), fit })
  }
  // Without --mean the net gets the pixels as they are: nobody says here what it was trained with.
  return loadTensor(path, pictureOf(given, { channels: 3 }, { mean: 0 }))
}

export async function writeTensorFile(path: string, tensor: Tensor, given: Given): Promise<void> {
  const [channels, height, width] = tensor.shape.slice(-3)
  if (!path.endsWith('.png')) return saveTensor(path, tensor)
  if (tensor.dtype === 'uint8' && width === 4) return saveTensor(path, tensor, { order: 'NHWC', channels: 'BGRA' })
  const order = channels === 1 ? 'gray' : given.flag('rgb') ? 'RGB' : 'BGR'
  return saveTensor(path, pixels(tensor, channels, height * width, given), { channels: order })
}

// The way back from (pixel - mean) * scale.
function pixels(tensor: Tensor, channels: number, plane: number, given: Given): Tensor {
  const scale = given.number('scale') ?? 1
  const mean = given.numbers('mean') ?? [0]
  const data = Float32Array.from(tensor.data as Float32Array, (value, i) => {
    const channel = Math.floor(i / plane) % channels
    return value / scale + (mean[channel] ?? mean[0])
  })
  return { ...tensor, dtype: 'float32', data }
}
