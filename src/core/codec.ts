// SPDX-License-Identifier: Apache-2.0
// The few messages that cross the boundary besides protobuf's own users: tensor headers, and tensors of strings, whose
// BlobProto { name = 1, type = 2, tensor = 3 } and TensorProto { dims = 1, data_type = 2, string_data = 6 } are written
// by hand so that the core needs no protobuf library here.
import { PfError } from '../util/error.ts'
import { type DType, dataTypeOf, dtypeOf } from './tensor.ts'

const utf8 = new TextEncoder()
const kHeader = 8 // u32 data_type, u32 rank

export interface TensorHeader {
  /** undefined for a blob that is no tensor. */
  readonly dtype: DType | undefined
  readonly shape: readonly number[]
  /** What follows the header: the name of a blob, or the type of one that is no tensor. */
  readonly text: string
}

export function encodeText(text: string): Uint8Array {
  return utf8.encode(text)
}

export function encodeHeader(dtype: DType, shape: readonly number[], text: string): Uint8Array {
  const tail = utf8.encode(text)
  const bytes = new Uint8Array(kHeader + 8 * shape.length + tail.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, dataTypeOf(dtype), true)
  view.setUint32(4, shape.length, true)
  shape.forEach((dim, axis) => {
    view.setBigInt64(kHeader + 8 * axis, BigInt(dim), true)
  })
  bytes.set(tail, kHeader + 8 * shape.length)
  return bytes
}

export function decodeHeader(bytes: Uint8Array): TensorHeader {
  const own = bytes.slice()
  const view = new DataView(own.buffer)
  const rank = own.length < kHeader ? 0 : view.getUint32(4, true)
  const size = kHeader + 8 * rank
  if (own.length < size) throw new PfError('internal', `a tensor header of rank ${rank} has ${own.length} bytes`)
  const shape = Array.from({ length: rank }, (_, axis) => Number(view.getBigInt64(kHeader + 8 * axis, true)))
  const number = view.getUint32(0, true)
  const text = new TextDecoder().decode(own.subarray(size))
  return { dtype: number === 0 ? undefined : dtypeOf(number), shape, text }
}

/** A u64 as the core reads it. */
export function encodeU64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true)
  return bytes
}

/** Names separated by zero bytes. */
export function decodeNames(bytes: Uint8Array): string[] {
  const text = new TextDecoder().decode(bytes.slice())
  return text.split('\0').filter((name) => name !== '')
}

// Protobuf: enough to write and read messages of varints and byte strings.

/** Appends the fields of one message. */
export class MessageWriter {
  private readonly parts: Uint8Array[] = []
  private size = 0

  varint(field: number, value: number | bigint): this {
    return this.raw(varintBytes(field << 3)).raw(varintBytes(value))
  }

  bytes(field: number, value: Uint8Array): this {
    return this.raw(varintBytes((field << 3) | 2))
      .raw(varintBytes(value.length))
      .raw(value)
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value))
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.raw(varintBytes((field << 3) | 5)).raw(bytes)
  }

  finish(): Uint8Array {
    const all = new Uint8Array(this.size)
    let at = 0
    for (const part of this.parts) {
      all.set(part, at)
      at += part.length
    }
    return all
  }

  private raw(bytes: Uint8Array): this {
    this.parts.push(bytes)
    this.size += bytes.length
    return this
  }
}

function varintBytes(value: number | bigint): Uint8Array {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

type Field = { number: number; value: bigint | Uint8Array }

function* fields(message: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= message.length) throw new PfError('parse', 'a protobuf message is truncated')
      const byte = message[at++] as number
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    throw new PfError('parse', 'a protobuf number is longer than ten bytes')
  }
  const take = (size: number): Uint8Array => {
    if (size > message.length - at) throw new PfError('parse', 'a protobuf message is truncated')
    at += size
    return message.subarray(at - size, at)
  }
  while (at < message.length) {
    const tag = Number(varint())
    const number = tag >>> 3
    const kind = tag & 7
    if (kind === 0) yield { number, value: varint() }
    else if (kind === 1) yield { number, value: take(8) }
    else if (kind === 2) yield { number, value: take(Number(varint())) }
    else if (kind === 5) yield { number, value: take(4) }
    else throw new PfError('parse', `a protobuf field has the unknown wire type ${kind}`)
  }
}

/** The BlobProto of a tensor of strings. */
export function encodeStrings(name: string, shape: readonly number[], strings: readonly string[]): Uint8Array {
  const tensor = new MessageWriter()
  for (const dim of shape) tensor.varint(1, dim)
  tensor.varint(2, dataTypeOf('string'))
  for (const value of strings) tensor.text(6, value)
  return new MessageWriter().text(1, name).text(2, 'Tensor').bytes(3, tensor.finish()).finish()
}

/** Shape and strings of a BlobProto. */
export function decodeStrings(blob: Uint8Array): { shape: number[]; data: string[] } {
  const decoder = new TextDecoder()
  const shape: number[] = []
  const data: string[] = []
  for (const outer of fields(blob.slice())) {
    if (outer.number !== 3 || !(outer.value instanceof Uint8Array)) continue
    for (const { number, value } of fields(outer.value)) {
      if (number === 1) shape.push(...dims(value))
      else if (number === 6 && value instanceof Uint8Array) data.push(decoder.decode(value))
    }
  }
  return { shape, data }
}

// `dims` may be packed or not, depending on who wrote it.
function dims(value: bigint | Uint8Array): number[] {
  if (!(value instanceof Uint8Array)) return [Number(value)]
  const numbers: number[] = []
  let number = 0
  let scale = 1
  for (const byte of value) {
    number += (byte & 127) * scale
    scale *= 128
    if (byte < 128) {
      numbers.push(number)
      number = 0
      scale = 1
    }
  }
  return numbers
}
