// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 3],
  [1, 3, 2, 5, 4, 5],
] as const

vectors('FlexibleTopK', {
  grad: ['X'],
  loss: ['values'],
  cases: [
    {
      name: 'another k for each row',
      in: {
        X: [
          [2, 3],
          [1, 3, 2, 5, 4, 6],
        ],
        k: [[2], [1, 2], 'int64'],
      },
      out: { values: [[3], [3, 6, 5]], indices: [[3], [1, 2, 0], 'int64'] },
    },
  ],
})
vectors('FlexibleTopK', {
  cases: [
    {
      name: 'ties',
      in: { X, k: [[2, 1], [3, 2], 'int64'] },
      out: { values: [[5], [3, 2, 1, 5, 5]], indices: [[5], [1, 2, 0, 0, 2], 'int64'] },
    },
  ],
  refuses: [
    {
      name: 'more than there are',
      in: { X, k: [[2], [1, 4], 'int64'] },
      out: ['values', 'indices'],
      code: 'value',
      says: /row 1/,
    },
    { name: 'none', in: { X, k: [[2], [0, 1], 'int64'] }, out: ['values', 'indices'], code: 'value', says: /1 to 3/ },
  ],
})
