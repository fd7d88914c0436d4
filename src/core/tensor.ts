// SPDX-License-Identifier: Apache-2.0
// A tensor as callers see it: element type, shape and row-major data, nothing that belongs to the core.
import { PfError } from '../util/error.ts'
import { toHalf } from '../util/half.ts'

export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'bool'
  | 'string'

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array

/** float16 holds its bits in a Uint16Array, bool a byte per element in a Uint8Array, int64 a BigInt64Array. */
export interface Tensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TypedArray | string[]
}

/** What `tensor()` takes: a scalar, flat or nested arrays, or a typed array. */
export type TensorLike = number | bigint | boolean | string | TypedArray | Uint8ClampedArray | readonly TensorLike[]

interface TypedArrayClass {
  new (length: number): TypedArray
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray
  readonly BYTES_PER_ELEMENT: number
}

// `number` is TensorProto.DataType on the wire. Order matters: the first dtype of an array class is its default.
const table: Record<DType, { number: number; array: TypedArrayClass | undefined }> = {
  float32: { number: 1, array: Float32Array },
  float64: { number: 13, array: Float64Array },
  int8: { number: 7, array: Int8Array },
  uint8: { number: 6, array: Uint8Array },
  int16: { number: 9, array: Int16Array },
  uint16: { number: 8, array: Uint16Array },
  int32: { number: 2, array: Int32Array },
  int64: { number: 10, array: BigInt64Array as unknown as TypedArrayClass },
  float16: { number: 12, array: Uint16Array },
  bool: { number: 5, array: Uint8Array },
  string: { number: 4, array: undefined },
}

const kByteType = 3 // TensorProto.BYTE, which Caffe2 reads back as uint8

export const dtypes = Object.keys(table) as readonly DType[]

export function isDType(name: string): name is DType {
  return Object.hasOwn(table, name)
}

/** The number of a dtype in TensorProto.DataType. */
export function dataTypeOf(dtype: DType): number {
  return table[dtype].number
}

/** The dtype for a number of TensorProto.DataType. */
export function dtypeOf(dataType: number): DType {
  const found = dtypes.find((name) => table[name].number === dataType)
  if (found !== undefined) return found
  if (dataType === kByteType) return 'uint8'
  throw new PfError('type', `no tensor element type has the number ${dataType} (TensorProto.DataType)`)
}

/** Bytes per element; strings have no fixed size. */
export function itemSize(dtype: DType): number {
  return arrayClass(dtype).BYTES_PER_ELEMENT
}

/** Number of elements of a shape, checked: dimensions are safe non-negative integers and so is their product. */
export function elementCount(shape: readonly number[]): number {
  let count = 1
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new PfError('shape', `a dimension must be a non-negative integer, shape is [${shape.join(', ')}]`)
    }
    count *= dim
  }
  if (!Number.isSafeInteger(count)) throw new PfError('shape', `shape [${shape.join(', ')}] has too many elements`)
  return count
}

export function byteSize(shape: readonly number[], dtype: DType): number {
  return elementCount(shape) * itemSize(dtype)
}

export function zeros(shape: readonly number[], dtype: DType = 'float32'): Tensor {
  const count = elementCount(shape)
  const data = dtype === 'string' ? new Array<string>(count).fill('') : allocate(dtype, count)
  return { dtype, shape: [...shape], data }
}

/** A view of a tensor's bytes, in the machine's (little-endian) order. */
export function bytesView(tensor: Tensor): Uint8Array {
  if (Array.isArray(tensor.data)) throw new PfError('type', 'a tensor of strings has no flat bytes')
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)
}

/** A tensor from little-endian bytes, which are copied. */
export function tensorFromBytes(bytes: Uint8Array, shape: readonly number[], dtype: DType): Tensor {
  const expected = byteSize(shape, dtype)
  if (bytes.byteLength !== expected) {
    const found = `found ${bytes.byteLength}`
    throw new PfError('shape', `a ${dtype} tensor of shape [${shape.join(', ')}] takes ${expected} bytes, ${found}`)
  }
  const copy = new Uint8Array(expected)
  copy.set(bytes)
  return { dtype, shape: [...shape], data: new (arrayClass(dtype))(copy.buffer) }
}

/**
 * Makes a tensor. The dtype follows from the data unless given (numbers are float32, bigints int64, booleans bool), the
 * shape from the nesting. A typed array that already has the dtype's class is kept, not copied.
 */
