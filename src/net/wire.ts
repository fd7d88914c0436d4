// SPDX-License-Identifier: Apache-2.0
// The reader and writer under the generated codecs. protobufjs' own would read an int64 as an object, build a JS array
// for every list of numbers and a linked list for every byte written: too slow and too big for a net with its weights.
//
// int64 travels exactly: it is read as a number when that is safe, else as a bigint, and both are written.
import protobuf from 'protobufjs/minimal.js'
import { PfError } from '../util/error.ts'

/** A list of numbers of a message; packed floats and doubles arrive as typed arrays. */
export type Numbers = number[] | Float32Array | Float64Array | Int32Array

/** What protobufjs generates for a message. */
export interface Codec {
  decode(reader: WireReader): unknown
  encode(message: unknown, writer: WireWriter): WireWriter
}

export interface DecodeOptions {
  /** Keep fields that the schema does not know, so that they are written again. */
  keepUnknown?: boolean
  /** Leave lists of more than a few floats empty: for whoever wants to know what is there, not the weights themselves. */
  outline?: boolean
}

/** Decodes a message; a failure says which message, what was wrong and at which byte. */
export function decodeMessage<T>(
  codec: Pick<Codec, 'decode'>,
  name: string,
  bytes: Uint8Array,
  { keepUnknown = true, outline = false }: DecodeOptions = {},
): T {
  // A Node Buffer would make protobufjs return Buffers; a plain view of the same bytes does not.
  const reader = new WireReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  reader.discardUnknown = !keepUnknown
  reader.longest = outline ? kOutlineFloats : Number.POSITIVE_INFINITY
  try {
    return codec.decode(reader) as T
  } catch (error) {
    const where = `at byte ${Math.min(reader.pos, bytes.length)} of ${bytes.length}`
    throw new PfError('parse', `${name}: ${reasonOf(error)} ${where}`, { cause: error })
  }
}

