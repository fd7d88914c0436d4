// SPDX-License-Identifier: Apache-2.0
// Adagrad: every weight's rate shrinks with the squares of its gradients so far.
import type { ModelHelper } from '../net/model-helper.ts'
import { buildOptimizer, isSparse, type LearningRate, type Optimizer, positiveRate } from './optimizer.ts'

export type AdagradOptions = LearningRate & {
  baseLearningRate?: number
  epsilon?: number
  /** Below 1 the old squares fade. */
  decay?: number
}

export function buildAdagrad(model: ModelHelper, options: AdagradOptions = {}): Optimizer {
  const { baseLearningRate = 0.01, epsilon = 1e-4, decay = 1, ...rate } = options
  positiveRate('buildAdagrad', baseLearningRate)
  return buildOptimizer(model, 'AdagradOptimizer', (context, { blob, gradient }) => {
    const lr = context.learningRate(baseLearningRate, -1, rate)
    const squares = context.state(blob, '_squared_sum')
    const args = { epsilon }
    if (isSparse(gradient)) {
      context.net.addUntyped(
        'SparseAdagrad',
        [blob, squares, gradient.indices, gradient.values, lr],
        [blob, squares],
        args,
      )
    } else {
      context.net.addUntyped('Adagrad', [blob, squares, gradient, lr], [blob, squares], { ...args, decay })
    }
  })
}
