// SPDX-License-Identifier: Apache-2.0
// Every operator with a gradient, at points of several shapes, against differences: at all points that were recorded from
// Caffe2, and at those below where too few were. An operator that no point covers fails here, and so does a gradient
// that is missing: what has none stands in a table with the reason.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend, Schema } from '../../src/backend/backend.ts'
import { operatorDef } from '../../src/net/net-def.ts'
import type { OperatorCase } from '../../src/verify/operator-case.ts'
import { recordedOperator, recordedTensor } from '../../src/verify/recorded.ts'
import { testBackend } from '../kit/backend.ts'
import { constants, elsewhere, factors, leftOut, ownPoints, unread } from '../kit/gradient-points.ts'
import { recordedCases } from '../kit/recorded.ts'
import { settings } from '../kit/settings.ts'
import { checkSlopes, type Point } from '../kit/slopes.ts'

const test = suite('gradients')
const backend = testBackend(test)

interface Entry extends Point {
  name: string
  random: boolean
}

function points({ name: type }: Schema, recorded: readonly OperatorCase[]): Entry[] {
  const fromCaffe2 = recorded.map((one, i) => ({
    name: `recorded case ${i + 1}`,
    random: one.random ?? false,
    op: recordedOperator(one.op),
    feed: Object.fromEntries(one.inputs.map((input) => [input.name, recordedTensor(input)])),
  }))
  const own = (ownPoints[type] ?? []).map(({ feed, outputs = 1, args }, i) => ({
    name: `own point ${i + 1}`,
    random: false,
    op: operatorDef(
      type,
      Object.keys(feed),
      Array.from({ length: outputs }, (_, k) => `y${k}`),
      args,
    ),
    feed,
  }))
  return [...fromCaffe2, ...own].filter(({ op, feed }) => moderate(feed) && !leftOut[type]?.when(op, feed))
}

/** Some recorded inputs are infinite, or so large that no step can be seen. */
const moderate = (feed: Point['feed']) =>
  Object.values(feed).every(
    ({ dtype, data }) => !isFloat(dtype) || (data as Float32Array).every((x) => Math.abs(x) < 1e6),
  )

const isFloat = (dtype: string | undefined) => dtype === 'float32' || dtype === 'float64'

async function check(b: Backend, schema: Schema, recorded: readonly OperatorCase[]): Promise<void> {
  const { name: type } = schema
  const shapes = new Set<string>()
  const found = new Map<number, { known: number; tried: number }>()
  const without = new Set<number>()
  for (const point of points(schema, recorded)) {
    const { op, feed } = point
    const options = { random: point.random, factor: factors[type]?.factor }
    const slopes = await checkSlopes(b, schema, point, options).catch((error) => {
      throw new Error(`${point.name}: ${error.message}`)
    })
    if (slopes === undefined) continue
    assert.equal(
      slopes.unread.filter((i) => !unread[type]?.outputs.includes(i)),
      [],
      `${point.name}: outputs whose gradients nothing reads: ${slopes.unread}`,
    )
    shapes.add(op.input.map((name) => `[${feed[name]?.shape}]`).join())
    for (const [i, { known, tried }] of slopes.inputs) {
      const sum = found.get(i) ?? { known: 0, tried: 0 }
      found.set(i, { known: sum.known + known, tried: sum.tried + tried })
    }
    op.input.forEach((name, i) => {
      if (isFloat(feed[name]?.dtype) && op.input.indexOf(name) === i) without.add(i)
    })
  }
  for (const i of found.keys()) without.delete(i)
  const none = [...without].sort((a, b) => a - b)
  assert.ok(shapes.size > 1, `points of ${shapes.size} shapes, should be several`)
  assert.equal(none, [...(constants[type]?.inputs ?? [])], `float inputs without a gradient: ${none}`)
  for (const [i, { known, tried }] of found) {
    assert.ok(known >= tried / 2, `input ${i}: only ${known} of ${tried} slopes can be told`)
  }
}

const recorded = await recordedCases()

// The schemas are the core's, which opens with the first test: so one test goes through them all.
test('of all operators that have one', async () => {
  const b = await backend()
  const schemas = (await b.schemas()).filter(({ gradient }) => gradient === 'yes')
  const wrong: string[] = []
  for (const schema of schemas) {
    const { name } = schema
    if (name in elsewhere || (settings.op !== undefined && settings.op !== name)) continue
    await check(b, schema, recorded.get(name) ?? []).catch((error) => wrong.push(`${name}: ${error.message}`))
  }
  assert.equal(wrong, [])
})

test('the tables name only what there is', async () => {
  const names = new Set((await (await backend()).schemas()).map(({ name }) => name))
  const tables = [constants, elsewhere, factors, leftOut, ownPoints, unread]
  const named = tables.flatMap((table) => Object.keys(table))
  assert.equal(
    named.filter((name) => !names.has(name)),
    [],
  )
})

test.run()