export function encodeMessage(codec: Codec, name: string, message: unknown): Uint8Array {
  try {
    return codec.encode(message, new WireWriter()).finish()
  } catch (error) {
    if (error instanceof PfError) throw error
    const text = error instanceof Error ? error.message : String(error)
    throw new PfError('argument', `${name} cannot be encoded: ${text}`, { cause: error })
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  if (text.startsWith('index out of range')) return 'truncated, or a length runs past the end of its message,'
  if (text === 'max depth exceeded') return 'messages are nested too deep (limit 100)'
  return `malformed (${text})`
}

// In an outline, lists up to this length are read.
const kOutlineFloats = 16

export class WireReader extends protobuf.Reader {
  /** Lists of more floats than this are passed over. */
  longest = Number.POSITIVE_INFINITY

  // `never` because the base class promises a Long; only generated code calls these, and it does not mind.
  override int64(): never {
    return this.readInt64() as never
  }

  private readInt64(): number | bigint {
    const start = this.pos
    let value = 0
    let scale = 1
    for (let i = 0; i < 7; i++) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
    return this.readBigInt64(start)
  }

  // More than 49 bits: large, or negative, which is always ten bytes.
  private readBigInt64(start: number): number | bigint {
    this.pos = start
    let bits = 0n
    for (let i = 0; i < 10; i++) {
      const byte = this.byte()
      bits |= BigInt(byte & 127) << BigInt(7 * i)
      if (byte < 128) {
        const value = BigInt.asIntN(64, bits)
        return Number.isSafeInteger(Number(value)) ? Number(value) : value
      }
    }
    throw new Error('a number of more than ten bytes')
  }

  private byte(): number {
    if (this.pos >= this.len) throw new RangeError('index out of range')
    return this.buf[this.pos++]
  }

  override int64s(array?: unknown[]): never {
    const out = (array ?? []) as (number | bigint)[]
    const end = this.packedEnd()
    const outer = this.len
    this.len = end
    while (this.pos < end) out.push(this.readInt64())
    this.len = outer
    return out as never
  }

  override floats(array?: ArrayLike<number>): never {
    return this.fixed(Float32Array, array) as never
  }

  override doubles(array?: ArrayLike<number>): never {
    return this.fixed(Float64Array, array) as never
  }

  /** Unpacked floats: all that follow each other with the tag that began at `start`. */
  floatRun(array: ArrayLike<number> | undefined, start: number): Float32Array {
    const stride = this.pos - start + 4
    const count = this.countRun(start, stride)
    if (this.pos + 4 > this.len) throw new RangeError('index out of range')
    if (count > this.longest) {
      this.pos += count * stride - (stride - 4)
      return new Float32Array(0)
    }
    const view = new DataView(this.buf.buffer, this.buf.byteOffset)
    const out = extended(Float32Array, array, count)
    for (let i = out.length - count, at = this.pos; i < out.length; i++, at += stride)
      out[i] = view.getFloat32(at, true)
    this.pos += count * stride - (stride - 4)
    return out
  }

  private countRun(start: number, stride: number): number {
    const tag = this.buf.subarray(start, this.pos)
    let count = 1
    for (let at = start + stride; at + stride <= this.len; at += stride) {
      for (let i = 0; i < tag.length; i++) if (this.buf[at + i] !== tag[i]) return count
      count++
    }
    return count
  }

  private packedEnd(): number {
    const end = this.uint32() + this.pos
    if (end > this.len) throw new RangeError('index out of range')
    return end
  }

  private fixed<A extends Float32Array | Float64Array>(type: FloatArrayClass<A>, array?: ArrayLike<number>): A {
    const end = this.packedEnd()
    const count = (end - this.pos) / type.BYTES_PER_ELEMENT
    if (!Number.isInteger(count)) throw new RangeError('index out of range')
    if (count > this.longest) {
      this.pos = end
      return new type(0)
    }
    const out = extended(type, array, count)
    // Copied as bytes: the source is rarely aligned. All machines we run on are little-endian.
    new Uint8Array(out.buffer, (out.length - count) * type.BYTES_PER_ELEMENT).set(this.buf.subarray(this.pos, end))
    this.pos = end
    return out
  }
}

interface FloatArrayClass<A> {
  new (length: number): A
  readonly BYTES_PER_ELEMENT: number
}

// A list may come in several pieces; the usual single piece is not copied again.
function extended<A extends Float32Array | Float64Array>(
  type: FloatArrayClass<A>,
  array: ArrayLike<number> | undefined,
  count: number,
): A {
  const before = array?.length ?? 0
  const out = new type(before + count)
  if (array !== undefined && before > 0) out.set(array)
  return out
}

/** The messages that stand in field `field` of another, as views of its bytes. The message must have been decoded before. */
export function* messagesIn(bytes: Uint8Array, field: number): Generator<Uint8Array> {
  const reader = new WireReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag >>> 3 === field && (tag & 7) === 2) yield reader.bytes()
    else reader.skipType(tag & 7)
  }
}

/** Writes into one growing buffer, with the methods that generated encoders call. */
export class WireWriter {
  private buf = new Uint8Array(256)
  private pos = 0
  private readonly open: number[] = []

  finish(): Uint8Array {
    return this.buf.slice(0, this.pos)
  }

  uint32(value: number): this {
    integer(value, 0, 0xffffffff)
    return this.varint(value)
  }

  int32(value: number): this {
    integer(value, -0x80000000, 0x7fffffff)
    return value < 0 ? this.bigVarint(BigInt(value)) : this.varint(value)
  }

  int64(value: number | bigint): this {
    if (typeof value === 'bigint') {
      if (BigInt.asIntN(64, value) !== value) throw new Error(`${value} does not fit an int64`)
      return this.bigVarint(value)
    }
    if (!Number.isSafeInteger(value)) throw new Error(`${value} is not an integer; give large ones as bigint`)
    return value < 0 || value > 0xffffffff ? this.bigVarint(BigInt(value)) : this.varint(value)
  }

  bool(value: boolean): this {
    return this.varint(value ? 1 : 0)
  }