export function tensor(data: TensorLike, shape?: readonly number[], dtype?: DType): Tensor {
  if (ArrayBuffer.isView(data)) return fromTyped(data as TypedArray | Uint8ClampedArray, shape, dtype)
  const flat: Scalar[] = []
  const found = flatten(data, flat, [], 0)
  const type = dtype ?? dtypeOfScalar(flat[0])
  const dims = shape ?? found
  checkCount(dims, flat.length)
  return { dtype: type, shape: [...dims], data: convert(flat, type) }
}

type Scalar = number | bigint | boolean | string

function fromTyped(data: TypedArray | Uint8ClampedArray, shape?: readonly number[], dtype?: DType): Tensor {
  const dims = shape ?? [data.length]
  checkCount(dims, data.length)
  const own = data instanceof Uint8ClampedArray ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data
  const type = dtype ?? dtypes.find((name) => name !== 'string' && own instanceof arrayClass(name))
  if (type === undefined) {
    throw new PfError('type', `no tensor holds a ${data.constructor.name}; convert it or name another array class`)
  }
  const kept = type !== 'string' && own instanceof arrayClass(type)
  return { dtype: type, shape: [...dims], data: kept ? own : convert(Array.from<Scalar>(own), type) }
}

// Appends the elements of `data` to `flat` and returns its shape; ragged nesting is an error that says where.
function flatten(data: TensorLike, flat: Scalar[], where: number[], depth: number): number[] {
  if (depth > 64) throw new PfError('shape', 'arrays are nested more than 64 deep')
  if (!Array.isArray(data) && !ArrayBuffer.isView(data)) {
    flat.push(data as Scalar)
    return []
  }
  const items = data as ArrayLike<TensorLike>
  let inner: number[] | undefined
  for (let i = 0; i < items.length; i++) {
    const dims = flatten(items[i] as TensorLike, flat, [...where, i], depth + 1)
    inner ??= dims
    if (dims.length !== inner.length || dims.some((dim, k) => dim !== inner?.[k])) {
      const at = `[${[...where, i].join('][')}]`
      throw new PfError('shape', `ragged array: element ${at} has shape [${dims}], those before it [${inner}]`)
    }
  }
  return [items.length, ...(inner ?? [])]
}

function dtypeOfScalar(value: Scalar | undefined): DType {
  if (typeof value === 'bigint') return 'int64'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : 'float32'
}

function convert(values: readonly Scalar[], dtype: DType): TypedArray | string[] {
  if (dtype === 'string') return values.map(String)
  const out = allocate(dtype, values.length)
  const put = converterTo(dtype)
  for (let i = 0; i < values.length; i++) (out as Float32Array)[i] = put(values[i] as Scalar) as number
  return out
}

function converterTo(dtype: DType): (value: Scalar) => number | bigint {
  if (dtype === 'bool') return (value) => (numeric(value) ? 1 : 0)
  if (dtype === 'float16') return (value) => toHalf(Number(numeric(value)))
  if (dtype !== 'int64') return (value) => Number(numeric(value))
  return (value) => {
    const n = numeric(value)
    if (typeof n === 'number' && !Number.isFinite(n)) throw new PfError('value', `int64 cannot hold ${n}`)
    return typeof n === 'bigint' ? n : BigInt(Math.trunc(n))
  }
}

function numeric(value: Scalar): number | bigint {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'number' || typeof value === 'bigint') return value
  throw new PfError('type', `expected a number, found ${typeof value} "${String(value)}"`)
}

function checkCount(shape: readonly number[], count: number): void {
  const expected = elementCount(shape)
  if (expected !== count) {
    throw new PfError('shape', `shape [${shape.join(', ')}] takes ${expected} elements, found ${count}`)
  }
}

function arrayClass(dtype: DType): TypedArrayClass {
  const array = table[dtype].array
  if (array === undefined) throw new PfError('type', 'strings have no fixed size in bytes')
  return array
}

function allocate(dtype: DType, count: number): TypedArray {
  try {
    return new (arrayClass(dtype))(count)
  } catch (error) {
    if (error instanceof PfError) throw error
    throw new PfError('no_memory', `a tensor of ${count} ${dtype} elements cannot be allocated`, { cause: error })
  }
}
