// SPDX-License-Identifier: Apache-2.0
// What shape inference says of every recorded case is what came out of it. Where it says nothing, the declaration of the
// operator says why.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend, Schema } from '../../src/backend/backend.ts'
import { dtypeOf } from '../../src/core/tensor.ts'
import { decode, encodeNetDef, netDef } from '../../src/net/net-def.ts'
import { gunzip } from '../../src/verify/gunzip.ts'
import type { OperatorCase } from '../../src/verify/operator-case.ts'
import { recordedOperator, recordedTensor } from '../../src/verify/recorded.ts'
import { testBackend } from '../kit/backend.ts'
import { fixture } from '../kit/data.ts'
import { settings } from '../kit/settings.ts'

const test = suite('inferred shapes')
const backend = testBackend(test)

async function inferred(b: Backend, { op, inputs }: OperatorCase) {
  const ws = await b.openWorkspace(1n)
  try {
    for (const input of inputs) await b.feed(ws, input.name, recordedTensor(input))
    const bytes = await b.infer(ws, encodeNetDef(netDef({ op: [recordedOperator(op)] })))
    return new Map(decode('TensorShapes', bytes).shapes.map((shape) => [shape.name, shape]))
  } finally {
    await b.closeWorkspace(ws)
  }
}

/** What is wrong with what is inferred of a case. */
async function faults(b: Backend, recorded: OperatorCase, schema: Schema): Promise<string[]> {
  const found = await inferred(b, recorded)
  return recorded.outputs.flatMap(({ name, dims, dtype }) => {
    const shape = found.get(name)
    if (shape === undefined || shape.unknownShape) {
      return schema.shapeUnknown === '' ? [`${schema.name}: "${name}" is not known, and nothing says why`] : []
    }
    const got = `${dtypeOf(shape.dataType ?? 0)} [${shape.dims.map(Number)}]`
    return got === `${dtype} [${dims}]` ? [] : [`${schema.name}: "${name}" is said to be ${got}, is ${dtype} [${dims}]`]
  })
}

test('of all recorded cases', async () => {
  const b = await backend()
  const schemas = new Map((await b.schemas()).map((schema) => [schema.name, schema]))
  const text = new TextDecoder().decode(await gunzip(await fixture('golden/operators.jsonl.gz')))
  const wrong: string[] = []
  for (const line of text.trimEnd().split('\n')) {
    const recorded = JSON.parse(line) as OperatorCase
    const { type } = recorded.op
    if (settings.op !== undefined && settings.op !== type) continue
    wrong.push(...(await faults(b, recorded, schemas.get(type) as Schema)))
  }
  assert.equal(wrong, [])
})

test.run()