  float(value: number): this {
    this.reserve(4)
    scratch.setFloat32(0, number(value), true)
    return this.copyScratch(4)
  }

  double(value: number): this {
    this.reserve(8)
    scratch.setFloat64(0, number(value), true)
    return this.copyScratch(8)
  }

  bytes(value: Uint8Array): this {
    if (!(value instanceof Uint8Array)) throw new Error(`expected bytes (a Uint8Array), found ${describe(value)}`)
    return this.varint(value.length).raw(value)
  }

  string(value: string): this {
    if (typeof value !== 'string') throw new Error(`expected a string, found ${describe(value)}`)
    return this.bytes(utf8.encode(value))
  }

  raw(value: Uint8Array): this {
    this.reserve(value.length)
    this.buf.set(value, this.pos)
    this.pos += value.length
    return this
  }

  int32s(values: ArrayLike<number>): this {
    return this.packed(values, (value) => this.int32(value))
  }

  int64s(values: ArrayLike<number | bigint>): this {
    return this.packed(values, (value) => this.int64(value))
  }

  floats(values: ArrayLike<number>): this {
    if (!(values instanceof Float32Array)) return this.packed(values, (value) => this.float(value))
    return this.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }

  doubles(values: ArrayLike<number>): this {
    if (!(values instanceof Float64Array)) return this.packed(values, (value) => this.double(value))
    return this.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }

  /** Unpacked floats, each with its tag (of one byte): the weights of a net, so this loop matters. */
  floatRun(tag: number, values: ArrayLike<number>): this {
    const floats = values instanceof Float32Array ? values : Float32Array.from(values, number)
    const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length)
    this.reserve(5 * bits.length)
    const { buf } = this
    let at = this.pos
    for (let i = 0; i < bits.length; i++) {
      const value = bits[i]
      buf[at] = tag
      buf[at + 1] = value
      buf[at + 2] = value >>> 8
      buf[at + 3] = value >>> 16
      buf[at + 4] = value >>> 24
      at += 5
    }
    this.pos = at
    return this
  }

  /** Begins a part whose length stands before it. */
  fork(): this {
    this.open.push(this.pos)
    return this
  }

  /** Ends the part: its length is only known now, so the part moves up to make room. */
  ldelim(): this {
    const start = this.open.pop() as number
    const length = this.pos - start
    const size = varintSize(length)
    this.reserve(size)
    this.buf.copyWithin(start + size, start, this.pos)
    this.pos = start
    this.varint(length)
    this.pos = start + size + length
    return this
  }

  private packed<T>(values: ArrayLike<T>, write: (value: T) => void): this {
    this.fork()
    for (let i = 0; i < values.length; i++) write(values[i])
    return this.ldelim()
  }

  private varint(value: number): this {
    this.reserve(5)
    let rest = value
    while (rest > 127) {
      this.buf[this.pos++] = (rest & 127) | 128
      rest = Math.floor(rest / 128)
    }
    this.buf[this.pos++] = rest
    return this
  }

  private bigVarint(value: bigint): this {
    this.reserve(10)
    let rest = BigInt.asUintN(64, value)
    while (rest > 127n) {
      this.buf[this.pos++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.buf[this.pos++] = Number(rest)
    return this
  }

  private copyScratch(size: number): this {
    for (let i = 0; i < size; i++) this.buf[this.pos++] = scratchBytes[i]
    return this
  }

  private reserve(size: number): void {
    if (this.pos + size <= this.buf.length) return
    const grown = new Uint8Array(Math.max(this.buf.length * 2, this.pos + size))
    grown.set(this.buf.subarray(0, this.pos))
    this.buf = grown
  }
}

const utf8 = new TextEncoder()
const scratchBytes = new Uint8Array(8)
const scratch = new DataView(scratchBytes.buffer)

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++
  return size
}

function integer(value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`expected an integer from ${min} to ${max}, found ${describe(value)}`)
  }
}

function number(value: number): number {
  if (typeof value !== 'number') throw new Error(`expected a number, found ${describe(value)}`)
  return value
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value)
}
