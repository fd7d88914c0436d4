// SPDX-License-Identifier: Apache-2.0
// Recorded runs of single operators: a line of JSON each, {op, inputs, outputs}, recorded from Caffe2.
import type { Backend } from '../backend/backend.ts'
import { pacemaker, throwIfAborted } from '../net/run.ts'
import { Workspace } from '../net/workspace.ts'
import { difference, operatorTolerance } from './compare.ts'
import { parseCase, type RecordedOperator, type RecordedTensor, recordedOperator, recordedTensor } from './recorded.ts'
import { emptyReport, enter, type VerifyOptions, type VerifyReport } from './report.ts'

export interface OperatorCase {
  op: RecordedOperator
  /** In the order of op.input, as they were before the run. */
  inputs: RecordedTensor[]
  /** After it; an output with an input's name was computed in place. */
  outputs: RecordedTensor[]
  /** The operator draws random numbers: only shapes and dtypes are compared. */
  random?: boolean
}

/** Runs one case in a workspace of its own; answers why it failed, or undefined. */
export async function runOperatorCase(backend: Backend, recorded: OperatorCase): Promise<string | undefined> {
  const workspace = await Workspace.open(backend, { seed: 1n })
  try {
    for (const input of recorded.inputs) await workspace.feedBlob(input.name, recordedTensor(input))
    await workspace.runOperatorOnce(recordedOperator(recorded.op))
    for (const output of recorded.outputs) {
      const expected = { name: output.name, tensor: recordedTensor(output), random: recorded.random }
      const why = difference(await workspace.fetchBlob(output.name), expected, operatorTolerance)
      if (why !== undefined) return why
    }
    return undefined
  } finally {
    await workspace.close()
  }
}

/** Runs the cases of a .jsonl text. */
export async function verifyOperatorCases(
  backend: Backend,
  jsonl: string,
  { name, operator, onCase, signal }: VerifyOptions = {},
): Promise<VerifyReport> {
  const report = emptyReport()
  const counts = new Map<string, number>()
  const pause = pacemaker()
  for (const line of jsonl.split('\n')) {
    if (line.trim() === '') continue
    throwIfAborted(signal)
    const recorded = parseCase<OperatorCase>(line, 'inputs', 'outputs')
    const type = recorded.op?.type
    if (typeof type !== 'string') throw new SyntaxError('there is no operator "op" with a type')
    const number = (counts.get(type) ?? 0) + 1
    counts.set(type, number)
    if (operator !== undefined && operator !== type) continue
    const label = `${name === undefined || name === type ? type : `${name}: ${type}`}:${number}`
    await enter(report, label, () => runOperatorCase(backend, recorded), onCase)
    await pause()
  }
  return report
}
