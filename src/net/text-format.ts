// SPDX-License-Identifier: Apache-2.0
// Protobuf's text format (.pbtxt, .prototxt), read into the same objects that decoding gives, and written as protoc does.
import { didYouMean } from '../util/nearest.ts'
import { enumOf, type Field, type Message, messageOf, type TextTables } from './text-schema.ts'
import { checkDepth, extensionName, skipValue } from './text-skip.ts'
import { type Token, Tokens } from './text-tokens.ts'

export type { TextTables } from './text-schema.ts'
export { printText } from './text-writer.ts'

export interface ParseOptions {
  /** Named in error messages. */
  file?: string
  /** Given a list, unknown fields are skipped and noted there; without it they are errors. */
  warnings?: string[]
}

type Value = Record<string, unknown>

export function parseText<T>(text: string, tables: TextTables, message: string, options: ParseOptions = {}): T {
  const parser = new Parser(tables, new Tokens(text, options.file), options.warnings)
  return parser.whole(message) as T
}

class Parser {
  private readonly tables: TextTables
  private readonly tokens: Tokens
  private readonly warnings: string[] | undefined

  constructor(tables: TextTables, tokens: Tokens, warnings: string[] | undefined) {
    this.tables = tables
    this.tokens = tokens
    this.warnings = warnings
  }

  whole(message: string): Value {
    return this.fields(message, undefined, 0)
  }

  // The fields of a message up to `close`, or to the end of the text.
  private fields(name: string, close: string | undefined, depth: number): Value {
    checkDepth(this.tokens, depth)
    const message = messageOf(this.tables, name)
    const value: Value = {}
    for (const field of message.repeated) value[field.key] = []
    while (!this.atEnd(name, close)) {
      this.field(name, message, value, depth)
      if (!this.tokens.accept(',')) this.tokens.accept(';')
    }
    for (const { key, type } of message.repeated) value[key] = asDecoded(value[key] as number[], type)
    return value
  }

  private atEnd(name: string, close: string | undefined): boolean {
    if (close !== undefined && this.tokens.accept(close)) return true
    if (this.tokens.token.kind !== 'end') return false
    if (close !== undefined) this.tokens.fail(`the text ends inside a ${name}; "${close}" is missing`)
    return true
  }

  private field(owner: string, message: Message, value: Value, depth: number): void {
    const token = this.tokens.next()
    const field = token.kind === 'name' ? message.byName.get(token.text) : undefined
    if (field !== undefined) this.known(owner, field, value, token, depth)
    else this.unknown(owner, message, token, depth)
  }

  private unknown(owner: string, message: Message, token: Token, depth: number): void {
    if (token.kind !== 'name' && token.kind !== 'number' && token.text !== '[') {
      this.tokens.fail(`expected a field of ${owner}, found ${this.tokens.found(token)}`, token.at)
    }
    const name = token.text === '[' ? extensionName(this.tokens) : token.text
    const what = `${owner} has no field "${name}"${didYouMean(name, message.byName.keys())}`
    if (this.warnings === undefined) this.tokens.fail(what, token.at)
    this.warnings.push(`${this.tokens.place(token.at)}: ${what}; it was skipped`)
    skipValue(this.tokens, depth)
  }

  private known(owner: string, field: Field, value: Value, token: Token, depth: number): void {
    const colon = this.tokens.accept(':')
    if (!colon && field.kind !== 'message') {
      this.tokens.fail(`expected ":" after "${field.name}", found ${this.tokens.found()}`)
    }
    if (field.repeated) {
      const list = value[field.key] as unknown[]
      if (this.tokens.accept('[')) this.list(field, list, depth)
      else list.push(this.value(field, depth))
      return
    }
    if (value[field.key] !== undefined) this.tokens.fail(`${owner}.${field.name} is given twice`, token.at)
    value[field.key] = this.value(field, depth)
  }

  private list(field: Field, list: unknown[], depth: number): void {
    if (this.tokens.accept(']')) return
    do list.push(this.value(field, depth))
    while (this.tokens.accept(','))
    this.tokens.expect(']', `or "," in the list of "${field.name}"`)
  }

