// SPDX-License-Identifier: Apache-2.0
// Replicas on GPUs, and what is said when there is too little of something. What wants one GPU or two counts as skipped where
// there are fewer.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openBackend } from '../../src/backend/backend.ts'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { argument, netDef, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { type DataParallel, type DataParallelOptions, dataParallel } from '../../src/parallel/data-parallel.ts'
import { PfError } from '../../src/util/error.ts'
import { classifier, part } from '../kit/replicas.ts'
import { settings, skip } from '../kit/settings.ts'
import { throwsPf } from '../kit/throws.ts'

async function countGpus(): Promise<number> {
  try {
    await using backend = await openBackend({ backend: 'cuda' })
    return (await backend.info()).cuda?.devices?.length ?? 0
  } catch (error) {
    if (error instanceof PfError && error.code === 'backend') return 0
    throw error
  }
}

const gpus = settings.backend === 'native' ? await countGpus() : 0

function onGpus(least: number, name: string, work: () => Promise<void>): void {
  if (gpus >= least) test(name, work)
  else skip(least === 1 || gpus === 0 ? 'no GPU' : 'fewer than two GPUs')
}

const kSteps = 6
const parameters = ['conv_w', 'conv_b', 'hidden_w', 'hidden_b', 'score_w', 'score_b']
type Values = Readonly<Record<string, readonly number[]>>

async function valuesOf(fetch: (blob: string) => Promise<Tensor>): Promise<Values> {
  const all = parameters.map(async (blob) => [blob, Array.from((await fetch(blob)).data as Float32Array)] as const)
  return Object.fromEntries(await Promise.all(all))
}

async function open(options: DataParallelOptions): Promise<DataParallel> {
  const trainer = await dataParallel(await classifier(), { seed: 7, mpi: false, bucketBytes: 200, ...options })
  for (const [i, worker] of trainer.workerNumbers.entries()) await trainer.feed(i, part(worker, trainer.workers))
  return trainer
}

/** What the parameters are after some steps of the plain trainer on a GPU. */
async function plain(): Promise<Values> {
  await using backend = await openBackend({ backend: 'cuda', worker: false })
  await using workspace = await Workspace.open(backend, { seed: 7n })
  const model = await classifier()
  await workspace.runNetOnce(model.paramInitNet)
  await workspace.feedBlobs(part(0, 1))
  await workspace.runNet(await workspace.createNet(model.net), kSteps)
  return valuesOf((blob) => workspace.fetchBlob(blob))
}

function close(found: Values, expected: Values): void {
  for (const [blob, values] of Object.entries(expected)) {
    const most = Math.max(...values.map(Math.abs))
    const apart = Math.max(...values.map((x, i) => Math.abs(x - found[blob][i])))
    assert.ok(apart < 5e-5 * most, `${blob} is ${apart} away, of ${most}`)
  }
}

onGpus(1, 'one replica learns as the plain trainer does', async () => {
  await using trainer = await open({ devices: [0] })
  assert.equal([trainer.workers, trainer.devices], [1, [0]])
  await trainer.step(kSteps)
  close(await valuesOf((blob) => trainer.fetch(blob)), await plain())
})

/** Doubles x into y, sums y over the replicas of a group beside other work, and adds it to the total. */
const sums = netDef({
  name: 'sums',
  op: [
    operatorDef('Scale', ['x'], ['y'], { scale: 2 }),
    operatorDef('ReplicaAllreduce', ['world', 'y'], ['y']),
    operatorDef('Scale', ['x'], ['z'], { scale: 3 }),
    operatorDef('ReplicaWait', ['world', 'y'], ['y']),
    operatorDef('Add', ['total', 'y'], ['total']),
    operatorDef('Add', ['total', 'z'], ['total']),
  ],
})
const world = (group: number, replica = 0, replicas = 1) =>
  operatorDef('CreateReplicaWorld', [], ['world'], { group, replica, replicas })

