// SPDX-License-Identifier: Apache-2.0
// The main job in half a minute: build LeNet, train it on handwritten digits, test it, look at what it says.
import type { Backend } from '../../backend/backend.ts'
import type { Dataset } from '../../data/dataset.ts'
import type { Command, Context, Given } from '../arguments.ts'
import { backendOptions, withBackend } from '../context.ts'

export const demo: Command = {
  name: 'demo',
  describe: 'Trains a small net on handwritten digits and shows what it has learnt',
  options: [
    { flag: '--iterations', value: 'N', describe: 'Steps of training', otherwise: 300 },
    { flag: '--batch', value: 'N', describe: 'Digits in a step', otherwise: 64 },
    { flag: '--out', value: 'DIR', describe: 'Writes the trained model as init_net.pb and predict_net.pb' },
    ...backendOptions,
  ],
  examples: ['demo', 'demo --iterations 1000 --out lenet'],
  run: (given, context) => withBackend(given, context, (backend) => show(backend, given, context)),
}

async function show(backend: Backend, given: Given, context: Context): Promise<void> {
  const { loadMnist } = await import('../../data/mnist.ts')
  const { backend: name, build, threads } = await backend.info()
  context.print(`backend    ${name} (${build}), ${threads} threads`)
  context.progress('loading the digits')
  const digits = await loadMnist({ test: 1000, seed: 7 })
  context.print(`digits     ${digits.train.size} to learn from, ${digits.test.size} to test with (MNIST)`)
  const { exported, seconds } = await train(backend, digits.train, given, context)
  const { Predictor } = await import('../../net/predictor.ts')
  const predictor = await Predictor.load(exported.initNet, exported.predictNet, { backend })
  const scores: Float32Array[] = []
  for (const { data } of digits.test.batches(100)) {
    const answer = await predictor.run([data], { signal: context.signal })
    const { data: values } = answer[predictor.outputs[0]]
    for (let i = 0; i < data.shape[0]; i++) scores.push((values as Float32Array).slice(i * 10, i * 10 + 10))
  }
  await predictor.close()
  const labels = digits.test.columns.label.data as Int32Array
  const right = scores.filter((score, i) => best(score) === labels[i]).length
  context.print(
    `accuracy   ${((100 * right) / scores.length).toFixed(1)} % of the ${scores.length} test digits after ${seconds.toFixed(1)} s`,
  )
  draw(digits.test, scores, context)
}

async function train(backend: Backend, digits: Dataset, given: Given, context: Context) {
  const iterations = given.count('iterations') ?? 300
  const batch = given.count('batch') ?? 64
  const [{ ModelHelper }, { buildSgd }, { Workspace }, { train: loop }, { exportModel }] = await Promise.all([
    import('../../net/model-helper.ts'),
    import('../../optimizer/sgd.ts'),
    import('../../net/workspace.ts'),
    import('../../net/train.ts'),
    import('../../net/export.ts'),
  ])
  const model = new ModelHelper({ name: 'lenet' })
  const softmax = await lenet(model)
  const predict = model.net.clone('lenet_predict')
  model.net.add('LabelCrossEntropy', [softmax, 'label'], 'xent')
  model.net.add('AveragedLoss', 'xent', 'loss')
  await model.addGradientOperators(['loss'], { backend })
  buildSgd(model, { baseLearningRate: 0.02, momentum: 0.9, policy: 'step', stepsize: 100, gamma: 0.5 })
  const workspace = await Workspace.open(backend, { seed: 1n })
  try {
    await workspace.runNetOnce(model.paramInitNet)
    await workspace.feedBlobs(digits.batch(0, batch))
    await workspace.createNet(model.net)
    const done = await loop({
      workspace,
      net: model.net,
      iterations,
      feed: (i) => digits.batch(i * batch, batch),
      signal: context.signal,
      onProgress: ({ iteration, loss, imagesPerSecond, secondsLeft }) => {
        const left = `${imagesPerSecond.toFixed(0)} digits/s, ${secondsLeft.toFixed(0)} s left`
        context.progress(`step ${iteration} of ${iterations}  loss ${loss.toFixed(4)}  ${left}`)
      },
    })
    context.print(`training   ${iterations} steps of ${batch} digits, loss ${done.loss.toFixed(4)}`)
    const exported = await exportModel(workspace, predict, model.params)
    const out = given.optional('out')?.replace(/\/?$/, '/')
    if (out !== undefined) await write(out, exported, context)
    return { exported, seconds: done.seconds }
  } finally {
    await workspace.close()
  }
}

async function write(folder: string, exported: { initNet: Uint8Array; predictNet: Uint8Array }, context: Context) {
  const { platform } = await import('../../platform/index.ts')
  await platform.write(`${folder}init_net.pb`, exported.initNet)
  await platform.write(`${folder}predict_net.pb`, exported.predictNet)
  await platform.write(
    `${folder}model.json`,
    `${JSON.stringify({ input: 'data', size: 28, mean: 0, scale: 1 / 256 })}\n`,
  )
  context.print(`model      ${folder}init_net.pb, ${folder}predict_net.pb`)
}

// LeNet as Caffe2's MNIST tutorial builds it.
async function lenet(model: InstanceType<typeof import('../../net/model-helper.ts').ModelHelper>): Promise<string> {
  const { brew } = await import('../../net/brew.ts')
  const conv1 = brew.conv(model, 'data', 'conv1', { dimIn: 1, dimOut: 20, kernel: 5 })
  const pool1 = brew.maxPool(model, conv1, 'pool1', { kernel: 2, stride: 2 })
  const conv2 = brew.conv(model, pool1, 'conv2', { dimIn: 20, dimOut: 50, kernel: 5 })
  const pool2 = brew.maxPool(model, conv2, 'pool2', { kernel: 2, stride: 2 })
  const fc3 = brew.relu(model, brew.fc(model, pool2, 'fc3', { dimIn: 50 * 4 * 4, dimOut: 500 }), 'relu3')
  return brew.softmax(model, brew.fc(model, fc3, 'pred', { dimIn: 500, dimOut: 10 }), 'softmax')
}

function best(scores: Float32Array): number {
  return scores.reduce((winner, score, i) => (score > scores[winner] ? i : winner), 0)
}

const shades = ' .:-=+*#%@'

// Four digits side by side, two rows of pixels to a line of text, and what the net takes them for.
function draw(digits: Dataset, scores: readonly Float32Array[], { print }: Context): void {
  const pixels = digits.columns.data.data as Float32Array
  const shown = [0, 1, 2, 3]
  print('')
  for (let y = 0; y < 28; y += 2) {
    const rows = shown.map((digit) => {
      const row = Array.from({ length: 28 }, (_, x) => {
        const at = digit * 784 + y * 28 + x
        const shade = Math.round(((pixels[at] + pixels[at + 28]) / 2) * (shades.length - 1))
        return shades[Math.min(shade, shades.length - 1)]
      })
      return row.join('')
    })
    print(rows.join(' '))
  }
  const says = shown.map((digit) => `${best(scores[digit])} (${(100 * Math.max(...scores[digit])).toFixed(1)} %)`)
  print(says.map((text) => text.padStart(16).padEnd(28)).join(' '))
}
