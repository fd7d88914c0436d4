// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files: a line of Python that describes the array, then its bytes.
import {
  byteSize,
  bytesView,
  type DType,
  elementCount,
  itemSize,
  type Tensor,
  tensorFromBytes,
} from '../core/tensor.ts'
import { PfError } from '../util/error.ts'

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] // \x93NUMPY

const codes: Record<string, DType> = {
  f4: 'float32',
  f8: 'float64',
  f2: 'float16',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  i8: 'int64',
  b1: 'bool',
}

interface Header {
  order: string
  code: string
  fortran: boolean
  shape: number[]
  /** Where the elements begin. */
  start: number
}

export function readNpy(bytes: Uint8Array): Tensor {
  const header = readHeader(bytes)
  if (header.code[0] === 'U') return readStrings(bytes, header)
  const dtype = codes[header.code]
  if (dtype === undefined) {
    throw new PfError(
      'type',
      `.npy elements of type "${header.code}" are not supported; convert them in NumPy (astype)`,
    )
  }
  const data = body(bytes, header, byteSize(header.shape, dtype))
  const elements = header.order === '>' ? swapped(data, itemSize(dtype)) : data
  const rowMajor = header.fortran ? fromFortran(elements, header.shape, itemSize(dtype)) : elements
  return tensorFromBytes(rowMajor, header.shape, dtype)
}

function malformed(what: string): never {
  throw new PfError('parse', `malformed .npy: ${what}`)
}

function readHeader(bytes: Uint8Array): Header {
  if (!magic.every((byte, i) => bytes[i] === byte)) malformed('it does not begin with \\x93NUMPY')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const lengthBytes = bytes[6] === 1 ? 2 : 4
  if (bytes.length < 8 + lengthBytes) malformed('it ends inside its header')
  if (bytes[6] < 1 || bytes[6] > 3) malformed(`unknown version ${bytes[6]}`)
  const length = lengthBytes === 2 ? view.getUint16(8, true) : view.getUint32(8, true)
  const start = 8 + lengthBytes + length
  if (start > bytes.length) malformed('it ends inside its header')
  const text = new TextDecoder().decode(bytes.subarray(8 + lengthBytes, start))
  const descr = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\d+)'/.exec(text)
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)
  if (descr === null || fortran === null || shape === null) malformed(`its header is not understood: ${text.trim()}`)
  const dims = shape[1].split(',').filter((part) => part.trim() !== '')
  return {
    order: descr[1],
    code: descr[2],
    fortran: fortran[1] === 'True',
    shape: dims.map((part) => Number.parseInt(part, 10)),
    start,
  }
}

function body(bytes: Uint8Array, { start, shape }: Header, size: number): Uint8Array {
  const found = bytes.length - start
  if (found < size) malformed(`an array of shape [${shape.join(', ')}] takes ${size} bytes, it has ${found}`)
  return bytes.subarray(start, start + size)
}

function swapped(data: Uint8Array, size: number): Uint8Array {
  const out = data.slice()
  for (let at = 0; at < out.length; at += size) out.subarray(at, at + size).reverse()
  return out
}

// In Fortran's order the first index runs fastest.
function fromFortran(data: Uint8Array, shape: readonly number[], size: number): Uint8Array {
  const out = new Uint8Array(data.length)
  const index = new Array<number>(shape.length).fill(0)
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, dim) => product * dim, size))
  for (let to = 0; to < out.length; to += size) {
    const from = index.reduce((sum, i, axis) => sum + i * strides[axis], 0)
    for (let b = 0; b < size; b++) out[to + b] = data[from + b]
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0
  }
  return out
}

// '<U5': five code points of four bytes each, padded with zeros.
function readStrings(bytes: Uint8Array, header: Header): Tensor {
  const length = Number(header.code.slice(1))
  const count = elementCount(header.shape)
  const size = 4 * length
  const raw = body(bytes, header, count * size)
  const ordered = header.order === '>' ? swapped(raw, 4) : raw
  const elements = header.fortran ? fromFortran(ordered, header.shape, size) : ordered
  const view = new DataView(elements.buffer, elements.byteOffset, elements.byteLength)
  const data = Array.from({ length: count }, (_, i) => {
    let text = ''
    for (let k = 0; k < length; k++) {
      const code = view.getUint32(i * size + 4 * k, true)
      if (code > 0x10ffff) malformed(`element ${i} holds ${code}, which is no character`)
      if (code !== 0) text += String.fromCodePoint(code)
    }
    return text
  })
  return { dtype: 'string', shape: header.shape, data }
}

export interface NpyOptions {
  /** Writes the array in Fortran's order. */
  fortran?: boolean
}

export function writeNpy(tensor: Tensor, { fortran = false }: NpyOptions = {}): Uint8Array {
  const { code, size, data } = tensor.dtype === 'string' ? stringBytes(tensor) : numberBytes(tensor)
  const { shape } = tensor
  // Transposing there and back is one permutation: read the reversed shape as if it were Fortran's.
  const ordered = fortran ? toFortran(data, shape, size) : data
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${code}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${dims}), }`
  // The elements begin at a multiple of 64.
  const total = Math.ceil((10 + text.length + 1) / 64) * 64
  const out = new Uint8Array(total + ordered.length).fill(32, 0, total)
  out.set([...magic, 1, 0, (total - 10) & 255, (total - 10) >> 8])
  out.set(new TextEncoder().encode(text), 10)
  out[total - 1] = 10
  out.set(ordered, total)
  return out
}

function toFortran(data: Uint8Array, shape: readonly number[], size: number): Uint8Array {
  return fromFortran(data, [...shape].reverse(), size)
}

function numberBytes(tensor: Tensor) {
  const name = Object.keys(codes).find((key) => codes[key] === tensor.dtype) as string
  const size = itemSize(tensor.dtype)
  return { code: `${size === 1 ? '|' : '<'}${name}`, size, data: bytesView(tensor) }
}

function stringBytes(tensor: Tensor) {
  const texts = (tensor.data as string[]).map((text) => Array.from(text, (letter) => letter.codePointAt(0) as number))
  const length = Math.max(1, ...texts.map((codePoints) => codePoints.length))
  const data = new Uint8Array(texts.length * length * 4)
  const view = new DataView(data.buffer)
  texts.forEach((codePoints, i) => {
    codePoints.forEach((code, k) => {
      view.setUint32(4 * (i * length + k), code, true)
    })
  })
  return { code: `<U${length}`, size: 4 * length, data }
}