onGpus(1, 'sums go on beside other work, recorded or timed, and with another world', async () => {
  await using backend = await openBackend({ backend: 'cuda', worker: false })
  await using workspace = await Workspace.open(backend)
  await workspace.feedBlobs({ x: [1, 2, 3], total: [0, 0, 0] })
  await workspace.runOperatorOnce(world(901))
  for (const arg of [[], [argument('pf.times', 1)]]) {
    await workspace.feedBlobs({ total: [0, 0, 0] })
    const name = await workspace.createNet({ ...sums, arg }, { overwrite: true })
    await workspace.runNet(name, 5)
    assert.equal([...((await workspace.fetchBlob('total')).data as Float32Array)], [25, 50, 75])
    assert.is((await workspace.netInfo(name)).recorded, sums.op.length)
    // The recording takes part in what the world before it had: that ends first.
    await workspace.runOperatorOnce(world(902))
    await workspace.runNet(name, 5)
    assert.equal([...((await workspace.fetchBlob('total')).data as Float32Array)], [50, 100, 150])
  }
})

onGpus(1, 'two replicas on one GPU are refused', async () => {
  await throwsPf(() => open({ devices: [0, 0] }), 'argument', /GPU 0 is twice/)
  // NCCL, asked directly, says so itself, and nobody waits.
  await using backend = await openBackend({ backend: 'cuda', worker: false })
  await using first = await Workspace.open(backend)
  await using second = await Workspace.open(backend)
  const both = [first, second]
  const handles: number[] = []
  for (const [i, workspace] of both.entries()) {
    const name = await workspace.createNet(netDef({ name: 'meet', op: [world(903, i, 2)] }))
    handles.push(workspace.netHandle(name))
  }
  await throwsPf(() => backend.runNets(handles, 1), 'lost', /worker \d of 2 on GPU 0/, /[Dd]uplicate GPU/)
  await throwsPf(() => first.runNet('meet'), 'blocked', /a replica alone would wait for ever/)
})

onGpus(1, 'a GPU that is not there is named, and what there is', async () => {
  const words = [new RegExp(`no GPU ${gpus}`), /there are 0: /]
  await throwsPf(() => open({ devices: [gpus] }), 'backend', ...words)
  await throwsPf(() => open({ devices: [0, gpus] }), 'backend', ...words)
})

const tooMuch = () =>
  netDef({ name: 'big', op: [operatorDef('ConstantFill', [], ['big'], { shape: [1 << 20, 1 << 20], value: 0.5 })] })

onGpus(1, 'out of memory says how much, where and what is free, and training goes on', async () => {
  await using trainer = await open({ devices: [0] })
  await trainer.step(2)
  const name = await trainer.createNet(tooMuch())
  const words = [/ConstantFill "big"/, /net "big/, /cannot get 4398046511104 bytes/, /\d+ of \d+ are free/]
  await throwsPf(() => trainer.runNet(name), 'no_memory', ...words)
  await trainer.step(kSteps - 2)
  close(await valuesOf((blob) => trainer.fetch(blob)), await plain())
})

onGpus(2, 'two replicas learn what one learns from the joint batch', async () => {
  await using trainer = await open({ devices: [0, 1] })
  assert.equal([trainer.workers, trainer.workerNumbers], [2, [0, 1]])
  assert.ok(trainer.buckets.length > 1)
  await trainer.step(kSteps)
  const found = await valuesOf((blob) => trainer.fetch(blob))
  close(found, await plain())
  assert.equal(await valuesOf((blob) => trainer.fetch(blob, 1)), found, 'both have the same bits')
  const { step, allReduceInAll, ...parts } = await trainer.profile(10)
  assert.ok(allReduceInAll > 0 && parts.compute > 0 && parts.compute <= step, JSON.stringify({ step, ...parts }))
})

onGpus(2, 'when a replica fails the others stop, and say so afterwards', async () => {
  const trainer = await open({ devices: [0, 1] })
  await trainer.step(4)
  await trainer.feed(1, { data: tensor(new Float32Array(6), [1, 6]) })
  await throwsPf(() => trainer.step(), 'shape', /replica 1/, /Conv/)
  await trainer.feed(1, part(1, 2))
  await throwsPf(() => trainer.step(), 'lost', /given up when one of them failed; open new ones/)
  await trainer.close()
  await using again = await open({ devices: [0, 1] })
  await again.step(kSteps)
  close(await valuesOf((blob) => again.fetch(blob)), await plain())
})

onGpus(2, 'memory that one replica lacks ends the step of all', async () => {
  await using trainer = await open({
    devices: [0, 1],
    adapt: ({ net }, { replica }) => {
      if (replica === 1) net.op.unshift(...tooMuch().op)
    },
  })
  await throwsPf(() => trainer.step(), 'no_memory', /replica 1/, /ConstantFill "big"/, /\d+ of \d+ are free/)
})

onGpus(2, 'a replica alone does not wait for ever', async () => {
  await using trainer = await open({ devices: [0, 1] })
  await trainer.step(5)
  const [first] = trainer.workspaces
  await throwsPf(() => first.runNet(first.nets()[0]), 'blocked', /replica alone would wait/)
  await trainer.step()
})

const folder = mkdtempSync(join(tmpdir(), 'portafilter-cuda-'))
test.after(() => rmSync(folder, { recursive: true }))

/** Runs a script with the package in a process of its own; what it throws is printed. */
function elsewhere(body: string, env: Record<string, string>): string {
  const imports = `import { openBackend, operatorDef, tensor, Workspace } from '${process.cwd()}/dist/index.js'`
  const script = `${imports}\ntry { ${body} } catch (error) { console.log(error.code, error.message) }`
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  })
  assert.is(result.status, 0, result.stderr)
  return result.stdout
}

