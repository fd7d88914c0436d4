// SPDX-License-Identifier: Apache-2.0
// Recorded nets: several nets of one workspace, run in steps; blobs were recorded after some of the steps.
import type { Backend } from '../backend/backend.ts'
import { netDef } from '../net/net-def.ts'
import { Workspace } from '../net/workspace.ts'
import { difference, operatorTolerance } from './compare.ts'
import { parseCase, type RecordedOperator, type RecordedTensor, recordedOperator, recordedTensor } from './recorded.ts'
import { emptyReport, enter, type VerifyOptions, type VerifyReport } from './report.ts'

export interface NetCase {
  name: string
  nets: RecordedOperator[][]
  inputs: RecordedTensor[]
  /** Which net runs; the net is created once and kept. */
  steps: number[]
  expect: { after_step: number; blobs: RecordedTensor[] }[]
}

export async function runNetCase(backend: Backend, recorded: NetCase): Promise<string | undefined> {
  const workspace = await Workspace.open(backend, { seed: 1n })
  try {
    for (const input of recorded.inputs) await workspace.feedBlob(input.name, recordedTensor(input))
    const names = new Map<number, string>()
    for (const [step, index] of recorded.steps.entries()) {
      if (!names.has(index)) names.set(index, await createNet(workspace, recorded, index))
      await workspace.runNet(names.get(index) as string)
      const why = await compareAfter(workspace, recorded, step)
      if (why !== undefined) return `after step ${step}: ${why}`
    }
    return undefined
  } finally {
    await workspace.close()
  }
}

// What earlier nets of the workspace left is an input of this one.
async function createNet(workspace: Workspace, recorded: NetCase, index: number): Promise<string> {
  const ops = recorded.nets[index].map(recordedOperator)
  const present = new Set(await workspace.blobs())
  const externalInput = [...new Set(ops.flatMap(({ input }) => input))].filter((blob) => present.has(blob))
  return workspace.createNet(netDef({ name: `${recorded.name}_${index}`, op: ops, externalInput }))
}

async function compareAfter(workspace: Workspace, { expect }: NetCase, step: number): Promise<string | undefined> {
  for (const blob of expect.filter(({ after_step }) => after_step === step).flatMap(({ blobs }) => blobs)) {
    const got = await workspace.fetchBlob(blob.name)
    const why = difference(got, { name: blob.name, tensor: recordedTensor(blob) }, operatorTolerance)
    if (why !== undefined) return why
  }
  return undefined
}

export async function verifyNetCase(
  backend: Backend,
  json: string,
  { onCase }: VerifyOptions = {},
): Promise<VerifyReport> {
  const report = emptyReport()
  const recorded = parseCase<NetCase>(json, 'nets', 'inputs', 'steps', 'expect')
  await enter(report, String(recorded.name), () => runNetCase(backend, recorded), onCase)
  return report
}
