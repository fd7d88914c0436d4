// SPDX-License-Identifier: Apache-2.0
// Every operator with arguments and inputs as nobody sane would give them: negative and huge sizes, NaN, nothing at all,
// wrong types, outputs that are inputs. A result or a PfError must come of it, and the core must live on.
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeOperatorDef } from '../../src/net/net-def.ts'
import { PfError } from '../../src/util/error.ts'
import { testBackend } from '../kit/backend.ts'
import { fromCase, fromSchema, type Hostile } from '../kit/hostile.ts'
import { inFolderOfItsOwn } from '../kit/elsewhere.ts'
import { recordedCases } from '../kit/recorded.ts'
import { settings } from '../kit/settings.ts'

// Their condition may well stay true: then they run on until `abort()`, as they should.
const endless = ['While', 'ONNXWhile']

const drawn = { fromSchema: 8, fromCases: 8 }
const seed = 20170418

const test = suite('hostile operators')
const backend = testBackend(test)
inFolderOfItsOwn(test)

async function run({ op, feed }: Hostile): Promise<void> {
  const b = await backend()
  const ws = await b.openWorkspace(1n)
  try {
    for (const [name, value] of Object.entries(feed)) await b.feed(ws, name, value)
    await b.runOperator(ws, encodeOperatorDef(op))
    for (const name of op.output) await b.blobInfo(ws, name)
  } catch (error) {
    if (!(error instanceof PfError) || error.code === 'internal') throw error
  } finally {
    await b.closeWorkspace(ws)
  }
}

const told = ({ op, feed }: Hostile) =>
  JSON.stringify({ op, feed }, (_, value) => {
    if (typeof value === 'bigint' || Number.isNaN(value)) return String(value)
    return ArrayBuffer.isView(value) ? Array.from(value as Uint8Array, String) : value
  })

test('a result or a PfError', async () => {
  const cases = await recordedCases(20_000) // large ones take their time and show no more
  for (const schema of await (await backend()).schemas()) {
    if ((settings.op !== undefined && settings.op !== schema.name) || endless.includes(schema.name)) continue
    const draws = fc.sample(fromSchema(schema), { seed, numRuns: drawn.fromSchema })
    const recorded = cases.get(schema.name) ?? []
    for (let i = 0; i < drawn.fromCases && recorded.length > 0; i++) {
      const chosen = recorded[(i * 7) % recorded.length]
      draws.push(...fc.sample(fromCase(schema, chosen), { seed: seed + i, numRuns: 1 }))
    }
    for (const draw of draws) {
      try {
        await run(draw)
      } catch (error) {
        assert.unreachable(`${schema.name}: ${error}\n${told(draw)}`)
      }
    }
  }
})

test.run()
