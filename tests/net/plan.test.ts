// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { Net } from '../../src/net/net.ts'
import { type ExecutionStep, encodePlanDef } from '../../src/net/net-def.ts'
import { executionStep, Plan } from '../../src/net/plan.ts'
import { readMessage } from '../../src/net/read-net.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { PfError } from '../../src/util/error.ts'
import { testBackend } from '../kit/backend.ts'
import { throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)

// x *= factor
function times(name: string, factor: number): Net {
  const net = new Net(name)
  net.add('Scale', 'x', 'x', { scale: factor })
  return net
}

async function openWith(x: number): Promise<Workspace> {
  const ws = await Workspace.open(await backend())
  await ws.feedBlobs({ x: [x], stop: tensor([false], [], 'bool') })
  return ws
}

const value = async (ws: Workspace) => Number((await ws.fetchBlob('x')).data[0])

async function failure(work: Promise<unknown>): Promise<PfError> {
  const error = await work.then(
    () => undefined,
    (reason) => reason,
  )
  assert.instance(error, PfError)
  return error as PfError
}

test('steps nest and repeat', async () => {
  await using ws = await openWith(1)
  const double = times('double', 2)
  const triple = times('triple', 3)
  const inner = executionStep('inner', [double, triple], { numIter: 2 })
  const plan = new Plan().addNet(double).addNet(triple)
  plan.addStep(executionStep('outer', [inner, executionStep('last', [double.name])], { numIter: 2 }))
  await ws.runPlan(plan.proto())
  assert.is(await value(ws), (36 * 2) ** 2)
  assert.equal(ws.nets(), [double.name, triple.name])
})

const text = `
  name: "counting"
  network { name: "begin" op { type: "ConstantFill" output: "x" arg { name: "shape" ints: 1 } arg { name: "value" f: 0 } } }
  network {
    name: "count" type: "dag"
    op { type: "Add" input: "x" input: "one" output: "x" }
    op { type: "GE" input: "x" input: "enough" output: "stop" }
  }
  execution_step { name: "first" network: "begin" }
  execution_step {
    name: "rounds" num_iter: 3
    substep { name: "round" network: "count" should_stop_blob: "stop" only_once: false }
  }`

test('a plan comes from a file, text or binary', async () => {
  const binary = encodePlanDef(await readMessage('PlanDef', text))
  for (const file of [text, new TextEncoder().encode(text), binary]) {
    await using ws = await openWith(9)
    await ws.feedBlobs({ one: [1], enough: [7] })
    await ws.runPlan(file)
    // 7 in the first round, and one in each of the others, which are stopped at once.
    assert.is(await value(ws), 9)
  }
  await using ws = await openWith(1)
  await throwsPf(() => ws.runPlan('network { nam: "a" }'), 'parse', /NetDef has no field "nam".*did you mean "name"/)
})

test('a stop blob ends the step after the net that set it', async () => {
  await using ws = await openWith(1)
  const double = times('until', 2)
  const sets = new Net('sets')
  sets.add('Copy', 'now', 'stop')
  await ws.feedBlob('now', tensor([true], [], 'bool'))
  const plan = new Plan().addNet(double).addNet(sets)
  plan.addStep(executionStep('forever', [double, sets, double], { shouldStopBlob: 'stop' }))
  await ws.runPlan(plan.proto())
  assert.is(await value(ws), 2)
})

test('only once, although the stop blob says go on', async () => {
  await using ws = await openWith(1)
  const double = times('once', 2)
  const plan = new Plan().addNet(double)
  plan.addStep(executionStep('single', [double, double], { shouldStopBlob: 'stop', onlyOnce: true }))
  await ws.runPlan(plan.proto())
  assert.is(await value(ws), 4)
})

test('a step that would run forever can be aborted', async () => {
  await using ws = await openWith(1)
  const same = times('same', 1)
  const plan = new Plan().addNet(same).addStep(executionStep('forever', [same], { shouldStopBlob: 'stop' }))
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 20)
  assert.is((await failure(ws.runPlan(plan.proto(), { signal: stop.signal }))).code, 'aborted')
})

test('nets of a plan that exist need overwrite', async () => {
  await using ws = await openWith(1)
  const double = times('twice', 2)
  const plan = new Plan().addNet(double).addStep(executionStep('run', [double]))
  await ws.runPlan(plan.proto())
  assert.is((await failure(ws.runPlan(plan.proto()))).code, 'exists')
  await ws.runPlan(plan.proto(), { overwrite: true })
  assert.is(await value(ws), 4)
})

const refused: Record<string, [ExecutionStep, string]> = {
  createWorkspace: [{ createWorkspace: true }, 'createWorkspace is not supported'],
  runEveryMs: [{ runEveryMs: 5 }, 'runEveryMs is not supported'],
  reportNet: [{ reportNet: 'report' }, 'reportNet is not supported'],
  both: [{ substep: [{}], network: ['n'] }, 'has both substeps and nets'],
  twice: [{ numIter: 2, shouldStopBlob: 'stop' }, 'has both numIter and shouldStopBlob'],
  missing: [{ shouldStopBlob: 'nowhere' }, 'its stop blob "nowhere" does not exist'],
}

for (const [name, [step, text]] of Object.entries(refused)) {
  test(`refused: ${name}`, async () => {
    await using ws = await openWith(1)
    const error = await failure(ws.runPlan({ network: [], executionStep: [{ substep: [{ name: 'inner', ...step }] }] }))
    assert.ok(error.message.includes(text), error.message)
    assert.ok(error.message.includes('"inner"'), error.message)
  })
}

test.run()
