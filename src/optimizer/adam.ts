// SPDX-License-Identifier: Apache-2.0
// Adam: running means of the gradient and of its square, both corrected for having started at zero.
import type { ModelHelper } from '../net/model-helper.ts'
import {
  buildOptimizer,
  isSparse,
  iterationBlob,
  type LearningRate,
  type Optimizer,
  positiveRate,
} from './optimizer.ts'

export type AdamOptions = LearningRate & {
  baseLearningRate?: number
  beta1?: number
  beta2?: number
  epsilon?: number
}

export function buildAdam(model: ModelHelper, options: AdamOptions = {}): Optimizer {
  const { baseLearningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, ...rate } = options
  positiveRate('buildAdam', baseLearningRate)
  const args = { beta1, beta2, epsilon }
  return buildOptimizer(model, 'AdamOptimizer', (context, { blob, gradient }) => {
    const lr = context.learningRate(baseLearningRate, -1, rate)
    const moments = [context.state(blob, '_first_moment'), context.state(blob, '_second_moment')]
    const [type, gradients] = isSparse(gradient)
      ? ['SparseAdam', [gradient.indices, gradient.values]]
      : ['Adam', [gradient]]
    context.net.addUntyped(type, [blob, ...moments, ...gradients, lr, iterationBlob], [blob, ...moments], args)
  })
}
