// SPDX-License-Identifier: Apache-2.0
// Trains a net in a page to tell two spirals apart, and draws what it has learnt. The engine runs in a worker, so the
// page stays free: the button works, the picture changes.
import { brew, buildAdam, inferenceNet, ModelHelper, Net, openBackend, tensor, train, Workspace } from 'portafilter'

const canvas = document.querySelector('canvas')
const status = document.querySelector('#status')
const stop = new AbortController()
document.querySelector('#stop').addEventListener('click', () => stop.abort())

/** Resolves when training has ended, with the share of points on the right side. */
export const finished = main().catch((error) => {
  status.textContent = error.code === 'aborted' ? 'stopped' : error.message
  return Number.NaN
})

async function main() {
  const backend = await openBackend({ operators: 'all' }) // Adam is not in the small build that pages load
  const { build, threads, worker } = await backend.info()
  const where = `${build}, ${threads} threads, ${worker ? 'in a worker' : 'in the page'}`

  const model = new ModelHelper({ name: 'spirals' })
  const scores = layers(model)
  model.net.add('SoftmaxWithLoss', [scores, 'label'], ['softmax', 'loss'])
  await model.addGradientOperators(['loss'], { backend })
  buildAdam(model, { baseLearningRate: 0.01 })

  const workspace = await Workspace.open(backend, { seed: 1 })
  const points = spirals(200)
  const grid = pixels(canvas.width)
  await workspace.runNetOnce(model.paramInitNet)
  await workspace.feedBlobs(points)
  await workspace.createNet(model.net)
  const predict = new Net(inferenceNet(model.net.proto(), ['data'], [scores]))
  await workspace.createNet(predict)

  for (let round = 1; round <= 20; round++) {
    const { loss } = await train({
      workspace,
      net: model.net,
      iterations: 25,
      feed: () => points,
      signal: stop.signal,
    })
    await workspace.feedBlob('data', grid)
    await workspace.runNet(predict)
    paint((await workspace.fetchBlob(scores)).data)
    status.textContent = `round ${round} of 20, loss ${loss.toFixed(4)} (${where})`
  }
  await workspace.feedBlob('data', points.data)
  await workspace.runNet(predict)
  const right = share((await workspace.fetchBlob(scores)).data, points.label.data)
  status.textContent = `${(100 * right).toFixed(1)} % of the points are on the right side (${where})`
  await backend.close()
  return right
}

function layers(model) {
  brew.fc(model, 'data', 'fc1', { dimIn: 2, dimOut: 64 })
  brew.relu(model, 'fc1', 'fc1')
  brew.fc(model, 'fc1', 'fc2', { dimIn: 64, dimOut: 64 })
  brew.relu(model, 'fc2', 'fc2')
  return brew.fc(model, 'fc2', 'scores', { dimIn: 64, dimOut: 2 })
}

function spirals(perArm) {
  const data = []
  const label = []
  for (let i = 0; i < 2 * perArm; i++) {
    const arm = i % 2
    const turn = (3.5 * i) / (2 * perArm)
    const angle = turn * Math.PI + arm * Math.PI
    const radius = 0.1 + (0.8 * turn) / 3.5
    data.push([radius * Math.cos(angle), radius * Math.sin(angle)])
    label.push(arm)
  }
  return { data: tensor(data), label: tensor(Int32Array.from(label)) }
}

// The centre of every pixel, from -1 to 1.
function pixels(side) {
  const at = (i) => ((i + 0.5) / side) * 2 - 1
  return tensor(Array.from({ length: side * side }, (_, i) => [at(i % side), at(Math.floor(i / side))]))
}

function paint(scores) {
  const context = canvas.getContext('2d')
  const image = context.createImageData(canvas.width, canvas.height)
  for (let i = 0; i < canvas.width * canvas.height; i++) {
    const first = 1 / (1 + Math.exp(scores[2 * i + 1] - scores[2 * i]))
    image.data.set([60 + 160 * first, 90, 220 - 160 * first, 255], i * 4)
  }
  context.putImageData(image, 0, 0)
}

function share(scores, labels) {
  const right = labels.filter((label, i) => Number(scores[2 * i + 1] > scores[2 * i]) === label)
  return right.length / labels.length
}
