// SPDX-License-Identifier: Apache-2.0
// The trainer of ResNet-50 on small cases, each in a process of its own as a user would run it.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodePng } from '../../src/data/image.ts'
import { randomIntegers } from '../../src/util/random.ts'
import { settings, skip } from '../kit/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'portafilter-trainer-'))
test.after(() => rmSync(folder, { recursive: true }))
const inFolder = (name: string) => join(folder, name)

interface Outcome {
  status: number | null
  out: string
  error: string
}

/** Runs a command; `until` ends it without a chance to tidy up when it has printed that. */
function run(command: string, args: readonly string[], until?: RegExp): Promise<Outcome> {
  const env = { ...process.env, PORTAFILTER_BACKEND: settings.backend }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const outcome: Outcome = { status: null, out: '', error: '' }
  child.stdout.on('data', (data) => {
    outcome.out += data
    if (until?.test(outcome.out)) child.kill('SIGKILL')
  })
  child.stderr.on('data', (data) => {
    outcome.error += data
  })
  return new Promise((finish, fail) => {
    child.on('error', fail)
    child.on('close', (status) => finish({ ...outcome, status }))
  })
}

type Flags = Readonly<Record<string, string | number>>

const wordsOf = (args: Flags): string[] => {
  const small = {
    model: 'resnet14',
    image_size: 32,
    num_labels: 4,
    batch_size: 8,
    epoch_size: 32,
    base_learning_rate: 0.02,
  }
  const all = { train_data: 'null', ...small, num_epochs: 2, profile: 0, seed: 5, ...args }
  const words = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)])
  return ['build/example.mjs', 'resnet50-trainer', '--use_cpu', ...words]
}

const train = (args: Flags, until?: RegExp): Promise<Outcome> => run(process.execPath, wordsOf(args), until)
const cli = (...args: string[]) => run(process.execPath, ['dist/cli.js', ...args])

function succeeded({ status, out, error }: Outcome): string {
  assert.is(status, 0, `${out}\n${error}`)
  return out
}

/** Two classes of pictures: bright above or below, with noise. */
async function pictures(path: string, count: number, seed: number): Promise<void> {
  const random = randomIntegers(seed)
  for (const name of ['above', 'below']) {
    mkdirSync(join(path, name), { recursive: true })
    for (let i = 0; i < count; i++) {
      const data = Uint8Array.from({ length: 36 * 36 * 3 }, (_, k) => {
        const bright = k < 36 * 18 * 3 === (name === 'above')
        return (bright ? 140 : 30) + random(80)
      })
      writeFileSync(join(path, name, `${i}.png`), await encodePng({ width: 36, height: 36, channels: 3, data }))
    }
  }
}

const makeDatabase = async (name: string, count: number, seed: number): Promise<string> => {
  await pictures(inFolder(`${name}-pictures`), count, seed)
  const made = await cli('make-image-db', '--folder', inFolder(`${name}-pictures`), '--out', inFolder(name))
  assert.match(succeeded(made), new RegExp(`${2 * count} pictures of 2 classes`))
  assert.is(readFileSync(join(inFolder(name), 'labels.txt'), 'utf8'), 'above\nbelow\n')
  return inFolder(name)
}

