// SPDX-License-Identifier: Apache-2.0
// Operators as nobody sane would write them, drawn from schemas and from recorded cases with something spoilt: what comes
// of them must be a result or a PfError.
import fc from 'fast-check'
import type { Schema, SchemaPort } from '../../src/backend/backend.ts'
import { type DType, type Tensor, tensor } from '../../src/core/tensor.ts'
import { type Argument, netDef, type OperatorDef, operatorDef } from '../../src/net/net-def.ts'
import type { OperatorCase } from '../../src/verify/operator-case.ts'
import { recordedOperator, recordedTensor } from '../../src/verify/recorded.ts'

export interface Hostile {
  op: OperatorDef
  feed: Record<string, Tensor>
}

// Small sizes, and sizes that no machine has. Those between may be had, and would take all memory or all time.
const small = [0, 1, 2, 3, 4, 7, -1, -2, -5]
const huge = [2 ** 40, 2 ** 53, -(2 ** 53), 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)]
const integer = fc.oneof(
  { arbitrary: fc.constantFrom<number | bigint>(...small), weight: 4 },
  { arbitrary: fc.constantFrom<number | bigint>(...huge), weight: 1 },
)
const odd = [
  0,
  -0,
  1,
  -1,
  0.5,
  2,
  -3,
  1e-30,
  1e30,
  -1e38,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
]
const float = fc.constantFrom(...odd)
// No name of a file that could be made: some operators write files.
const text = fc.constantFrom(
  '',
  'NCHW',
  'NHWC',
  'mean',
  'linear',
  'x y',
  '\0',
  'é\ud83d\ude00',
  '/dev/null/no/where',
  'float',
)
const bytes = text.map((value) => new TextEncoder().encode(value))
const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 5 })

const values: Readonly<Record<string, fc.Arbitrary<Omit<Argument, 'name'>>>> = {
  float: float.map((f) => ({ f })),
  int: integer.map((i) => ({ i })),
  bool: fc.constantFrom({ i: 0 }, { i: 1 }, { i: -7 }),
  string: bytes.map((s) => ({ s })),
  floats: some(float).map((floats) => ({ floats })),
  ints: some(integer).map((ints) => ({ ints })),
  strings: some(bytes).map((strings) => ({ strings })),
  net: fc.constantFrom({ n: netDef() }, { n: netDef({ op: [operatorDef('Copy', 'a', 'b')] }) }),
}
const anyValue = fc.oneof(...Object.values(values))

function argumentOf({ name, type }: Schema['args'][number]): fc.Arbitrary<Argument> {
  const own = values[type] ?? anyValue
  const value = fc.oneof({ arbitrary: own, weight: 9 }, { arbitrary: anyValue, weight: 1 })
  return value.map((held) => ({ name, ...held }))
}

const dtypes: readonly DType[] = [
  'float32',
  'float32',
  'float32',
  'int32',
  'int32',
  'int64',
  'uint8',
  'bool',
  'float64',
  'string',
  'float16',
]
const shape = fc.oneof(
  fc.array(fc.constantFrom(1, 2, 3, 4), { maxLength: 5 }),
  fc.constantFrom([2, 3], [2], [2, 4, 3, 3], [0], [2, 0], [1], [], [3, 2, 2]),
)
const pattern = fc.oneof(
  fc.constantFrom([0], [1], [0, 1], [1, 2], [0.5, -0.5]),
  fc.array(fc.constantFrom(...odd, -2147483648, 255), { minLength: 1, maxLength: 4 }),
)

const anyTensor: fc.Arbitrary<Tensor> = fc
  .record({ dims: shape, dtype: fc.constantFrom(...dtypes), fill: pattern })
  .map(({ dims, dtype, fill }) => filled(dims, dtype, fill))

function filled(dims: readonly number[], dtype: DType, fill: readonly number[]): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const numbers = Array.from({ length: size }, (_, i) => fill[i % fill.length])
  if (dtype === 'string') return { dtype, shape: dims, data: numbers.map((x) => (x > 0 ? `text ${x}` : '')) }
  if (dtype === 'int64') {
    const whole = numbers.map((x) => (Number.isFinite(x) ? BigInt(Math.trunc(x)) : 2n ** 62n))
    return { dtype, shape: dims, data: BigInt64Array.from(whole.map((x) => BigInt.asIntN(64, x))) }
  }
  if (dtype === 'float16') return { dtype, shape: dims, data: Uint16Array.from(numbers, (x) => Math.abs(x * 15360)) }
  if (dtype === 'bool')
    return tensor(
      Uint8Array.from(numbers, (x) => Number(x > 0)),
      dims,
      'bool',
    )
  return tensor(
    numbers.map((x) => x),
    dims,
    dtype,
  )
}

