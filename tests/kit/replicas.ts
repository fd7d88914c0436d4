// SPDX-License-Identifier: Apache-2.0
// What replicas learn in tests: a few small pictures in three classes, cut by worker, and a net for them.
import type { Backend } from '../../src/backend/backend.ts'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { brew } from '../../src/net/brew.ts'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import { addWeightDecay } from '../../src/optimizer/weight-decay.ts'

const kRows = 12
const pixels = Float32Array.from({ length: kRows * 2 * 6 * 6 }, (_, i) => Math.sin(i * 0.37) * Math.cos(i * 0.011))
const labels = Int32Array.from({ length: kRows }, (_, i) => i % 3)

/** The share of one of so many workers. */
export function part(worker: number, workers: number): { data: Tensor; label: Tensor } {
  const [rows, row] = [kRows / workers, pixels.length / kRows]
  return {
    data: tensor(pixels.slice(worker * rows * row, (worker + 1) * rows * row), [rows, 2, 6, 6]),
    label: tensor(labels.slice(worker * rows, (worker + 1) * rows), [rows]),
  }
}

export interface Layers {
  backend?: Backend
  norm?: boolean
  optimizer?: (model: ModelHelper) => unknown
}

export const momentum = (model: ModelHelper) => {
  addWeightDecay(model, 1e-3)
  buildSgd(model, { baseLearningRate: 0.05, momentum: 0.9 })
}

export async function classifier({ backend, norm = false, optimizer = momentum }: Layers = {}): Promise<ModelHelper> {
  const model = new ModelHelper({ name: 'classifier' })
  brew.conv(model, 'data', 'conv', { dimIn: 2, dimOut: 4, kernel: 3 })
  if (norm) brew.spatialBn(model, 'conv', 'norm', { dimIn: 4 })
  brew.relu(model, norm ? 'norm' : 'conv', 'active')
  brew.fc(model, 'active', 'hidden', { dimIn: 4 * 4 * 4, dimOut: 8 })
  brew.fc(model, 'hidden', 'score', { dimIn: 8, dimOut: 3 })
  model.net.add('SoftmaxWithLoss', ['score', 'label'], ['softmax', 'loss'])
  await model.addGradientOperators(['loss'], { ...(backend && { backend }) })
  optimizer(model)
  return model
}
