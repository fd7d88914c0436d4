// SPDX-License-Identifier: Apache-2.0
// RmsProp: the gradient divided by the root of the running mean of its square. As in Caffe2 the step then goes through
// a second momentum update, which shares the momentum blob.
import type { ModelHelper } from '../net/model-helper.ts'
import { buildOptimizer, denseOnly, type LearningRate, type Optimizer, positiveRate } from './optimizer.ts'

export type RmsPropOptions = LearningRate & {
  baseLearningRate?: number
  decay?: number
  momentum?: number
  epsilon?: number
}

export function buildRmsProp(model: ModelHelper, options: RmsPropOptions = {}): Optimizer {
  const { baseLearningRate = 0.01, decay = 0.9, momentum = 0, epsilon = 1e-5, ...rate } = options
  positiveRate('buildRmsProp', baseLearningRate)
  const args = { decay, momentum, epsilon }
  return buildOptimizer(model, 'RmsPropOptimizer', (context, parameter) => {
    const { blob } = parameter
    const gradient = denseOnly('RmsProp', parameter)
    const one = context.one()
    const lr = context.learningRate(baseLearningRate, 1, rate)
    const step = context.state(blob, '_grad_o')
    const squares = context.state(blob, '_mean_squares')
    const velocity = context.state(blob, '_momentum')
    context.net.addUntyped('RmsProp', [gradient, squares, velocity, one], [step, squares, velocity], args)
    context.net.addUntyped('MomentumSGDUpdate', [step, velocity, lr, blob], [step, velocity, blob])
  })
}