function countOf(ports: readonly SchemaPort[]): fc.Arbitrary<number> {
  const least = ports.filter((port) => !port.optional && !port.variadic).length
  const most = ports.some((port) => port.variadic) ? least + 3 : ports.length
  return fc.oneof(
    { arbitrary: fc.integer({ min: least, max: most }), weight: 9 },
    { arbitrary: fc.integer({ min: Math.max(0, least - 1), max: most + 1 }), weight: 1 },
  )
}

/** Any operator of this schema: inputs alike or not, outputs anew or in place. */
export function fromSchema(schema: Schema): fc.Arbitrary<Hostile> {
  const args = fc.tuple(
    ...schema.args.map((arg) => fc.option(argumentOf(arg), { nil: undefined, freq: arg.required ? 12 : 2 })),
  )
  const alike = fc.tuple(anyTensor, fc.boolean())
  return fc
    .record({
      args,
      inputs: countOf(schema.inputs),
      outputs: countOf(schema.outputs),
      tensors: fc.array(anyTensor, { minLength: 8, maxLength: 8 }),
      alike,
      aliased: fc.option(fc.tuple(fc.nat(3), fc.nat(3)), { freq: 3 }),
    })
    .map(({ args, inputs, outputs, tensors, alike: [first, same], aliased }) => {
      const feed: Record<string, Tensor> = {}
      const input = Array.from({ length: inputs }, (_, i) => `in${i}`)
      input.forEach((name, i) => {
        feed[name] = same ? first : (tensors[i % tensors.length] as Tensor)
      })
      const output = Array.from({ length: outputs }, (_, i) => `out${i}`)
      if (aliased && aliased[0] < inputs && aliased[1] < outputs) output[aliased[1]] = input[aliased[0]]
      const arg = args.filter((each): each is Argument => each !== null && each !== undefined)
      return { op: { type: schema.name, input, output, arg }, feed }
    })
}

type Spoil = (hostile: Hostile) => Hostile

/** A recorded case in which one or two things are no longer as they were. */
export function fromCase(schema: Schema, recorded: OperatorCase): fc.Arbitrary<Hostile> {
  const start: Hostile = {
    op: recordedOperator(recorded.op),
    feed: Object.fromEntries(recorded.inputs.map((input) => [input.name, recordedTensor(input)])),
  }
  return fc
    .array(spoil(schema), { minLength: 1, maxLength: 2 })
    .map((spoils) => spoils.reduce((now, next) => next(now), start))
}

function spoil(schema: Schema): fc.Arbitrary<Spoil> {
  const at = fc.nat(7)
  const replaced = fc.tuple(at, anyTensor).map(
    ([i, value]): Spoil =>
      (now) =>
        withInput(now, i, () => value),
  )
  const refilled = fc.tuple(at, pattern).map(
    ([i, fill]): Spoil =>
      (now) =>
        withInput(now, i, (old) => filled(old.shape, old.dtype, fill)),
  )
  const reshaped = fc.tuple(at, fc.nat(4), fc.constantFrom(0, 1, 2, 5)).map(
    ([i, axis, dim]): Spoil =>
      (now) =>
        withInput(now, i, (old) => {
          const dims = old.shape.map((size, k) => (k === axis % old.shape.length ? dim : size))
          return filled(dims, old.dtype, [0, 1, 0.5])
        }),
  )
  const renamed = fc.tuple(at, at, fc.boolean()).map(
    ([i, j, inputs]): Spoil =>
      ({ op, feed }) => {
        const list = [...(inputs ? op.input : op.output)]
        if (op.input.length > 0 && list.length > 0) list[j % list.length] = op.input[i % op.input.length]
        return { feed, op: inputs ? { ...op, input: list } : { ...op, output: list } }
      },
  )
  const fewer = fc.constantFrom<Spoil>(
    ({ op, feed }) => ({ feed, op: { ...op, input: op.input.slice(0, -1) } }),
    ({ op, feed }) => ({ feed, op: { ...op, input: [...op.input, ...op.input.slice(0, 1)] } }),
    ({ op, feed }) => ({ feed, op: { ...op, output: op.output.slice(0, -1) } }),
    ({ op, feed }) => ({ feed, op: { ...op, output: [...op.output, 'another'] } }),
  )
  const argued = schema.args.map((arg) =>
    argumentOf(arg).map(
      (value): Spoil =>
        ({ op, feed }) => ({
          feed,
          op: { ...op, arg: [...op.arg.filter((each) => each.name !== value.name), value] },
        }),
    ),
  )
  const spoils = [replaced, refilled, reshaped, renamed, fewer]
  return fc.oneof(...spoils, ...(argued.length > 0 ? [fc.oneof(...argued), fc.oneof(...argued)] : []))
}

function withInput({ op, feed }: Hostile, at: number, change: (old: Tensor) => Tensor): Hostile {
  const names = Object.keys(feed)
  if (names.length === 0) return { op, feed }
  const name = names[at % names.length]
  return { op, feed: { ...feed, [name]: change(feed[name]) } }
}