if (settings.backend === 'wasm') skip('training with checkpoints needs the native core', 6)
else {
  test('ResNet-50 on synthetic pictures: trains, reports, saves a model and says where the time goes', async () => {
    const model = { model: 'resnet50', num_labels: 1000, batch_size: 4, epoch_size: 8, num_epochs: 2 }
    const out = succeeded(await train({ ...model, report_every: 1, profile: 1, file_store_path: inFolder('r50') }))
    assert.match(out, /Finished iteration 2\/2 of epoch 1 \(\d+\.\d\d images\/sec\)/)
    assert.is([...out.matchAll(/Training loss: \d+\.\d+, accuracy: \d\.\d+/g)].length, 4)
    assert.match(out, /Total throughput: \d+\.\d+ images\/sec/)
    const shares = [...out.matchAll(/\((\d+\.\d) %\)/g)].map(([, share]) => Number(share))
    const sum = shares.reduce((a, b) => a + b, 0)
    assert.ok(shares.length === 5 && Math.abs(sum - 100) < 1, out)
    assert.ok(readFileSync(inFolder('r50/init_net.pb')).length > 90e6)
  })

  test('training that goes on from a checkpoint ends where uninterrupted training does', async () => {
    const whole = succeeded(await train({ file_store_path: inFolder('whole') }))
    succeeded(await train({ num_epochs: 1, file_store_path: inFolder('parts') }))
    const rest = succeeded(await train({ load_model_path: 'last', file_store_path: inFolder('parts') }))
    assert.match(rest, /Going on from .*parts.*_0\.mdl: 4 steps are done/)
    const losses = (text: string) => text.match(/epoch 1 .*\n.*Training loss: \S+/)?.[0].split(': ')[1]
    assert.is(losses(rest), losses(whole))
    const saved = ['whole', 'parts'].map((name) => readFileSync(inFolder(`${name}/resnet50_model_1.mdl`)))
    assert.ok(saved[0].equals(saved[1]), 'the parameters differ')
  })

  test('pictures from a database: learnt, tested, and gone on with where they were', async () => {
    const data = await makeDatabase('train.lmdb', 24, 1)
    const files = { train_data: data, test_data: await makeDatabase('test.lmdb', 8, 2), test_iterations: 2 }
    const common = { ...files, num_labels: 2, epoch_size: 40, scale: 36, bn_momentum: 0.5, decode_threads: 2 }
    const whole = succeeded(await train({ ...common, file_store_path: inFolder('db-whole') }))
    const accuracy = Number(/Test accuracy after epoch 1: (\S+)/.exec(whole)?.[1])
    assert.ok(accuracy >= 0.8, whole)
    assert.match(whole, /Input up to epoch 1: 80 pictures, 0 broken ones skipped/)
    succeeded(await train({ ...common, num_epochs: 1, file_store_path: inFolder('db-parts') }))
    succeeded(await train({ ...common, load_model_path: 'last', file_store_path: inFolder('db-parts') }))
    const saved = ['db-whole', 'db-parts'].map((name) => readFileSync(inFolder(`${name}/resnet50_model_1.mdl`)))
    assert.ok(saved[0].equals(saved[1]), 'the parameters differ')
  })

  let twoReplicas = Number.NaN
  test('two replicas share the batch, and how they scale is drawn', async () => {
    const chart = inFolder('scaling.svg')
    const args = { num_cpu_replicas: 2, num_epochs: 1, scaling_chart: chart, file_store_path: inFolder('two') }
    const out = succeeded(await train(args))
    assert.match(out, /\n1 replicas: \d+\.\d images\/sec, 100\.0 %\n2 replicas: \d+\.\d images\/sec, \d+\.\d %\n/)
    assert.match(readFileSync(chart, 'utf8'), /resnet14, training/)
    assert.match(out, /2 replicas in 1 processes.*\n4 pictures for each replica/)
    twoReplicas = Number(/Training loss: ([\d.]+)/.exec(out)?.[1])
  })

  const mpirun = await run('mpirun', ['--version']).catch(() => undefined)
  if (mpirun?.status !== 0) skip('no mpirun (Debian and Ubuntu: openmpi-bin)')
  else {
    test('two processes that mpirun started train as two replicas do, and one of them talks', async () => {
      const args = { num_epochs: 1, profile: 2, file_store_path: inFolder('processes') }
      const container = ['--allow-run-as-root', '--oversubscribe', '--mca', 'btl_vader_single_copy_mechanism', 'none']
      const start = [...container, '-np', '2', process.execPath]
      const out = succeeded(await run('mpirun', [...start, ...wordsOf(args)]))
      assert.match(out, /^resnet14: 2 replicas in 2 processes.*\n4 pictures for each replica/)
      assert.is(out.match(/Finished iteration/g)?.length, 1)
      assert.match(out, /all-reduce that is not hidden \d/)
      const loss = (path: string) => Number(/Training loss: ([\d.]+)/.exec(path)?.[1])
      assert.ok(Math.abs(loss(out) - twoReplicas) < 0.01 * twoReplicas, `${out}\n${twoReplicas}`)
    })
  }

  test('killed in the middle, it goes on from the last checkpoint', async () => {
    const path = inFolder('killed')
    const args = { num_epochs: 50, checkpoint_every: 1, file_store_path: path }
    const killed = await train(args, /Saved .*_step\.mdl\n[\s\S]*Saved .*_step\.mdl\n/)
    assert.is(killed.status, null)
    const out = succeeded(await train({ ...args, num_epochs: 2, load_model_path: 'last' }))
    assert.ok(Number(/: (\d+) steps are done/.exec(out)?.[1]) >= 2, out)
    assert.match(out, /Finished iteration 4\/4 of epoch 1/)
  })

  test('mistakes are told in one line', async () => {
    for (const [args, words] of [
      [{ batch_sise: 3 }, /no flag --batch_sise.*did you mean "batch_size"/],
      [{ num_cpu_replicas: 3 }, /a batch of 8 pictures cannot be divided among 3 replicas; take 6 or 9/],
      [{ train_data: inFolder('nowhere') }, /\[file\] there is no database .*nowhere/],
      [{ load_model_path: inFolder('nothing.mdl') }, /cannot load .*nothing\.mdl: there is no such file/],
      [{ redis_host: 'here' }, /--redis_host is not there: .*mpirun/],
      [{ model: 'vgg' }, /--model takes resnet50 or resnet14, found "vgg"/],
    ] as const) {
      const { status, error } = await train({ ...args, file_store_path: inFolder('wrong') })
      assert.is(status, 1, error)
      assert.match(error, words)
      assert.is(error.trim().split('\n').length, 1, error)
    }
    writeFileSync(inFolder('text'), 'no database')
    const { error } = await train({ train_data: inFolder('text'), file_store_path: inFolder('wrong') })
    assert.match(error, /text" is no LMDB database/)
  })
}

test.run()
