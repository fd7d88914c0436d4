// SPDX-License-Identifier: Apache-2.0
// Nets in the arguments of operators: which operators have them, what they write, and names in them.
import type { NetDef, OperatorDef } from './net-def.ts'

const nestingTypes = ['If', 'While', 'Do'] as const

/** Operators whose gradient is one of nets; gradient-control.ts makes it. */
export type NestingType = (typeof nestingTypes)[number]

export const runsNets = ({ type }: OperatorDef): boolean => nestingTypes.some((name) => name === type)

/** The nets in the arguments of an operator. */
export function netsInside(op: OperatorDef): NetDef[] {
  return op.arg.flatMap((arg) => [...(arg.n === undefined ? [] : [arg.n]), ...(arg.nets ?? [])])
}

/** All blobs that the nets inside an operator write, at any depth. */
export function writtenInside(op: OperatorDef): Set<string> {
  const inner = netsInside(op).flatMap((net) => net.op)
  return new Set(inner.flatMap((each) => [...each.output, ...writtenInside(each)]))
}

/** Gives an output of a gradient operator another name, also where it is written inside; answers that name. */
export function renameOutput(op: OperatorDef, output: number, wanted: string): string {
  const old = op.output[output]
  const name = unused(wanted, [...(op.type === 'If' ? writtenInside(op) : [])])
  op.output[output] = name
  if (op.type !== 'If') return name // While is followed by copies and Do binds by place: nothing inside has the name
  for (const arg of op.arg) {
    const written = new Set<string>()
    for (const inner of arg.n?.op ?? []) {
      inner.input = inner.input.map((blob) => (blob === old && written.has(old) ? name : blob))
      for (const [k, blob] of inner.output.entries()) {
        if (blob !== old) continue
        renameOutput(inner, k, name)
        written.add(old)
      }
    }
  }
  return name
}

export function unused(name: string, taken: readonly string[]): string {
  let free = name
  for (let i = 1; taken.includes(free); i++) free = `${name}_${i}`
  return free
}
