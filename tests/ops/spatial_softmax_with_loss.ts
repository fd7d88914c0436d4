// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [1, 2, 1, 3],
  [0, 1, 2, 0, 2, 0],
]
const label: Value = [[1, 1, 3], [1, 0, -1], 'int32']
const softmax: Value = [
  [1, 2, 1, 3],
  [0.5, 0.268941421, 0.880797078, 0.5, 0.731058579, 0.119202922],
]

vectors('SpatialSoftmaxWithLoss', {
  grad: ['X'],
  loss: ['loss'],
  cases: [
    { name: 'a pixel that does not count', in: { X, label }, out: { softmax, loss: [[], [1.00320443]] } },
    { name: 'scaled', in: { X, label }, args: { scale: 0.5 }, out: { softmax, loss: [[], [0.501602217]] } },
    {
      name: 'weights',
      in: {
        X,
        label,
        weights: [
          [1, 1, 3],
          [1, 3, 7],
        ],
      },
      out: { softmax, loss: [[], [1.15823306]] },
    },
    {
      name: 'no pixel counts',
      in: { X, label: [[1, 1, 3], [-1, -1, -1], 'int32'] },
      out: { softmax, loss: [[], [0]] },
    },
  ],
  refuses: [
    {
      name: 'a label that there is not',
      in: { X, label: [[1, 1, 3], [1, 2, 0], 'int32'] },
      out: ['softmax', 'loss'],
      code: 'value',
      says: /label 1 is 2/,
    },
    {
      name: 'labels of another shape',
      in: { X, label: [[3], [1, 0, 0], 'int32'] },
      out: ['softmax', 'loss'],
      code: 'shape',
      says: /one label for each pixel/,
    },
  ],
})
