// SPDX-License-Identifier: Apache-2.0
// What the real Caffe2 computed, operator by operator and net by net. `make test OP=Softmax` keeps to one operator.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gunzip } from '../../src/verify/gunzip.ts'
import { verifyNetCase } from '../../src/verify/net-case.ts'
import { verifyOperatorCases } from '../../src/verify/operator-case.ts'
import type { VerifyReport } from '../../src/verify/report.ts'
import { testBackend } from '../kit/backend.ts'
import { fixture } from '../kit/data.ts'
import { settings } from '../kit/settings.ts'

async function lines(path: string): Promise<string[]> {
  const text = new TextDecoder().decode(await gunzip(await fixture(path)))
  return text.trimEnd().split('\n')
}

function byOperator(cases: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const line of cases) {
    const type = /"type":"(\w+)"/.exec(line)?.[1] ?? ''
    const same = found.get(type)
    if (same === undefined) found.set(type, [line])
    else same.push(line)
  }
  return found
}

function allPass(report: VerifyReport): void {
  const wrong = [...report.failed, ...report.unsupported].map(({ case: name, why }) => `${name} ${why}`)
  assert.equal(wrong, [])
  assert.is(report.passed, report.total)
}

const operators = suite('recorded operators')
const backendOfOperators = testBackend(operators)
for (const [type, cases] of byOperator(await lines('golden/operators.jsonl.gz'))) {
  if (settings.op !== undefined && settings.op !== type) continue
  operators(`${type}: ${cases.length} cases`, async () => {
    allPass(await verifyOperatorCases(await backendOfOperators(), cases.join('\n')))
  })
}
operators.run()

if (settings.op === undefined) {
  const nets = suite('recorded nets')
  const backend = testBackend(nets)
  for (const line of await lines('golden/nets.jsonl.gz')) {
    const { name } = JSON.parse(line) as { name: string }
    nets(name, async () => allPass(await verifyNetCase(await backend(), line)))
  }
  nets.run()
}
