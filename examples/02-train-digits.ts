// SPDX-License-Identifier: Apache-2.0
// Trains the LeNet of Caffe2's MNIST tutorial on handwritten digits, saves it and reads five digits with it.
//
//   node build/example.mjs 02-train-digits [folder to save the model in] [iterations]
import {
  brew,
  buildSgd,
  type Dataset,
  exportModel,
  loadMnist,
  ModelHelper,
  Predictor,
  platform,
  randomIntegers,
  randomShift,
  type TrainProgress,
  topScores,
  train,
  Workspace,
} from 'portafilter'

const folder = platform.args[0] ?? 'digits-model'
const iterations = Number(platform.args[1] ?? 800)
const batch = 64

function lenet(model: ModelHelper): string {
  brew.conv(model, 'data', 'conv1', { dimIn: 1, dimOut: 20, kernel: 5 }) // 28 -> 24
  brew.maxPool(model, 'conv1', 'pool1', { kernel: 2, stride: 2 }) // 24 -> 12
  brew.conv(model, 'pool1', 'conv2', { dimIn: 20, dimOut: 50, kernel: 5 }) // 12 -> 8
  brew.maxPool(model, 'conv2', 'pool2', { kernel: 2, stride: 2 }) // 8 -> 4
  brew.fc(model, 'pool2', 'fc3', { dimIn: 50 * 4 * 4, dimOut: 500 })
  brew.relu(model, 'fc3', 'fc3')
  brew.fc(model, 'fc3', 'pred', { dimIn: 500, dimOut: 10 })
  return brew.softmax(model, 'pred', 'softmax')
}

// The net: forward, loss, backward, update.
const model = new ModelHelper({ name: 'digits' })
const softmax = lenet(model)
model.net.add('LabelCrossEntropy', [softmax, 'label'], ['xent'])
model.net.add('AveragedLoss', ['xent'], ['loss'])
await model.addGradientOperators(['loss'])
buildSgd(model, { baseLearningRate: 0.02, momentum: 0.9, policy: 'step', stepsize: 1, gamma: 0.998 })

// Training.
const digits = await loadMnist()
const random = randomIntegers(1)
await using workspace = await Workspace.open(undefined, { seed: 1 })
const { backend, build, threads } = await workspace.backend.info()
platform.print(`${digits.train.size} digits to learn from; ${backend} (${build}), ${threads} threads\n`)
await workspace.runNetOnce(model.paramInitNet)
await workspace.feedBlobs(digits.train.batch(0, batch))
await workspace.createNet(model.net)
const { seconds } = await train({
  workspace,
  net: model.net,
  iterations,
  feed: (iteration) => {
    const { data, label } = digits.train.batch(iteration * batch, batch)
    return { data: randomShift(data, 2, random), label } // a digit two pixels further is the same digit
  },
  onProgress: draw,
})
platform.print(`\n${iterations} iterations in ${seconds.toFixed(1)} s\n`)

// The same layers without loss and updates are the model to keep.
const deploy = new ModelHelper({ name: 'digits_predict', initParams: false })
lenet(deploy)
const { initNet, predictNet } = await exportModel(workspace, deploy.net, deploy.params)
await platform.write(`${folder}/init_net.pb`, initNet)
await platform.write(`${folder}/predict_net.pb`, predictNet)
platform.print(`saved ${folder}/init_net.pb and ${folder}/predict_net.pb\n`)

// Testing the saved model with the digits that were held back.
await using predictor = await Predictor.load(
  await platform.read(`${folder}/init_net.pb`),
  await platform.read(`${folder}/predict_net.pb`),
)
let right = 0
for (const { data, label } of digits.test.batches(100)) {
  const scores = rows((await predictor.run({ data })).softmax.data as Float32Array)
  right += scores.filter((row, i) => topScores(row, 1)[0].index === label.data[i]).length
}
platform.print(
  `accuracy ${((100 * right) / digits.test.size).toFixed(2)} % of ${digits.test.size} digits held back\n\n`,
)
await show(digits.test, 5)

/** Draws the first digits side by side, and under each what the model takes it for. */
async function show(test: Dataset, count: number): Promise<void> {
  const { data } = test.batch(0, count)
  const scores = rows((await predictor.run([data])).softmax.data as Float32Array)
  const pictures = Array.from({ length: count }, (_, i) => dots((data.data as Float32Array).subarray(i * 784)))
  for (let line = 0; line < 7; line++) platform.print(`${pictures.map((picture) => picture[line]).join('  ')}\n`)
  for (let place = 0; place < 3; place++) {
    const said = scores.map((row) => topScores(row, 3)[place])
    const texts = said.map(({ index, score }) => `  ${index}  ${(100 * score).toFixed(1)} %`.padEnd(16))
    platform.print(`${texts.join('')}\n`)
  }
}

/** A digit of 28 x 28 pixels as seven lines of Braille, two by four pixels a character. */
function dots(pixels: Float32Array): string[] {
  const bits = [0, 3, 1, 4, 2, 5, 6, 7]
  return Array.from({ length: 7 }, (_, line) => {
    const characters = Array.from({ length: 14 }, (_, column) => {
      const set = bits.filter((_, i) => pixels[(line * 4 + (i >> 1)) * 28 + column * 2 + (i & 1)] > 0.5)
      return String.fromCharCode(0x2800 + set.reduce((sum, bit) => sum + (1 << bit), 0))
    })
    return characters.join('')
  })
}

function rows(scores: Float32Array): Float32Array[] {
  return Array.from({ length: scores.length / 10 }, (_, i) => scores.subarray(i * 10, i * 10 + 10))
}

function draw({ iteration, loss, imagesPerSecond, secondsLeft }: TrainProgress): void {
  const done = Math.round((30 * iteration) / iterations)
  const bar = '#'.repeat(done).padEnd(30, '.')
  const numbers = `loss ${loss.toFixed(4)}  ${imagesPerSecond.toFixed(0)} images/s  ${secondsLeft.toFixed(0)} s left`
  const inPlace = platform.isTerminal('out')
  if (inPlace) platform.print(`\r[${bar}] ${numbers}   `)
  else if (iteration === iterations || iteration % 100 === 1) platform.print(`${iteration}  ${numbers}\n`)
}
