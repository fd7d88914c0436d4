// SPDX-License-Identifier: Apache-2.0
// What a builder knows of the operators without asking a core: their names, outputs, and how numbers are typed.
import { dtypeOf } from '../core/tensor.ts'
import { numberKinds, type Operators, type OperatorType, outputCount } from '../gen/operators.ts'
import { PfError } from '../util/error.ts'
import { didYouMean } from '../util/nearest.ts'
import { type Argument, type ArgumentValue, argument } from './net-def.ts'

/** The arguments of an operator by their Caffe2 names; 0 and 1 stand for false and true as they do in Caffe2. */
export type ArgumentsOf<T extends OperatorType> = {
  readonly [K in keyof Operators[T]['args']]?: Loose<Operators[T]['args'][K]>
}

type Loose<V> = V extends boolean ? boolean | 0 | 1 : V

/** Arguments of any operator. */
export type OperatorArguments = Readonly<Record<string, ArgumentValue | undefined>>

/** What must be known of a user operator, as `Backend.schemas()` answers it. */
export interface OperatorSchema {
  readonly name: string
  readonly args: readonly { readonly name: string; readonly type: string }[]
  readonly outputs: readonly { readonly optional: boolean }[]
}

interface Known {
  readonly outputs: number
  /** Kinds of arguments by name, where the value itself does not tell. */
  readonly kinds: Readonly<Record<string, string>>
}

const known = new Map<string, Known>(
  Object.entries(outputCount).map(([name, outputs]) => [name, { outputs, kinds: numberKinds[name] ?? {} }]),
)

/** Makes operators known that came at run time. */
export function declareOperators(schemas: Iterable<OperatorSchema>): void {
  for (const { name, args, outputs } of schemas) {
    const kinds = Object.fromEntries(args.map((arg) => [arg.name, arg.type]))
    known.set(name, { outputs: outputs.filter((port) => !port.optional).length, kinds })
  }
}

/** How many outputs an operator has at least; a type that no operator has is an error. */
export function outputsOfType(type: string): number {
  const found = known.get(type)
  if (found) return found.outputs
  throw new PfError('no_operator', `"${type}" is not a registered operator${didYouMean(type, known.keys())}`)
}

/** The arguments of an operator of this type. The schema decides what JavaScript cannot: whether 1 means 1.0. */
export function operatorArguments(type: string, values: OperatorArguments): Argument[] {
  const kinds = known.get(type)?.kinds ?? {}
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined) return []
    const kind = kinds[name] === 'value' ? valueKind(values.dtype) : kinds[name]
    return [typedArgument(name, value, kind)]
  })
}

function typedArgument(name: string, value: ArgumentValue, kind: string | undefined): Argument {
  if (kind === 'float' && typeof value === 'number') return { name, f: value }
  if (kind === 'floats' && isNumbers(value)) return { name, floats: value }
  return argument(name, value)
}

// A fill value is a float unless the dtype beside it is another one.
function valueKind(dtype: ArgumentValue | undefined): string | undefined {
  if (dtype === undefined) return 'float'
  if (typeof dtype !== 'number') return undefined
  return dtypeOf(dtype).startsWith('float') ? 'float' : undefined
}

function isNumbers(value: ArgumentValue): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number')
}
