// SPDX-License-Identifier: Apache-2.0
// Replicas on the CPU: however many there are, they learn what one learns from the joint batch.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../../src/backend/backend.ts'
import { tensor } from '../../src/core/tensor.ts'
import { brew } from '../../src/net/brew.ts'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { type NetDef, netDef, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { buildAdam } from '../../src/optimizer/adam.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import { type DataParallel, type DataParallelOptions, dataParallel } from '../../src/parallel/data-parallel.ts'
import { testBackend } from '../kit/backend.ts'
import { classifier as classifierOn, type Layers, momentum, part } from '../kit/replicas.ts'
import { settings } from '../kit/settings.ts'
import { throwsPf } from '../kit/throws.ts'

// On a machine with a GPU too: what GPUs do is in tests/node/cuda-parallel.test.ts.
const backend = testBackend(test, settings.backend === 'cuda' ? { backend: 'native' } : {})

const classifier = async (layers?: Layers) => classifierOn({ ...layers, backend: await backend() })

async function open(model: ModelHelper, options: DataParallelOptions): Promise<DataParallel> {
  return dataParallel(model, { devices: [], backend: await backend(), seed: 7, mpi: false, ...options })
}

async function feedAll(trainer: DataParallel): Promise<void> {
  for (const [i, worker] of trainer.workerNumbers.entries()) await trainer.feed(i, part(worker, trainer.workers))
}

async function trained(replicas: number, layers?: Layers, options?: DataParallelOptions): Promise<DataParallel> {
  const trainer = await open(await classifier(layers), { replicas, ...options })
  await feedAll(trainer)
  await trainer.step(6)
  return trainer
}

async function values(trainer: DataParallel, blob: string, replica = 0): Promise<number[]> {
  return Array.from((await trainer.fetch(blob, replica)).data as Float32Array)
}

const parameters = ['conv_w', 'conv_b', 'hidden_w', 'hidden_b', 'score_w', 'score_b']

for (const [kind, optimizer] of Object.entries({
  momentum,
  Adam: (model: ModelHelper) => buildAdam(model, { baseLearningRate: 0.01 }),
})) {
  test(`two and three replicas learn as one does, with ${kind}`, async () => {
    await using one = await trained(1, { optimizer })
    assert.is(one.workers, 1)
    for (const replicas of [2, 3]) {
      await using several = await trained(replicas, { optimizer }, { bucketBytes: 200 })
      assert.equal(several.workerNumbers, [0, 1, 2].slice(0, replicas))
      for (const blob of parameters) {
        const [expected, found] = [await values(one, blob), await values(several, blob)]
        const most = Math.max(...expected.map(Math.abs))
        const apart = Math.max(...expected.map((x, i) => Math.abs(x - found[i])))
        assert.ok(apart < 2e-5 * most, `${blob} of ${replicas} replicas is ${apart} away, of ${most}`)
        for (let i = 1; i < replicas; i++)
          assert.equal(await values(several, blob, i), found, `${blob} of replica ${i}`)
      }
    }
  })
}

test('gradients are summed in buckets, in the order in which backward makes them', async () => {
  await using trainer = await open(await classifier(), { replicas: 2, bucketBytes: 150 })
  const names = trainer.buckets.map(({ gradients }) => gradients.join(' '))
  assert.equal(names, ['score_w_grad score_b_grad', 'hidden_w_grad', 'hidden_b_grad', 'conv_w_grad', 'conv_b_grad'])
  const places = trainer.buckets.map(({ after }) => after)
  assert.equal(
    places,
    [...places].sort((a, b) => a - b),
  )
  await using large = await open(await classifier(), { replicas: 2 })
  assert.is(large.buckets.length, 1)
})

test('running means are those of worker 0, unless each replica is to keep its own', async () => {
  await using together = await trained(2, { norm: true })
  assert.equal(await values(together, 'norm_rm', 1), await values(together, 'norm_rm'))
  await using apart = await trained(2, { norm: true }, { broadcastComputedParams: false })
  assert.is.not(String(await values(apart, 'norm_rm', 1)), String(await values(apart, 'norm_rm')))
  assert.equal(await values(apart, 'conv_w', 1), await values(apart, 'conv_w'))
})

test('a gradient that later operators of the backward pass still read is summed after them', async () => {
  const model = new ModelHelper({ name: 'handed_on' })
  // dY of Add is the gradient of the bias as it is, and what FC's gradient is computed from.
  brew.fc(model, 'data', 'product', { dimIn: 2, dimOut: 2 })
  model.createParam('bias', [3, 2], ['ConstantFill', { value: 0.5 }], 'bias')
  model.net.add('Add', ['product', 'bias'], 'shifted')
  model.net.add('SquaredL2Distance', ['shifted', 'wanted'], 'distance')
  model.net.add('AveragedLoss', 'distance', 'loss')
  await model.addGradientOperators(['loss'], { backend: await backend() })
  buildSgd(model, { baseLearningRate: 0.1 })
  await using trainer = await open(model, { replicas: 2 })
  const rows = [0, 1].map((k) =>
    tensor([
      [k, 1],
      [2, k],
      [1, -k],
    ]),
  )
  for (const k of [0, 1])
    await trainer.feed(k, {
      data: rows[k],
      wanted: tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    })
  const before = await values(trainer, 'product_w')
  await trainer.step()
  const shifted = [await values(trainer, 'shifted', 0), await values(trainer, 'shifted', 1)]
  const wanted = [1, 2, 3, 4, 5, 6]
  // d loss / d y = (y - wanted) / rows, the mean over replicas, times x
  const expected = before.map((w, at) => {
    const [out, k] = [Math.floor(at / 2), at % 2]
    let slope = 0
    for (const r of [0, 1]) {
      const x = rows[r].data as Float32Array
      for (let n = 0; n < 3; n++) slope += ((shifted[r][n * 2 + out] - wanted[n * 2 + out]) / 3 / 2) * x[n * 2 + k]
    }
    return w - 0.1 * slope
  })
  const after = await values(trainer, 'product_w')
  for (const [i, w] of after.entries()) assert.ok(Math.abs(w - expected[i]) < 1e-6, `${after} ≠ ${expected}`)
})

test('a replica that fails is named, and the next step is a new one', async () => {
  await using trainer = await open(await classifier(), { replicas: 2 })
  await feedAll(trainer)
  await trainer.step()
  await trainer.feed(1, { label: tensor([0, 1, 9, 0, 1, 2], [6], 'int32') })
  const where = [/replica 1/, /net "classifier/, /SoftmaxWithLoss/]
  await throwsPf(() => trainer.step(), 'value', ...where)
  await trainer.feed(1, part(1, 2))
  await trainer.step(2)
  assert.equal(await values(trainer, 'conv_w', 1), await values(trainer, 'conv_w'))
})

test('each replica can be told apart before its nets are made', async () => {
  const seen: string[] = []
  await using _trainer = await open(await classifier(), {
    replicas: 2,
    adapt: ({ net, init }, { replica, worker, workers, device }) => {
      assert.ok(init.op.some(({ output }) => output[0] === 'conv_w'))
      seen.push(`${net.name} ${replica} ${worker} ${workers} ${device}`)
    },
  })
  assert.equal(
    seen.map((text) => text.replace(/^\w+/, 'net')),
    ['net 0 0 2 undefined', 'net 1 1 2 undefined'],
  )
  const cutShort = ({ net }: { net: NetDef }) => {
    net.op.length = 3
  }
  await throwsPf(async () => open(await classifier(), { replicas: 2, adapt: cutShort }), 'net', /adapt has taken away/)
})

test('another net runs in all replicas', async () => {
  await using trainer = await trained(2)
  const counting = new ModelHelper({ name: 'counting', initParams: false })
  counting.net.add('Accuracy', ['softmax', 'label'], ['accuracy'])
  const name = await trainer.createNet(counting.net)
  await trainer.runNet(name)
  for (const i of [0, 1]) assert.ok(Number((await trainer.fetch('accuracy', i)).data[0]) >= 0)
  assert.equal(await trainer.sum([1, 2.5]), [1, 2.5])
})

test('the times of a step are parts of it', async () => {
  await using trainer = await trained(2)
  // So many steps that sums of some microseconds show on the clock of a page that is not isolated, whose tick is 100.
  const { step, input, copies, compute, allReduce, idle } = await trainer.profile(300)
  assert.ok(compute > 0 && allReduce > 0 && input === 0 && copies === 0, JSON.stringify({ compute, allReduce }))
  assert.ok(Math.abs(input + copies + compute + allReduce + idle - step) < 1e-6 * step)
})

test('what cannot be trained together is refused', async () => {
  const bare = new ModelHelper({ name: 'bare' })
  brew.fc(bare, 'data', 'y', { dimIn: 2, dimOut: 2 })
  await throwsPf(() => open(bare, {}), 'net', /"bare" has no gradients/)

  const sparse = new ModelHelper({ name: 'sparse' })
  sparse.createParam('table', [5, 2], ['ConstantFill', { value: 1 }])
  sparse.net.add('Gather', ['table', 'rows'], 'picked')
  sparse.net.add('AveragedLoss', 'picked', 'loss')
  await sparse.addGradientOperators(['loss'], { backend: await backend() })
  buildSgd(sparse)
  await throwsPf(() => open(sparse, { replicas: 2 }), 'unsupported', /gradient of "table" is sparse/)

  const model = await classifier()
  await throwsPf(
    () => open(model, { replicas: 0 }),
    'argument',
    /replicas must be a whole number from 1 to 1024, found 0/,
  )
  await throwsPf(() => open(model, { bucketBytes: 0 }), 'argument', /bucketBytes/)
  await throwsPf(() => open(model, { mpi: true }), 'argument', /mpirun/)
})

/** Two replicas by hand: each a workspace with a world of this group and a tensor x. */
async function twoByHand(group: number): Promise<[Workspace, Workspace]> {
  const both: Workspace[] = []
  for (const replica of [0, 1]) {
    const workspace = await Workspace.open(await backend())
    const args = { group, replica, replicas: 2 }
    await workspace.runOperatorOnce(operatorDef('CreateReplicaWorld', [], 'world', args))
    await workspace.feedBlob('x', tensor(Float32Array.of(replica + 1, 10), [2]))
    both.push(workspace)
  }
  return [both[0], both[1]]
}

test('what a replica has left for the others is gone with it', async () => {
  const [first, second] = await twoByHand(-1)
  const sum = operatorDef('ReplicaAllreduce', ['world', 'x'], ['x'])
  await throwsPf(() => first.runOperatorOnce(sum), 'blocked', /replica 0 waits for replica 1 in the sum of "x"/)
  await first.close()
  await throwsPf(() => second.runOperatorOnce(sum), 'blocked', /replica 1 waits for replica 0 in the sum of "x"/)
  assert.equal(Array.from((await second.fetchBlob('x')).data, Number), [2, 10])
  await second.close()
})

test('replicas that meet in different places are told apart', async () => {
  const both = await twoByHand(-2)
  for (const [i, type] of ['ReplicaAllreduce', 'ReplicaBroadcast'].entries()) {
    const net = netDef({ name: 'meets', op: [operatorDef(type, ['world', 'x'], ['x'])] })
    await both[i].createNet(net)
  }
  const run = async () =>
    (await backend()).runNets(
      both.map((workspace) => workspace.netHandle('meets')),
      1,
    )
  await throwsPf(run, 'net', /replica 0 is at the sum of its tensors, replica 1 at the broadcast of its own/)
  for (const workspace of both) await workspace.close()
})

test('devices that are none, or not those of the backend, are refused', async () => {
  const model = await classifier()
  const refuses = (options: DataParallelOptions, message: RegExp) =>
    throwsPf(() => open(model, options), 'argument', message)
  await refuses({ devices: [1, 2, 1] }, /GPU 1 is twice in devices.*devices: \[1, 2\]/)
  await refuses({ devices: [-1] }, /counted from 0, such as \[0, 1\]; found -1/)
  await refuses({ devices: [0.5] }, /counted from 0, such as \[0, 1\]; found 0\.5/)
  await refuses(
    { devices: 2 as unknown as number[] },
    /devices is a list of GPUs, such as \[0, 1\], or \[\] .*; found 2/,
  )
  await refuses({ devices: [0] }, /devices \[0\] are GPUs, but `backend` is \w+, on the CPU.*write devices: \[\]/)
  await refuses({ devices: [0], replicas: 2, backend: undefined }, /replicas is for the CPU/)

  const onGpu: Backend = Object.create(await backend(), {
    info: { value: async () => ({ ...(await (await backend()).info()), backend: 'cuda' }) },
  })
  await refuses({ devices: [], backend: onGpu }, /`backend` is on a GPU: leave devices out .*backend: 'native'/)

  const { cuda } = await (await backend()).info()
  const none = cuda?.devices.length ?? 0
  const opening = () => open(model, { devices: [none], backend: undefined })
  await throwsPf(
    opening,
    'backend',
    new RegExp(`^cannot train on devices \\[${none}\\] \\(devices: \\[\\] is the CPU\\): `),
  )
})

test('misuse is told', async () => {
  const trainer = await open(await classifier(), { replicas: 2 })
  await throwsPf(() => trainer.step(), 'no_blob', /"data" is empty: feed it/)
  await throwsPf(() => trainer.feed(2, {}), 'argument', /no replica 2 .* replicas 0 to 1/)
  await feedAll(trainer)
  // A replica alone would wait for ever.
  const [first] = trainer.workspaces
  await throwsPf(() => first.runNet(first.nets()[0]), 'blocked', /waits for replica 1/)
  await trainer.step()
  await trainer.close()
  await trainer.close()
  await throwsPf(() => trainer.step(), 'closed', /closed/)
})

test.run()