  private value(field: Field, depth: number): unknown {
    if (field.kind === 'message') return this.message(field, depth)
    if (field.kind === 'enum') return this.enumValue(field)
    if (field.type === 'string' || field.type === 'bytes') return this.stringValue(field)
    if (field.type === 'bool') return this.boolValue(field)
    return field.type === 'float' || field.type === 'double' ? this.floatValue(field) : this.intValue(field)
  }

  private message(field: Field, depth: number): Value {
    const angle = this.tokens.accept('<')
    if (!angle) this.tokens.expect('{', `to begin "${field.name}" (a ${field.type})`)
    return this.fields(field.type, angle ? '>' : '}', depth + 1)
  }

  private enumValue(field: Field): number {
    const values = enumOf(this.tables, field.type)
    const { kind, text, at } = this.tokens.token
    if (kind !== 'name') return Number(this.intValue({ ...field, type: 'int32' }))
    this.tokens.next()
    const number = values.get(text)
    if (number !== undefined) return number
    const known = [...values.keys()]
    const choice = known.length > 12 ? '' : `; it is one of ${known.join(', ')}`
    return this.tokens.fail(`"${field.name}" cannot be ${text}${didYouMean(text, known)}${choice}`, at)
  }

  // Literals that follow each other are one string.
  private stringValue(field: Field): string | Uint8Array {
    const { kind, at } = this.tokens.token
    if (kind !== 'string') this.wrong(field, 'a quoted string', this.tokens.token)
    const parts: Uint8Array[] = []
    while (this.tokens.token.kind === 'string') parts.push(this.tokens.next().bytes as Uint8Array)
    const bytes = parts.length === 1 ? parts[0] : joined(parts)
    if (field.type === 'bytes') return bytes
    try {
      return strictUtf8.decode(bytes)
    } catch {
      return this.tokens.fail(`the string for "${field.name}" is not UTF-8`, at)
    }
  }

  private boolValue(field: Field): boolean {
    const token = this.tokens.next()
    if (['true', 'True', 't', '1'].includes(token.text)) return true
    if (['false', 'False', 'f', '0'].includes(token.text)) return false
    return this.wrong(field, 'true or false', token)
  }

  private floatValue(field: Field): number {
    const negative = this.tokens.accept('-')
    const token = this.tokens.next()
    const value = token.kind === 'string' || token.kind === 'symbol' ? undefined : floatOf(token.text)
    if (value === undefined) return this.wrong(field, 'a number', token)
    const signed = negative ? -value : value
    return field.type === 'float' ? Math.fround(signed) : signed
  }

  private intValue(field: Field): number | bigint {
    const negative = this.tokens.accept('-')
    const token = this.tokens.next()
    if (token.kind !== 'number' || !/^(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.test(token.text)) {
      return this.wrong(field, 'an integer', token)
    }
    const octal = /^0[0-7]+$/.test(token.text)
    const magnitude = BigInt(octal ? `0o${token.text.slice(1)}` : token.text)
    const value = negative ? -magnitude : magnitude
    const bits = field.type.endsWith('64') ? 64 : 32
    const fits = field.type.startsWith('u') ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value)
    if (fits !== value) this.tokens.fail(`${value} does not fit "${field.name}" (${field.type})`, token.at)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  private wrong(field: Field, expected: string, token: Token): never {
    return this.tokens.fail(`"${field.name}" takes ${expected}, found ${this.tokens.found(token)}`, token.at)
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// Lists of floats are typed arrays after decoding, so they are here.
function asDecoded(list: number[], type: string): ArrayLike<unknown> {
  if (list.length === 0) return list
  if (type === 'float') return Float32Array.from(list)
  return type === 'double' ? Float64Array.from(list) : list
}

function joined(parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

function floatOf(text: string): number | undefined {
  const lower = text.toLowerCase()
  if (lower === 'inf' || lower === 'infinity') return Number.POSITIVE_INFINITY
  if (lower === 'nan') return Number.NaN
  if (!/^([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?f?$/.test(lower)) return undefined
  return Number(lower.endsWith('f') ? lower.slice(0, -1) : lower)
}
