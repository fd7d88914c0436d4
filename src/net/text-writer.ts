// SPDX-License-Identifier: Apache-2.0
// Writes protobuf's text format: fields by number, two spaces, the shortest digits that give the same float back.
import { enumOf, type Field, messageOf, type TextTables } from './text-schema.ts'

export function printText(message: object, tables: TextTables, name: string): string {
  const lines: string[] = []
  print(message, tables, name, '', lines)
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function print(message: object, tables: TextTables, name: string, indent: string, lines: string[]): void {
  for (const field of messageOf(tables, name).fields) {
    const value = (message as Record<string, unknown>)[field.key]
    if (value === undefined || value === null) continue
    const values = field.repeated ? Array.from(value as ArrayLike<unknown>) : [value]
    for (const item of values) {
      if (field.kind !== 'message') {
        lines.push(`${indent}${field.name}: ${scalar(item, field, tables)}`)
        continue
      }
      lines.push(`${indent}${field.name} {`)
      print(item as object, tables, field.type, `${indent}  `, lines)
      lines.push(`${indent}}`)
    }
  }
}

function scalar(value: unknown, field: Field, tables: TextTables): string {
  if (field.type === 'string') return quoted(utf8.encode(String(value)))
  if (field.type === 'bytes') return quoted(value as Uint8Array)
  if (field.type === 'float') return floatText(value as number, 9)
  if (field.type === 'double') return floatText(value as number, 17)
  if (field.kind !== 'enum') return String(value)
  for (const [name, number] of enumOf(tables, field.type)) if (number === value) return name
  return String(value)
}

const utf8 = new TextEncoder()

function quoted(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    if (byte in named) text += named[byte]
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte)
    else text += `\\${byte.toString(8).padStart(3, '0')}`
  }
  return `"${text}"`
}

const named: Record<number, string> = { 9: '\\t', 10: '\\n', 13: '\\r', 34: '\\"', 39: "\\'", 92: '\\\\' }

/** The fewest digits that read back as the same number, written as Python writes floats: `1.0`, `1e-05`, `inf`. */
function floatText(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const exact = digits === 9 ? shortestFloat(value) : value
  const [mantissa, exponentText] = exact.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const plain = String(exact)
  return plain.includes('.') ? plain : `${plain}.0`
}

function shortestFloat(value: number): number {
  const rounded = Math.fround(value)
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(rounded.toPrecision(digits))
    if (Math.fround(shorter) === rounded) return shorter
  }
  return Number(rounded.toPrecision(9))
}
