// SPDX-License-Identifier: Apache-2.0
// Stochastic gradient descent: p += -lr dp, or with momentum m = lr dp + momentum m and p -= m.
import type { ModelHelper } from '../net/model-helper.ts'
import { buildOptimizer, denseOnly, isSparse, type LearningRate, type Optimizer, positiveRate } from './optimizer.ts'

export type SgdOptions = LearningRate & {
  baseLearningRate?: number
  /** 0 is plain descent. */
  momentum?: number
  /** Looks ahead by the momentum; it is on unless turned off, as in Caffe2. */
  nesterov?: boolean | number
}

export function buildSgd(model: ModelHelper, options: SgdOptions = {}): Optimizer {
  const { baseLearningRate = 0.01, momentum = 0, nesterov = 1, ...rate } = options
  positiveRate('buildSgd', baseLearningRate)
  return buildOptimizer(model, 'SgdOptimizer', (context, parameter) => {
    const { blob, gradient } = parameter
    // WeightedSum adds, so it takes the negated rate.
    const lr = context.learningRate(baseLearningRate, momentum > 0 ? 1 : -1, rate)
    const one = context.one()
    if (momentum > 0) {
      const dense = denseOnly('SGD with momentum', parameter)
      const state = context.state(blob, '_momentum')
      const args = { momentum, nesterov: nesterov ? 1 : 0 }
      context.net.addUntyped('MomentumSGDUpdate', [dense, state, lr, blob], [dense, state, blob], args)
    } else if (isSparse(gradient)) {
      context.net.addUntyped('ScatterWeightedSum', [blob, one, gradient.indices, gradient.values, lr], [blob])
    } else {
      context.net.addUntyped('WeightedSum', [blob, one, gradient, lr], [blob])
    }
  })
}
