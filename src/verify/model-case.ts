// SPDX-License-Identifier: Apache-2.0
// Recorded models: whole nets with their weights, run by Caffe2. Here they are planned for inference, as a Predictor
// plans them; when a result differs, the trace names the first operator that does.
import type { Backend } from '../backend/backend.ts'
import { argument, type NetDef } from '../net/net-def.ts'
import { Workspace } from '../net/workspace.ts'
import {
  loadWeights,
  type ModelCase,
  type ModelRun,
  type ReadFile,
  type RecordedBlob,
  readBlob,
  readJson,
  readNet,
  type TrainingCase,
} from './case-files.ts'
import { difference, type Tolerance } from './compare.ts'
import { emptyReport, enter, type VerifyOptions, type VerifyReport } from './report.ts'
import { firstDifference } from './trace.ts'

/**
 * Each case says by how much the same Caffe2 differs from itself with other BLAS kernels and thread counts. Code that
 * sums in other orders and fuses operators may differ by this many times as much.
 */
export const kNoiseFactor = 30

// Some outputs did not change at all with other kernels; these are eight units in the last place of a float.
const kFloor = 1e-6

export function toleranceOf(noise: ModelCase['noise'][string] | undefined): Tolerance {
  if (noise === undefined) return { absolute: kFloor, relative: kFloor }
  if (typeof noise === 'number') return { absolute: noise * kNoiseFactor, relative: kFloor }
  const count = Math.ceil(noise.values_differing * kNoiseFactor)
  return { absolute: 0, relative: 0, outliers: { count, far: noise.max_abs } }
}

/** Runs the case whose folder `read` reads from. */
export async function verifyModel(
  backend: Backend,
  name: string,
  read: ReadFile,
  { signal, onCase }: VerifyOptions = {},
): Promise<VerifyReport> {
  const report = emptyReport()
  const recorded = await readJson<ModelCase>(read, 'case.json')
  const run = async () => {
    if (recorded.kind !== 'training') return runModelCase(backend, recorded, read, signal)
    const { runTrainingCase } = await import('./training-case.ts')
    return runTrainingCase(backend, recorded as TrainingCase, read, signal)
  }
  await enter(report, name, run, onCase)
  return report
}

async function runModelCase(backend: Backend, recorded: ModelCase, read: ReadFile, signal?: AbortSignal) {
  const workspace = await Workspace.open(backend)
  try {
    const wrong = await loadWeights(workspace, recorded, read)
    if (wrong !== undefined) return wrong
    const net = await readNet(read, recorded.predict_net)
    let created: string | undefined
    for (const run of recorded.runs ?? [recorded as ModelRun]) {
      await feed(workspace, run, read)
      created ??= await workspace.createNet(planned(net, run))
      await workspace.runNet(created, 1, { signal })
      const why = await compareOutputs(workspace, recorded, run, read)
      if (why !== undefined) return await explain(backend, recorded, net, run, read, why)
    }
    return undefined
  } finally {
    await workspace.close()
  }
}

export async function feed(workspace: Workspace, run: ModelRun, read: ReadFile): Promise<void> {
  for (const input of run.inputs) await workspace.feedBlob(input.name, await readBlob(read, input))
}

// Outputs that are not external outputs would be planned away.
function planned(net: NetDef, run: ModelRun): NetDef {
  const keep = run.outputs.map(({ name }) => name)
  const options = [argument('pf.optimize', 1), argument('pf.create_inputs', 1), argument('pf.keep', keep)]
  return { ...net, name: net.name || 'recorded', arg: [...net.arg, ...options] }
}

async function compareOutputs(workspace: Workspace, recorded: ModelCase, run: ModelRun, read: ReadFile) {
  for (const output of run.outputs) {
    const got = await workspace.fetchBlob(output.name)
    const why = difference(got, await expectedOf(output, read), toleranceOf(recorded.noise[output.name]))
    if (why !== undefined) return run.name === undefined ? why : `run ${run.name}: ${why}`
  }
  return undefined
}

async function expectedOf(output: RecordedBlob, read: ReadFile) {
  const tensor = await readBlob(read, output)
  return { name: output.name, tensor, wholeShape: output.part === undefined ? undefined : output.dims }
}

async function explain(
  backend: Backend,
  recorded: ModelCase,
  net: NetDef,
  run: ModelRun,
  read: ReadFile,
  why: string,
): Promise<string> {
  const trace = run.trace
  if (trace === undefined) return why
  const workspace = await Workspace.open(backend)
  try {
    await loadWeights(workspace, recorded, read)
    await feed(workspace, run, read)
    const first = await firstDifference(
      workspace,
      net,
      await readJson(read, trace),
      (recorded.noise_trace ?? kFloor) * kNoiseFactor,
    )
    return `${why}; ${first ?? 'every operator alone gives what was recorded, so the plan of the net is at fault'}`
  } finally {
    await workspace.close()
  }
}
