// SPDX-License-Identifier: Apache-2.0
// Where the time of a training step goes.
import type { NetInfo } from '../backend/backend.ts'
import { argument, type NetDef } from '../net/net-def.ts'
import type { Workspace } from '../net/workspace.ts'
import { platform } from '../platform/index.ts'
import type { StepTimes } from './data-parallel.ts'

const name = 'replicas_profile'
// On a GPU the third run is recorded.
const kWarmup = 5

/** Runs the nets of a step some times more, as copies that are timed. */
export async function stepTimes(
  workspaces: readonly Workspace[],
  nets: readonly NetDef[],
  iterations: number,
): Promise<StepTimes> {
  const onGpu = (await workspaces[0].backend.info()).backend === 'cuda'
  const timing = argument(onGpu ? 'pf.times' : 'pf.profile', 1)
  for (const [i, workspace] of workspaces.entries()) {
    await workspace.createNet({ ...nets[i], name, arg: [...nets[i].arg, timing] }, { overwrite: true })
  }
  try {
    await run(workspaces, kWarmup)
    const before = await infos(workspaces)
    const start = platform.now()
    await run(workspaces, iterations)
    const step = (platform.now() - start) / iterations
    const all = (await infos(workspaces)).map((info, i) => timesOf(info, before[i], iterations, step))
    // Replicas wait for the slowest, which waits least.
    const slowest = all.reduce((a, b) => (b.allReduce < a.allReduce ? b : a))
    const { input, copies, compute, allReduce } = slowest
    return { step, ...slowest, idle: Math.max(0, step - input - copies - compute - allReduce) }
  } finally {
    for (const workspace of workspaces) await workspace.deleteNet(name)
  }
}

async function run(workspaces: readonly Workspace[], iterations: number): Promise<void> {
  const nets = workspaces.map((workspace) => workspace.netHandle(name))
  await workspaces[0].backend.runNets(nets, iterations)
  for (const workspace of workspaces) await workspace.finish()
}

function infos(workspaces: readonly Workspace[]): Promise<NetInfo[]> {
  return Promise.all(workspaces.map((workspace) => workspace.netInfo(name)))
}

type Times = Omit<StepTimes, 'step' | 'idle'>

const isInput = (type: string) => /^(ImageInput|TensorProtosDBInput|DequeueBlobs)$/.test(type)
const isCollective = (type: string) => type.startsWith('Replica')

function timesOf(now: NetInfo, before: NetInfo, iterations: number, step: number): Times {
  const times = ofOperators(now, before, iterations)
  return now.times && before.times ? ofDevice(now.times, before.times, iterations, step, times.input) : times
}

function ofOperators(now: NetInfo, before: NetInfo, iterations: number): Times {
  const spent = now.ops.map(({ type, ms }, i) => ({ type, ms: (ms - before.ops[i].ms) / iterations }))
  const sum = (wanted: (type: string) => boolean) =>
    spent.reduce((all, { type, ms }) => (wanted(type) ? all + ms : all), 0)
  const [input, allReduce] = [sum(isInput), sum(isCollective)]
  const compute = sum((type) => !isInput(type) && !isCollective(type))
  return { input, copies: 0, compute, allReduce, allReduceInAll: allReduce }
}

type DeviceTimes = NonNullable<NetInfo['times']>

// An operator that brings a batch waits on the host: it costs what the device is idle meanwhile.
function ofDevice(now: DeviceTimes, before: DeviceTimes, iterations: number, step: number, waited: number): Times {
  const copies = (now.copies - before.copies) / iterations
  const runs = (now.runs - before.runs) / iterations
  const input = Math.min(waited, Math.max(0, step - copies - runs))
  return { input, copies, compute: Math.max(0, runs - now.waits), allReduce: now.waits, allReduceInAll: now.sums }
}
