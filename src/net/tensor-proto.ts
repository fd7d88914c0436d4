// SPDX-License-Identifier: Apache-2.0
// Tensors as TensorProtos, the form in which Caffe2 keeps them in files: narrow integers, bool and float16 travel as
// int32, the others in a field of their own.
import {
  type DType,
  dataTypeOf,
  dtypeOf,
  elementCount,
  itemSize,
  type Tensor,
  tensor,
  tensorFromBytes,
} from '../core/tensor.ts'
import { PfError } from '../util/error.ts'
import { decode, type Int64, type TensorProto } from './net-def.ts'

const utf8 = new TextEncoder()
const utf8Decoder = new TextDecoder()

export function tensorToProto(source: Tensor, name?: string): TensorProto {
  const proto: TensorProto = { dims: [...source.shape], dataType: dataTypeOf(source.dtype) }
  if (name !== undefined) proto.name = name
  const { data, dtype } = source
  if (dtype === 'string') proto.stringData = (data as string[]).map((text) => utf8.encode(text))
  else if (dtype === 'float32') proto.floatData = data as Float32Array
  else if (dtype === 'float64') proto.doubleData = data as Float64Array
  else if (dtype === 'int64') proto.int64Data = Array.from(data as BigInt64Array, exact)
  else proto.int32Data = Int32Array.from(data as Int32Array)
  return proto
}

const exact = (value: bigint): Int64 => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

export function tensorFromProto(proto: TensorProto): Tensor {
  const shape = proto.dims.map(Number)
  const dtype = dtypeOf(proto.dataType ?? 1)
  const count = elementCount(shape)
  const what = `TensorProto${proto.name ? ` "${proto.name}"` : ''}`
  const { begin = 0, end = count } = proto.segment ?? {}
  if (Number(begin) !== 0 || Number(end) !== count) {
    throw new PfError('unsupported', `${what} is a chunk of a tensor: elements ${begin} to ${end} of ${count}`)
  }
  if (proto.rawData?.length) return tensorFromBytes(proto.rawData, shape, dtype)
  const bytes = bytesField(proto, dtype)
  if (bytes !== undefined) return tensorFromBytes(bytes, shape, dtype)
  const values = valuesField(proto, dtype)
  if (values.length !== count) {
    const dims = `[${shape.join(', ')}]`
    throw new PfError('parse', `${what} has ${values.length} values, its shape ${dims} takes ${count}`)
  }
  if (dtype === 'string')
    return { dtype, shape, data: Array.from(values as Uint8Array[], (text) => utf8Decoder.decode(text)) }
  // The bits of halves are what int32_data holds, not their values.
  if (dtype === 'float16') return { dtype, shape, data: Uint16Array.from(values as number[]) }
  if (dtype === 'float32') return { dtype, shape, data: Float32Array.from(values as number[]) }
  return tensor(Array.from(values as (number | bigint)[]), shape, dtype)
}

// byte_data: one byte each for uint8 and int8, the bits of halves when Caffe2 was told to.
function bytesField({ byteData }: TensorProto, dtype: DType): Uint8Array | undefined {
  if (!byteData?.length) return undefined
  return dtype !== 'string' && (itemSize(dtype) === 1 || dtype === 'float16') ? byteData : undefined
}

function valuesField(proto: TensorProto, dtype: DType): ArrayLike<unknown> {
  if (dtype === 'string') return proto.stringData ?? []
  if (dtype === 'float32') return proto.floatData ?? []
  if (dtype === 'float64') return proto.doubleData ?? []
  return (dtype === 'int64' ? proto.int64Data : proto.int32Data) ?? []
}

/** The tensors in a file that holds a BlobProto, TensorProtos or a TensorProto, with their names if they have some. */
export function decodeTensors(bytes: Uint8Array): { name?: string; tensor: Tensor }[] {
  // A TensorProto begins with dims or data_type, both plain numbers; the other two with a string or a message.
  if ((bytes[0] & 7) === 0) return [named(decode('TensorProto', bytes))]
  const blob = attempt(() => decode('BlobProto', bytes))
  if (blob?.tensor !== undefined) {
    const { name, tensor: proto } = blob
    return [named(name === undefined ? proto : { ...proto, name })]
  }
  return decode('TensorProtos', bytes).protos.map(named)
}

function named(proto: TensorProto) {
  const { name } = proto
  return name === undefined ? { tensor: tensorFromProto(proto) } : { name, tensor: tensorFromProto(proto) }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
