// SPDX-License-Identifier: Apache-2.0
// Plans: nets, and steps that run them in order, repeatedly, or until a blob says stop.
import { PfError } from '../util/error.ts'
import { type Net, protoOf } from './net.ts'
import { Concurrency } from './concurrency.ts'
import type { ExecutionStep, NetDef, PlanDef } from './net-def.ts'
import { pacemaker, type RunOptions, throwIfAborted } from './run.ts'
import type { Workspace } from './workspace.ts'

export interface PlanOptions {
  signal?: AbortSignal
  /** Replaces nets of the same names that the workspace has. */
  overwrite?: boolean
}

export interface StepOptions {
  /** How often; once unless a stop blob is given. */
  numIter?: number
  /** A bool blob, tested after each substep or net: true ends the step. */
  shouldStopBlob?: string
  /**
   * The substeps take turns: when a net has to wait for a queue, the others go on. Nets still run one at a time, so
   * that results do not depend on chance.
   */
  concurrentSubsteps?: boolean
  /** With a stop blob: no second round, whatever it says. */
  onlyOnce?: boolean
}

/** Builds a PlanDef. */
export class Plan {
  readonly #def: PlanDef

  constructor(name = 'plan') {
    this.#def = { name, network: [], executionStep: [] }
  }

  addNet(net: Net | NetDef): this {
    this.#def.network.push(protoOf(net))
    return this
  }

  addStep(step: ExecutionStep): this {
    this.#def.executionStep.push(step)
    return this
  }

  proto(): PlanDef {
    return this.#def
  }
}

/** A step that runs nets, or other steps, one after the other. */
export function executionStep(
  name: string,
  work: readonly (string | Net)[] | readonly ExecutionStep[],
  options: StepOptions = {},
): ExecutionStep {
  const nets: string[] = []
  const substep: ExecutionStep[] = []
  for (const item of work) {
    if (typeof item === 'string') nets.push(item)
    else if ('proto' in item) nets.push(item.name)
    else substep.push(item)
  }
  return { name, ...(nets.length && { network: nets }), ...(substep.length && { substep }), ...options }
}

export async function runPlan(workspace: Workspace, plan: PlanDef, options: PlanOptions): Promise<void> {
  for (const step of plan.executionStep) check(step)
  throwIfAborted(options.signal)
  for (const net of plan.network) await workspace.createNet(net, { overwrite: options.overwrite })
  const run = new PlanRun(workspace, options)
  for (const step of plan.executionStep) await run.step(step)
}

// What we do not do, and would be wrong to ignore.
const unsupported: readonly [keyof ExecutionStep, (step: ExecutionStep) => boolean, string][] = [
  ['createWorkspace', (step) => step.createWorkspace === true, 'run the step in a Workspace of its own'],
  ['runEveryMs', (step) => Number(step.runEveryMs ?? 0) > 0, 'call runNet from a timer'],
  ['reportNet', (step) => (step.reportNet ?? '') !== '', 'run the reporting net as a net of the step'],
  ['numConcurrentInstances', (step) => (step.numConcurrentInstances ?? 1) > 1, 'use one instance'],
]

function check(step: ExecutionStep): void {
  const name = `execution step "${step.name ?? ''}"`
  for (const [field, used, instead] of unsupported) {
    if (used(step)) throw new PfError('unsupported', `${name}: ${field} is not supported; ${instead}`)
  }
  if (step.substep?.length && step.network?.length) {
    throw new PfError('argument', `${name} has both substeps and nets; it can have only one kind`)
  }
  if (stopBlob(step) !== '' && step.numIter !== undefined) {
    throw new PfError('argument', `${name} has both numIter and shouldStopBlob; it can have only one`)
  }
  for (const substep of step.substep ?? []) check(substep)
}

function stopBlob(step: ExecutionStep): string {
  return step.shouldStopBlob ?? ''
}

class PlanRun {
  readonly #workspace: Workspace
  readonly #options: RunOptions
  readonly #turns: Concurrency | undefined
  readonly #pause = pacemaker()

  constructor(workspace: Workspace, { signal }: PlanOptions, turns?: Concurrency) {
    this.#workspace = workspace
    this.#options = { signal }
    this.#turns = turns
  }

  async step(step: ExecutionStep): Promise<void> {
    const stop = stopBlob(step)
    if (stop !== '' && !(await this.#workspace.hasBlob(stop))) {
      const where = `execution step "${step.name ?? ''}"`
      throw new PfError('no_blob', `${where}: its stop blob "${stop}" does not exist; feed it before the plan runs`)
    }
    for (let round = 0; goesOn(step, round); round++) {
      if (step.concurrentSubsteps && step.substep?.length) {
        const turns = this.#turns ?? new Concurrency()
        const inner = new PlanRun(this.#workspace, this.#options, turns)
        const steps = step.substep.map((substep) => () => inner.step(substep))
        await turns.all(steps, this.#turns !== undefined)
        if (stop !== '' && (await this.#says(stop))) return
        continue
      }
      for (const work of step.substep?.length ? step.substep : (step.network ?? [])) {
        throwIfAborted(this.#options.signal)
        if (typeof work === 'string') await this.#runNet(work)
        else await this.step(work)
        await this.#pause()
        if (stop !== '' && (await this.#says(stop))) return
      }
    }
  }

  // Beside other steps a net may have to wait for what they bring; alone it fails then.
  #runNet(net: string): Promise<void> {
    const run = (goOn: boolean) => this.#workspace.runNet(net, 1, { ...this.#options, goOn })
    return this.#turns === undefined ? run(false) : this.#turns.run(run, this.#options.signal)
  }

  async #says(stop: string): Promise<boolean> {
    const { dtype, data } = await this.#workspace.fetchBlob(stop)
    return dtype === 'bool' && data.length === 1 && data[0] === 1
  }
}

function goesOn(step: ExecutionStep, round: number): boolean {
  if (stopBlob(step) === '') return round < Number(step.numIter ?? 1)
  return !step.onlyOnce || round === 0
}