const openHere = `const backend = await openBackend({ backend: 'cuda', worker: false })
const workspace = await Workspace.open(backend)`
const meet = `await workspace.runOperatorOnce(operatorDef('CreateReplicaWorld', [], ['world'], {}))`
// In groups: small convolutions without are left to cuBLAS.
const convolve = `await workspace.feedBlobs({ x: tensor(new Float32Array(800), [1, 8, 10, 10]), w: tensor(new Float32Array(288), [8, 4, 3, 3]) })
await workspace.runOperatorOnce(operatorDef('Conv', ['x', 'w'], ['y'], { kernel: 3, group: 2 }))`

onGpus(1, 'a library that is another one is named', async () => {
  for (const [name, body, words] of [
    ['libnccl.so.2', meet, /^argument .*libnccl\.so\.2 is no NCCL 2; name the folder of one in PORTAFILTER_CUDA_PATH/m],
    ['libcudnn.so.9', convolve, /^argument .*libcudnn\.so\.9 is no cuDNN; PORTAFILTER_CUDA_PATH/m],
  ] as const) {
    const path = mkdtempSync(join(folder, 'library-'))
    symlinkSync(join(process.cwd(), 'dist/pf.node'), join(path, name))
    assert.match(elsewhere(`${openHere}\n${body}`, { PORTAFILTER_CUDA_PATH: path }), words)
  }
})

onGpus(1, 'a library that is missing is named, and where it was looked for', async () => {
  const none = { PORTAFILTER_CUDA_PATH: folder, PYTHONPATH: '', VIRTUAL_ENV: '', CONDA_PREFIX: '' }
  const list = `const { cuda } = await backend.info(); console.log(JSON.stringify(cuda.libraries))`
  const libraries = JSON.parse(elsewhere(`${openHere}\n${list}`, none)) as {
    name: string
    found: boolean
    lookedIn: string
  }[]
  const missing = libraries.find(({ name }) => name === 'NCCL 2')
  if (missing === undefined || missing.found) return skip('NCCL lies where the system finds it')
  assert.match(missing.lookedIn, new RegExp(`${folder}.*the system's folders`))
  const said = elsewhere(`${openHere}\n${meet}`, none)
  assert.match(said, /^argument .*NCCL 2 \(libnccl\.so\.2\) was not found in .*the system's folders/m)
  assert.match(said, /install it, or name its folder in PORTAFILTER_CUDA_PATH/)
})

test.run()
