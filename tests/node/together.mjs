// SPDX-License-Identifier: Apache-2.0
// One of the processes that mpirun.test.ts starts: node tests/node/together.mjs SCENE [ARGUMENTS]. What it finds out it prints
// as a line of JSON after its rank.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  addWeightDecay,
  brew,
  buildSgd,
  init,
  ModelHelper,
  operatorDef,
  shutdown,
  tensor,
  Workspace,
} from '../../dist/index.js'
import { dataParallel } from '../../dist/train.js'

const [scene, path] = process.argv.slice(2)
const rows = 12
const points = Array.from({ length: rows }, (_, i) => [0.2, 0.5, 0.8, 1.1].map((step) => Math.sin(step * i + step)))
const backend = await init({ backend: 'native', threads: 1 })

async function classifier() {
  const model = new ModelHelper({ name: 'classifier' })
  brew.fc(model, 'data', 'hidden', { dimIn: 4, dimOut: 8 })
  brew.relu(model, 'hidden', 'active')
  brew.fc(model, 'active', 'score', { dimIn: 8, dimOut: 3 })
  model.net.add('SoftmaxWithLoss', ['score', 'label'], ['softmax', 'loss'])
  await model.addGradientOperators(['loss'])
  addWeightDecay(model, 1e-3)
  buildSgd(model, { baseLearningRate: 0.1, momentum: 0.9 })
  return model
}

async function open(options = {}) {
  const trainer = await dataParallel(await classifier(), { devices: [], seed: 3, bucketBytes: 100, ...options })
  const share = rows / trainer.workers
  for (const [replica, worker] of trainer.workerNumbers.entries()) {
    const own = points.slice(worker * share, (worker + 1) * share)
    const label = own.map((_, i) => (worker * share + i) % 3)
    await trainer.feed(replica, { data: tensor(own), label: tensor(label, [share], 'int32') })
  }
  return trainer
}

const say = (rank, value) => process.stdout.write(`${rank} ${JSON.stringify(value)}\n`)
// All that training changes, parameters and what the optimizer keeps, as float32 in base64: mpirun mixes up long lines.
async function stateOf(trainer) {
  const parts = await Promise.all(
    trainer.state.map(async (blob) => Array.from((await trainer.fetch(blob)).data, Number)),
  )
  return Buffer.from(Float32Array.from(parts.flat()).buffer).toString('base64')
}

const scenes = {
  // Trains; with a path: as far as a checkpoint, then on from it in new replicas.
  async train() {
    const first = await open({ replicas: Number(process.env.REPLICAS ?? 1) })
    await first.step(4)
    if (path) {
      await first.save(path, { epoch: 2 })
      await first.step(3)
      const { epoch } = await first.load(path)
      if (epoch !== 2) throw new Error(`the epoch is ${epoch}`)
    }
    await first.step(4)
    const { workers, processes, rank } = first
    say(rank, { workers, processes, sum: await first.sum([1, rank]), state: await stateOf(first) })
    await first.close()
  },

  // Writes checkpoints until somebody ends it. Process 1 says who it is, so that it can be ended.
  async endless() {
    const trainer = await open()
    for (let epoch = 1; ; epoch++) {
      await trainer.step(20)
      await trainer.save(path, { epoch })
      if (epoch !== 3) continue
      say(trainer.rank, { pid: process.pid })
      if (trainer.rank === 1) await sleep(5000) // process 0 waits meanwhile
    }
  },

  async resume() {
    const trainer = await open()
    say(trainer.rank, await trainer.load(path))
    await trainer.close()
  },

  // Process 1 has an error of its own while process 0 waits for it.
  async fails() {
    const trainer = await open()
    await trainer.step()
    if (trainer.rank === 1) throw new Error('the picture is upside down')
    await trainer.step()
  },

  // Process 1 does something else for too long.
  async late() {
    const trainer = await open()
    await trainer.step()
    if (trainer.rank === 1) await sleep(20_000)
    try {
      await trainer.step()
    } catch ({ code, message }) {
      say(trainer.rank, { code, message })
      process.exit(3)
    }
  },

  async missing() {
    const trainer = await open()
    try {
      await trainer.load(path)
    } catch ({ code, message }) {
      await trainer.step()
      say(trainer.rank, { code, message, there: existsSync(path) })
    }
    await trainer.close()
  },

  async devices() {
    try {
      await open({ devices: [0, 1, 2] })
    } catch ({ code, message }) {
      say(process.env.OMPI_COMM_WORLD_RANK, { code, message })
    }
  },

  // Caffe2's operators.
  async operators() {
    const workspace = await Workspace.open(backend)
    const rank = Number(process.env.OMPI_COMM_WORLD_RANK)
    const run = (type, inputs, outputs, args) => workspace.runOperatorOnce(operatorDef(type, inputs, outputs, args))
    const values = async (blob) => Array.from((await workspace.fetchBlob(blob)).data, Number)
    await workspace.feedBlobs({ x: [rank + 1, 10 * rank], y: [5 + rank, 7], who: tensor([1 - rank], [1], 'int32') })
    await workspace.feedBlobs({ tag: tensor([4], [1], 'int32'), n: tensor([rank, 2], [2], 'int32') })
    await run('MPICreateCommonWorld', [], 'world')
    await run('CreateMutex', [], 'mutex')
    await run('MPIAllreduce', ['world', 'x'], 'sum')
    await run('MPIAllreduce', ['world', 'n'], 'n')
    await run('MPIReduce', ['world', 'x'], 'at1', { root: 1 })
    await run('MPIAllgather', ['world', 'x'], 'all')
    await run('MPIBroadcast', ['world', 'x'], 'x', { root: 1 })
    if (rank === 0) await run('MPISendTensor', ['world', 'y', 'who', 'tag'], [], { raw_buffer: true })
    else await run('MPIReceiveTensor', ['world', 'y'], ['y', 'from', 'with'], { src: -1, tag: -1, raw_buffer: true })
    const names = ['sum', 'n', 'all', 'x', 'y', ...(rank === 1 ? ['at1', 'from', 'with'] : [])]
    const found = await Promise.all(names.map(async (name) => [name, await values(name)]))
    const errors = []
    for (const [type, inputs, outputs, args] of [
      ['MPIBroadcast', ['world', 'x'], 'x', { root: 2 }],
      ['MPISendTensor', ['world', 'x'], [], { dst: 1, tag: 0 }],
      ['MPIAllreduce', ['mutex', 'x'], 'z', {}],
    ]) {
      await run(type, inputs, outputs, args).catch(({ code, message }) => errors.push(`${code} ${message}`))
    }
    say(rank, { ...Object.fromEntries(found), errors })
  },
}

await scenes[scene]()
await shutdown()
