// SPDX-License-Identifier: Apache-2.0
// Tests of operators that keep something between runs, as data: operators that run one after the other in one workspace, and
// the blobs they leave.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { type ArgumentValue, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import type { PfErrorCode } from '../../src/util/error.ts'
import { testBackend } from './backend.ts'
import { throwsPf } from './throws.ts'
import type { Value } from './vectors.ts'

/** An operator: its type, inputs and outputs (names with spaces between them), arguments. */
export type Step = readonly [
  type: string,
  inputs: string,
  outputs: string,
  args?: Readonly<Record<string, ArgumentValue>>,
]

export interface Steps {
  readonly name: string
  readonly feed?: Readonly<Record<string, Value>>
  readonly run: readonly Step[]
  /** The last of these operators fails so. */
  readonly fails?: readonly [code: PfErrorCode, says: RegExp]
  /** What blobs hold afterwards; strings and whole numbers exactly. */
  readonly leaves?: Readonly<Record<string, Value>>
  /** Of floats; 1e-6 unless told. */
  readonly close?: number
}

const words = (text: string): string[] => text.split(' ').filter(Boolean)

function toTensor([shape, data, dtype]: Value) {
  return tensor(dtype === 'int64' ? data.map((x) => BigInt(x)) : data, shape, dtype ?? 'float32')
}

export function steps(family: string, cases: readonly Steps[]): void {
  const test = suite(family)
  const backend = testBackend(test)
  for (const one of cases) {
    test(one.name, async () => {
      await using ws = await Workspace.open(await backend(), { seed: 7n })
      for (const [name, value] of Object.entries(one.feed ?? {})) await ws.feedBlob(name, toTensor(value))
      for (const [i, [type, inputs, outputs, args]] of one.run.entries()) {
        const run = () => ws.runOperatorOnce(operatorDef(type, words(inputs), words(outputs), args))
        if (one.fails !== undefined && i === one.run.length - 1) await throwsPf(run, ...one.fails)
        else await run()
      }
      for (const [name, value] of Object.entries(one.leaves ?? {})) {
        const found = await ws.fetchBlob(name)
        const want = toTensor(value)
        assert.equal([found.dtype, [...found.shape]], [want.dtype, [...want.shape]], name)
        if (want.dtype === 'string') assert.equal(found.data, want.data, name)
        else {
          for (let k = 0; k < want.data.length; k++) {
            const off = Math.abs(Number(found.data[k]) - Number(want.data[k]))
            assert.ok(off <= (one.close ?? 1e-6), `${name}[${k}] is ${found.data[k]}, should be ${want.data[k]}`)
          }
        }
      }
    })
  }
  test.run()
}
