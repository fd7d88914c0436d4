// SPDX-License-Identifier: Apache-2.0
// The tokens of protobuf's text format, with their places.
import { PfError } from '../util/error.ts'

export interface Token {
  /** `symbol` is one character, `end` the end of the text. */
  kind: 'name' | 'number' | 'string' | 'symbol' | 'end'
  text: string
  /** Offset of the first character. */
  at: number
  /** What a string literal holds. */
  bytes?: Uint8Array
}

const namePattern = /[A-Za-z_][A-Za-z0-9_]*/y
// Everything that begins like a number, so that `1x` or `0.5.5` is reported whole.
const numberPattern =
  /(?:0[xX][0-9a-fA-F]+|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)[A-Za-z0-9_.]*/y
const spacePattern = /[ \t\r\n\f\v\ufeff]*/y

export class Tokens {
  readonly source: string
  private position = 0
  private readonly file: string | undefined
  token: Token

  constructor(source: string, file?: string) {
    this.source = source
    this.file = file
    this.token = this.read()
  }

  /** Returns the current token and moves on. */
  next(): Token {
    const token = this.token
    this.token = this.read()
    return token
  }

  /** Moves over a symbol if it is there. */
  accept(symbol: string): boolean {
    if (!this.is(symbol)) return false
    this.next()
    return true
  }

  is(symbol: string): boolean {
    return this.token.kind === 'symbol' && this.token.text === symbol
  }

  expect(symbol: string, purpose: string): void {
    if (!this.accept(symbol)) this.fail(`expected "${symbol}" ${purpose}, found ${this.found()}`)
  }

  found(token = this.token): string {
    return token.kind === 'end' ? 'the end of the text' : shorten(token.text)
  }

  place(at: number): string {
    const before = this.source.slice(0, at)
    const line = before.split('\n').length
    const column = at - before.lastIndexOf('\n')
    return `${this.file === undefined ? '' : `${this.file}, `}line ${line}, column ${column}`
  }

  fail(what: string, at = this.token.at): never {
    throw new PfError('parse', `${this.place(at)}: ${what}`)
  }

  private read(): Token {
    this.skipSpace()
    const at = this.position
    if (at >= this.source.length) return { kind: 'end', text: '', at }
    const first = this.source[at]
    if (first === '"' || first === "'") return this.readString(at, first)
    const matched = this.match('name', namePattern, at) ?? this.match('number', numberPattern, at)
    if (matched !== undefined) return matched
    this.position = at + 1
    return { kind: 'symbol', text: first, at }
  }

  private skipSpace(): void {
    for (;;) {
      spacePattern.lastIndex = this.position
      spacePattern.exec(this.source)
      this.position = spacePattern.lastIndex
      if (this.source[this.position] !== '#') return
      const end = this.source.indexOf('\n', this.position)
      this.position = end < 0 ? this.source.length : end
    }
  }

  private match(kind: 'name' | 'number', pattern: RegExp, at: number): Token | undefined {
    pattern.lastIndex = at
    const found = pattern.exec(this.source)
    if (found === null) return undefined
    this.position = pattern.lastIndex
    return { kind, text: found[0], at }
  }

  private readString(at: number, quote: string): Token {
    let end = at + 1
    while (end < this.source.length && this.source[end] !== quote && this.source[end] !== '\n') {
      end += this.source[end] === '\\' ? 2 : 1
    }
    if (this.source[end] !== quote) this.fail('this string has no closing quote on its line', at)
    this.position = end + 1
    const text = this.source.slice(at, end + 1)
    return { kind: 'string', text, at, bytes: this.unescape(text.slice(1, -1), at + 1) }
  }

  // Escapes name bytes, other characters stand for their UTF-8.
  private unescape(text: string, at: number): Uint8Array {
    if (!text.includes('\\')) return utf8.encode(text)
    const out: number[] = []
    for (const part of text.matchAll(escapePattern)) {
      const [whole, octal, hex, short, long, letter] = part
      const code = short ?? long
      if (octal !== undefined) out.push(Number.parseInt(octal, 8) & 255)
      else if (hex !== undefined) out.push(Number.parseInt(hex, 16))
      else if (code !== undefined) out.push(...utf8.encode(this.codePoint(code, at + part.index)))
      else if (letter !== undefined && letter in escapes) out.push(escapes[letter])
      else if (whole.startsWith('\\')) this.fail(`unknown escape ${whole} in a string`, at + part.index)
      else for (const byte of utf8.encode(whole)) out.push(byte)
    }
    return Uint8Array.from(out)
  }

  private codePoint(hex: string, at: number): string {
    const code = Number.parseInt(hex, 16)
    if (code > 0x10ffff) this.fail(`\\U${hex} is no character`, at)
    return String.fromCodePoint(code)
  }
}

const utf8 = new TextEncoder()

const escapePattern =
  /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))|[^\\]+|\\$/g

const escapes: Record<string, number> = {
  n: 10,
  r: 13,
  t: 9,
  a: 7,
  b: 8,
  f: 12,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
}

function shorten(text: string): string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text
  return shown.startsWith('"') || shown.startsWith("'") ? shown : `"${shown}"`
}
