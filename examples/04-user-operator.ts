// SPDX-License-Identifier: Apache-2.0
// An operator of a user's own: HardSwish, written in AssemblyScript (assembly/ops/hard-swish.ts, built by `make assembly`).
// It runs in the core's memory on all its threads, and nets train through it like through any other.
//
//   node 04-user-operator.mjs [hard-swish.wasm]
import {
  brew,
  buildAdam,
  init,
  ModelHelper,
  platform,
  registerUserOperators,
  tensor,
  train,
  Workspace,
} from 'portafilter'

const file = platform.args[0] ?? new URL(import.meta.resolve('portafilter/assembly/hard-swish.wasm'))
await using backend = await init({ backend: 'wasm' })
platform.print(`registered ${(await registerUserOperators(await platform.read(file))).join(', ')}\n`)

await using workspace = await Workspace.open(backend, { seed: 1 })
const model = new ModelHelper({ name: 'sine' })
brew.fc(model, 'angle', 'hidden', { dimIn: 1, dimOut: 32 })
model.net.add('HardSwish', ['hidden'], ['active'])
brew.fc(model, 'active', 'guess', { dimIn: 32, dimOut: 1 })
model.net.add('SquaredL2Distance', ['guess', 'sine'], ['distance'])
model.net.add('AveragedLoss', ['distance'], ['loss'])
await model.addGradientOperators(['loss'])
buildAdam(model, { baseLearningRate: 0.02 })

// sin(x) from -pi to pi.
const angles = Array.from({ length: 64 }, (_, i) => (i / 31.5 - 1) * Math.PI)
const examples = {
  angle: tensor(angles, [64, 1]),
  sine: tensor(angles.map(Math.sin), [64, 1]),
}
await workspace.runNetOnce(model.paramInitNet)
await workspace.feedBlobs(examples)
await workspace.createNet(model.net)
const { loss } = await train({ workspace, net: model.net, iterations: 400, feed: () => examples })
platform.print(`loss ${loss.toFixed(6)}\n`)

const guesses = (await workspace.fetchBlob('guess')).data
for (const i of [8, 24, 40, 56]) {
  const [angle, sine, guess] = [angles[i], Math.sin(angles[i]), Number(guesses[i])].map((x) => x.toFixed(3).padStart(7))
  platform.print(`sin(${angle}) = ${sine}, learnt ${guess}\n`)
}
