// SPDX-License-Identifier: Apache-2.0
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { Net } from '../../src/net/net.ts'
import { netDef, operatorDef } from '../../src/net/net-def.ts'
import { executionStep, Plan } from '../../src/net/plan.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { testBackend } from '../kit/backend.ts'
import { throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)

async function openWith(capacity: number): Promise<Workspace> {
  const ws = await Workspace.open(await backend())
  await ws.feedBlobs({ one: [1], made: [0], sum: [0] })
  await ws.runOperatorOnce(operatorDef('CreateBlobsQueue', [], ['q'], { capacity }))
  return ws
}

// made += 1; the number goes into the queue
function producer(): Net {
  const net = new Net('producer')
  net.addOperators([
    operatorDef('Add', ['made', 'one'], ['made']),
    operatorDef('Copy', ['made'], ['x']),
    operatorDef('EnqueueBlobs', ['q', 'x'], ['x']),
  ])
  return net
}

// sum = 2 sum + what comes out of the queue: the order counts
function consumer(): Net {
  const net = new Net('consumer')
  net.addOperators([
    operatorDef('Scale', ['sum'], ['sum'], { scale: 2 }),
    operatorDef('DequeueBlobs', ['q'], ['y']),
    operatorDef('Add', ['sum', 'y'], ['sum']),
  ])
  return net
}

const planOf = (produced: number, consumed: number, first: 'producer' | 'consumer') => {
  const [make, use] = [producer(), consumer()]
  const plan = new Plan().addNet(make).addNet(use)
  const made = executionStep('make', [make], { numIter: produced })
  const used = executionStep('use', [use], { numIter: consumed })
  const order = first === 'producer' ? [made, used] : [used, made]
  return plan.addStep(executionStep('both', order, { concurrentSubsteps: true })).proto()
}

for (const capacity of [1, 3, 100]) {
  for (const first of ['producer', 'consumer'] as const) {
    test(`a net goes on where it waited: capacity ${capacity}, ${first} first`, async () => {
      await using ws = await openWith(capacity)
      await ws.runPlan(planOf(6, 6, first))
      assert.is(Number((await ws.fetchBlob('made')).data[0]), 6)
      assert.is(Number((await ws.fetchBlob('sum')).data[0]), 32 + 2 * 16 + 3 * 8 + 4 * 4 + 5 * 2 + 6)
    })
  }
}

test('when nothing can arrive any more, the plan fails', async () => {
  await using ws = await openWith(1)
  await throwsPf(() => ws.runPlan(planOf(2, 3, 'consumer')), 'blocked', /"q" is empty \(2 records were taken\)/)
  await using full = await openWith(2)
  await throwsPf(() => full.runPlan(planOf(9, 1, 'producer')), 'blocked', /"q" is full: 2 of 2/)
})

test('a failure of one step ends the others', async () => {
  await using ws = await openWith(1)
  const broken = new Net('broken')
  broken.addOperators([operatorDef('FC', ['one', 'one', 'one'], ['z'])])
  const use = consumer()
  const plan = new Plan().addNet(broken).addNet(use)
  plan.addStep(
    executionStep('both', [executionStep('a', [use]), executionStep('b', [broken])], {
      concurrentSubsteps: true,
    }),
  )
  await throwsPf(() => ws.runPlan(plan.proto()), 'argument', /FC/)
})

test('concurrent steps within concurrent steps', async () => {
  await using ws = await openWith(1)
  const [make, use] = [producer(), consumer()]
  const plan = new Plan().addNet(make).addNet(use)
  const idle = executionStep('idle', [], { numIter: 1 })
  const inner = executionStep('inner', [executionStep('use', [use], { numIter: 4 }), idle], {
    concurrentSubsteps: true,
  })
  plan.addStep(
    executionStep('outer', [inner, executionStep('make', [make], { numIter: 4 })], { concurrentSubsteps: true }),
  )
  await ws.runPlan(plan.proto())
  assert.is(Number((await ws.fetchBlob('sum')).data[0]), 8 + 2 * 4 + 3 * 2 + 4)
})

test('a net goes on inside a loop, and inside a condition in it', async () => {
  await using ws = await openWith(1)
  await ws.feedBlobs({ go: tensor([true], [], 'bool'), yes: tensor([true], [1], 'bool'), rounds: [0] })
  await ws.runOperatorOnce(operatorDef('CreateCounter', [], ['left'], { init_count: 5 }))
  const take = netDef({
    name: 'take',
    op: [operatorDef('DequeueBlobs', ['q'], ['y']), operatorDef('Add', ['sum', 'y'], ['sum'])],
  })
  const body = [operatorDef('Add', ['rounds', 'one'], ['rounds']), operatorDef('If', ['yes'], [], { then_net: take })]
  const ask = [operatorDef('CountDown', ['left'], ['done']), operatorDef('Not', ['done'], ['go'])]
  const nets = { loop_net: netDef({ name: 'body', op: body }), cond_net: netDef({ name: 'ask', op: ask }) }
  const loop = new Net('loop')
  loop.addOperators([operatorDef('While', ['go'], [], nets)])
  const make = producer()
  const plan = new Plan().addNet(make).addNet(loop)
  const both = [executionStep('use', [loop]), executionStep('make', [make], { numIter: 5 })]
  await ws.runPlan(plan.addStep(executionStep('both', both, { concurrentSubsteps: true })).proto())
  assert.is(Number((await ws.fetchBlob('sum')).data[0]), 15)
  assert.is(Number((await ws.fetchBlob('rounds')).data[0]), 5)
})

test('a waiting plan can be stopped', async () => {
  await using ws = await openWith(1)
  const stop = new AbortController()
  stop.abort()
  await throwsPf(() => ws.runPlan(planOf(1, 2, 'consumer'), { signal: stop.signal }), 'aborted', /stopped/)
})

test('alone, a net that would wait fails, and the next run begins anew', async () => {
  await using ws = await openWith(1)
  const use = await ws.createNet(consumer())
  await throwsPf(() => ws.runNet(use), 'blocked', /concurrent substeps/)
  await ws.feedBlobs({ x: [7], sum: [1] })
  await ws.runOperatorOnce(operatorDef('EnqueueBlobs', ['q', 'x'], ['x']))
  await ws.runNet(use)
  assert.is(Number((await ws.fetchBlob('sum')).data[0]), 9)
})

test.run()
