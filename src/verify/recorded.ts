// SPDX-License-Identifier: Apache-2.0
// How recorded cases are written in JSON, and what their tensors and operators are in our types.
//
// A tensor's data is base64 of its little-endian bytes (bool: one byte an element); strings are a list of base64. An
// argument has its value under the name of its kind; `…_b64` marks bytes, an argument with a name alone an empty list.
import { isDType, type Tensor, tensorFromBytes } from '../core/tensor.ts'
import { type Argument, decodeNetDef, type OperatorDef } from '../net/net-def.ts'
import { PfError } from '../util/error.ts'

export interface RecordedTensor {
  name: string
  dims: number[]
  dtype: string
  data: string | string[]
}

/** Numbers that JSON cannot say are the strings nan, inf and -inf. */
type RecordedNumber = number | 'nan' | 'inf' | '-inf'

export interface RecordedArgument {
  name: string
  f?: RecordedNumber
  i?: number
  s?: string
  floats?: RecordedNumber[]
  ints?: number[]
  strings?: string[]
  s_b64?: string
  strings_b64?: string[]
  n_b64?: string
}

export interface RecordedOperator {
  type: string
  input: string[]
  output: string[]
  arg?: RecordedArgument[]
  is_gradient_op?: boolean
}

export function base64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

export function recordedTensor({ name, dims, dtype, data }: RecordedTensor): Tensor {
  if (!isDType(dtype)) throw new PfError('format', `recorded blob "${name}" has the unknown dtype ${dtype}`)
  if (dtype !== 'string') return tensorFromBytes(base64(data as string), dims, dtype)
  const decoder = new TextDecoder()
  return { dtype, shape: dims, data: (data as string[]).map((text) => decoder.decode(base64(text))) }
}

export function recordedOperator(op: RecordedOperator): OperatorDef {
  const { type, input, output } = op
  const gradient = op.is_gradient_op ? { isGradientOp: true } : {}
  return { type, input, output, arg: (op.arg ?? []).map(recordedArgument), ...gradient }
}

function recordedArgument(arg: RecordedArgument): Argument {
  const utf8 = new TextEncoder()
  const { name } = arg
  if (arg.f !== undefined) return { name, f: asNumber(arg.f) }
  if (arg.i !== undefined) return { name, i: arg.i }
  if (arg.s !== undefined) return { name, s: utf8.encode(arg.s) }
  if (arg.s_b64 !== undefined) return { name, s: base64(arg.s_b64) }
  if (arg.floats !== undefined) return { name, floats: arg.floats.map(asNumber) }
  if (arg.ints !== undefined) return { name, ints: arg.ints }
  if (arg.strings !== undefined) return { name, strings: arg.strings.map((text) => utf8.encode(text)) }
  if (arg.strings_b64 !== undefined) return { name, strings: arg.strings_b64.map(base64) }
  return arg.n_b64 === undefined ? { name } : { name, n: decodeNetDef(base64(arg.n_b64)) }
}

const named: Record<string, number> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
}

const asNumber = (value: RecordedNumber): number => (typeof value === 'string' ? named[value] : value)

/** A case as text. What is no object with these lists is a SyntaxError, like text that is no JSON. */
export function parseCase<T>(json: string, ...lists: (keyof T & string)[]): T {
  const value = JSON.parse(json) as Record<string, unknown> | null
  const missing = lists.find((name) => !Array.isArray(value?.[name]))
  if (missing !== undefined) throw new SyntaxError(`there is no list "${missing}"`)
  return value as T
}
