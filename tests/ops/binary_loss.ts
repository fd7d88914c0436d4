// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('WeightedSigmoidCrossEntropyWithLogits', {
  grad: ['X'],
  cases: [
    {
      name: 'rows',
      in: {
        X: [
          [2, 2],
          [0, 1, -1, 2],
        ],
        targets: [
          [2, 2],
          [1, 0, 1, 1],
        ],
        weights: [
          [2, 2],
          [1, 2, 0, 1],
        ],
      },
      out: { Y: [[2], [1.65983528, 0.0634640056]] },
    },
    {
      name: 'a vector',
      in: { X: [[1], [0]], targets: [[1], [1]], weights: [[1], [2]] },
      out: { Y: [[], [1.38629436]] },
    },
  ],
})
vectors('WeightedSigmoidCrossEntropyWithLogits', {
  cases: [
    {
      name: 'large logits',
      in: {
        X: [
          [2, 1],
          [100, -100],
        ],
        targets: [
          [2, 1],
          [0, 0],
        ],
        weights: [
          [2, 1],
          [1, 1],
        ],
      },
      out: { Y: [[2], [100, 0]] },
    },
  ],
})

vectors('BernoulliJSD', {
  grad: ['T'],
  cases: [
    { name: 'inside', in: { T: [[2], [0.5, 0.25]], q: [[2], [0.75, 0.25]] }, out: { L: [[2], [0.0338220756, 0]] } },
  ],
})
vectors('BernoulliJSD', {
  cases: [{ name: 'certain', in: { T: [[2], [0, 1]], q: [[2], [1, 1]] }, out: { L: [[2], [Math.LN2, 0]] } }],
})

vectors('MakeTwoClass', {
  grad: ['X'],
  cases: [
    {
      name: 'a vector',
      in: { X: [[2], [0.25, 1]] },
      out: {
        Y: [
          [2, 2],
          [0.75, 0.25, 0, 1],
        ],
      },
    },
    {
      name: 'a matrix',
      in: { X: [[1, 1], [0.5]] },
      out: {
        Y: [
          [1, 1, 2],
          [0.5, 0.5],
        ],
      },
    },
    { name: 'nothing', in: { X: [[0], []] }, out: { Y: [[0, 2], []] } },
  ],
})
