// SPDX-License-Identifier: Apache-2.0
// Where the time of a training step goes.
import { argument, type NetDef } from '../net/net-def.ts'
import type { Workspace } from '../net/workspace.ts'
import { platform } from '../platform/index.ts'
import type { StepTimes } from './data-parallel.ts'

const name = 'replicas_profile'
const kWarmup = 3

/** Runs the nets of a step some times more, as copies that are timed. */
export async function stepTimes(
  workspaces: readonly Workspace[],
  nets: readonly NetDef[],
  iterations: number,
): Promise<StepTimes> {
  for (const [i, workspace] of workspaces.entries()) {
    const timed = { ...nets[i], name, arg: [...nets[i].arg, argument('pf.profile', 1)] }
    await workspace.createNet(timed, { overwrite: true })
  }
  try {
    await run(workspaces, kWarmup)
    const before = await totals(workspaces)
    const start = platform.now()
    await run(workspaces, iterations)
    const step = (platform.now() - start) / iterations
    const after = await totals(workspaces)
    const all = after.map((times, i) => difference(times, before[i], iterations))
    return summary(step, all)
  } finally {
    for (const workspace of workspaces) await workspace.deleteNet(name)
  }
}

async function run(workspaces: readonly Workspace[], iterations: number): Promise<void> {
  const nets = workspaces.map((workspace) => workspace.netHandle(name))
  await workspaces[0].backend.runNets(nets, iterations)
  for (const workspace of workspaces) await workspace.finish()
}

interface Times {
  readonly input: number
  readonly copies: number
  readonly compute: number
  readonly allReduce: number
  readonly allReduceInAll: number
}

const isInput = (type: string) => /^(ImageInput|TensorProtosDBInput|DequeueBlobs)$/.test(type)
const isCollective = (type: string) => type.startsWith('Replica')

function totals(workspaces: readonly Workspace[]): Promise<Times[]> {
  return Promise.all(
    workspaces.map(async (workspace) => {
      const { ops } = await workspace.netInfo(name)
      const sum = (wanted: (type: string) => boolean) => ops.reduce((ms, op) => (wanted(op.type) ? ms + op.ms : ms), 0)
      const [input, allReduce] = [sum(isInput), sum(isCollective)]
      const compute = sum(() => true) - input - allReduce
      return { input, copies: 0, compute, allReduce, allReduceInAll: allReduce }
    }),
  )
}

function difference(after: Times, before: Times, iterations: number): Times {
  const per = (part: keyof Times) => (after[part] - before[part]) / iterations
  return {
    input: per('input'),
    copies: per('copies'),
    compute: per('compute'),
    allReduce: per('allReduce'),
    allReduceInAll: per('allReduceInAll'),
  }
}

function summary(step: number, all: readonly Times[]): StepTimes {
  // Replicas wait for the slowest, which waits least.
  const slowest = all.reduce((a, b) => (b.allReduce < a.allReduce ? b : a))
  const { input, copies, compute, allReduce } = slowest
  const idle = Math.max(0, step - input - copies - compute - allReduce)
  return { step, ...slowest, idle }
}
