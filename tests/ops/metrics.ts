// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('MultiClassAccuracy', {
  cases: [
    {
      name: 'a class without rows, and equal scores',
      in: {
        X: [
          [3, 3],
          [0, 1, 2, 5, 5, 0, 1, 2, 3],
        ],
        label: [[3], [2, 1, 2], 'int32'],
      },
      out: { accuracies: [[3], [0, 0, 1]], amounts: [[3], [0, 1, 2], 'int32'] },
    },
  ],
  refuses: [
    {
      name: 'a label that there is not',
      in: {
        X: [
          [1, 2],
          [0, 1],
        ],
        label: [[1], [-1], 'int32'],
      },
      out: ['accuracies', 'amounts'],
      code: 'value',
      says: /label of row 0 is -1/,
    },
  ],
})

vectors('Perplexity', {
  cases: [
    { name: 'two', in: { p: [[2], [0.5, 0.125]] }, out: { Y: [[], [4]] } },
    { name: 'nothing', in: { p: [[0], []] }, out: { Y: [[], [1]] } },
  ],
})

vectors('APMeter', {
  cases: [
    {
      name: 'two classes',
      in: {
        X: [
          [3, 2],
          [0.5, 1, 0.25, 2, 0.75, 3],
        ],
        label: [[3, 2], [1, 0, 0, 0, 1, 0], 'int32'],
      },
      out: { AP: [[2], [1, 0]] },
    },
    {
      name: 'more than the buffer holds: the last count',
      in: {
        X: [
          [3, 1],
          [3, 2, 1],
        ],
        label: [[3, 1], [1, 0, 1], 'int32'],
      },
      args: { buffer_size: 2 },
      out: { AP: [[1], [0.5]] },
    },
  ],
  refuses: [
    {
      name: 'no buffer',
      in: { X: [[1, 1], [1]], label: [[1, 1], [1], 'int32'] },
      args: { buffer_size: 0 },
      out: ['AP'],
      code: 'argument',
      says: /buffer_size must be positive/,
    },
  ],
})
