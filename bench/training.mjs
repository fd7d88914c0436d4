// SPDX-License-Identifier: Apache-2.0
// A step of training LeNet (20-50-500) on 64 digits: forward, backward, update.
import { brew, buildSgd, ModelHelper, openBackend, Workspace } from 'portafilter'
import { alternate, save, table } from './kit.mjs'

const kBatch = 64

async function lenet(backend) {
  const model = new ModelHelper({ name: 'lenet' })
  brew.conv(model, 'data', 'conv1', { dimIn: 1, dimOut: 20, kernel: 5 })
  brew.maxPool(model, 'conv1', 'pool1', { kernel: 2, stride: 2 })
  brew.conv(model, 'pool1', 'conv2', { dimIn: 20, dimOut: 50, kernel: 5 })
  brew.maxPool(model, 'conv2', 'pool2', { kernel: 2, stride: 2 })
  brew.fc(model, 'pool2', 'fc3', { dimIn: 50 * 4 * 4, dimOut: 500 })
  brew.relu(model, 'fc3', 'relu3')
  brew.fc(model, 'relu3', 'pred', { dimIn: 500, dimOut: 10 })
  brew.softmax(model, 'pred', 'softmax')
  model.net.add('LabelCrossEntropy', ['softmax', 'label'], 'xent')
  model.net.add('AveragedLoss', 'xent', 'loss')
  await model.addGradientOperators(['loss'], { backend })
  buildSgd(model, { baseLearningRate: 0.01 })
  return model
}

async function step(backendName, threads) {
  const backend = await openBackend({ backend: backendName, threads })
  const model = await lenet(backend)
  const workspace = await Workspace.open(backend, { seed: 1 })
  const data = new Float32Array(kBatch * 784).map((_, i) => Math.abs(Math.sin(i)))
  const label = Int32Array.from({ length: kBatch }, (_, i) => i % 10)
  await workspace.feedBlobs({ data: { dtype: 'float32', shape: [kBatch, 1, 28, 28], data }, label })
  await workspace.runNetOnce(model.paramInitNet)
  await workspace.createNet(model.net)
  const { build } = await backend.info()
  return { build, run: () => workspace.runNet(model.net), close: () => backend.close() }
}

export async function training({ threads, repeats }) {
  const sides = []
  for (const name of ['wasm', 'native']) {
    const side = await step(name, threads).catch((error) => console.log(`${name}: ${error.message}`))
    if (side) sides.push(side)
  }
  const times = await alternate(
    sides.map(({ run }) => run),
    { warmup: 3, repeats },
  )
  const rows = sides.map(({ build }, i) => ({ build, threads, median: times[i].median, best: times[i].best }))
  for (const side of sides) await side.close()
  console.log(`training LeNet, a step of ${kBatch} digits, milliseconds`)
  table(rows)
  save('training', { rows })
}
