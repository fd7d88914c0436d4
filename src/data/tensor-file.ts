// SPDX-License-Identifier: Apache-2.0
// Tensors in files, the format by the file's extension: .npy, .pb (TensorProto), .jpg and .png.
import type { Tensor } from '../core/tensor.ts'
import { encodeTensorProto } from '../net/net-def.ts'
import { decodeTensors, tensorToProto } from '../net/tensor-proto.ts'
import { platform } from '../platform/index.ts'
import { PfError, withContext } from '../util/error.ts'
import { type ImageTensorOptions, encodePng, imageTensor, type TensorImageOptions, tensorImage } from './image.ts'
import { readNpy, writeNpy } from './npy.ts'

const kKnown = 'known are .npy, .pb, .jpg, .jpeg and .png'

/** Reads a tensor from a file or URL; `options` say how a picture becomes one. */
export async function loadTensor(path: string | URL, options: ImageTensorOptions = {}): Promise<Tensor> {
  const bytes = await platform.read(path)
  try {
    return await decodeTensorFile(String(path), bytes, options)
  } catch (error) {
    throw withContext(error, String(path))
  }
}

/** Writes a tensor to a file; `options` say how its channels lie when it becomes a picture. */
export async function saveTensor(path: string | URL, tensor: Tensor, options: TensorImageOptions = {}): Promise<void> {
  await platform.write(path, await encodeTensorFile(String(path), tensor, options))
}

/** `name` is only looked at for its extension. */
export async function decodeTensorFile(
  name: string,
  bytes: Uint8Array,
  options: ImageTensorOptions = {},
): Promise<Tensor> {
  switch (extension(name)) {
    case 'npy':
      return readNpy(bytes)
    case 'pb':
      return onlyTensor(bytes)
    case 'jpg':
    case 'jpeg':
    case 'png':
      return imageTensor(bytes, options)
    default:
      throw new PfError('format', `"${name}" does not say what kind of tensor file it is: ${kKnown}`)
  }
}

export async function encodeTensorFile(
  name: string,
  tensor: Tensor,
  options: TensorImageOptions = {},
): Promise<Uint8Array> {
  const kind = extension(name)
  if (kind === 'npy') return writeNpy(tensor)
  if (kind === 'pb') return encodeTensorProto(tensorToProto(tensor))
  if (kind === 'png') return encodePng(tensorImage(tensor, options))
  throw new PfError('format', `tensors cannot be written as "${name}": known are .npy, .pb and .png`)
}

function extension(name: string): string {
  return /\.([a-z0-9]+)(?:[?#].*)?$/i.exec(name)?.[1].toLowerCase() ?? ''
}

function onlyTensor(bytes: Uint8Array): Tensor {
  const tensors = decodeTensors(bytes)
  if (tensors.length !== 1) throw new PfError('format', `expected one tensor in the file, found ${tensors.length}`)
  return tensors[0].tensor
}
