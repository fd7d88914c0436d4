// SPDX-License-Identifier: Apache-2.0
// The recorded cases of operators that lie with the tests, by the operator's type.
import { gunzip } from '../../src/verify/gunzip.ts'
import type { OperatorCase } from '../../src/verify/operator-case.ts'
import { fixture } from './data.ts'

/** @param longest cases of more letters are left out */
export async function recordedCases(longest = Number.POSITIVE_INFINITY): Promise<Map<string, OperatorCase[]>> {
  const text = new TextDecoder().decode(await gunzip(await fixture('golden/operators.jsonl.gz')))
  const found = new Map<string, OperatorCase[]>()
  for (const line of text.trimEnd().split('\n')) {
    if (line.length > longest) continue
    const recorded = JSON.parse(line) as OperatorCase
    const list = found.get(recorded.op.type) ?? []
    list.push(recorded)
    found.set(recorded.op.type, list)
  }
  return found
}
