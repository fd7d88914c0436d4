// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('TopK', {
  grad: ['X'],
  cases: [
    {
      name: 'the last axis',
      in: {
        X: [
          [2, 5],
          [3, 1, 4, 1.5, -5, 9, 2, 6, 5, 3.5],
        ],
      },
      args: { k: 2 },
      out: {
        values: [
          [2, 2],
          [4, 3, 9, 6],
        ],
        indices: [[2, 2], [2, 0, 0, 2], 'int64'],
      },
    },
    {
      name: 'the first axis, with flat indices',
      in: {
        X: [
          [2, 5],
          [3, 1, 4, 1.5, -5, 9, 2, 6, 5, 3.5],
        ],
      },
      args: { k: 1, axis: 0 },
      out: {
        values: [
          [1, 5],
          [9, 2, 6, 5, 3.5],
        ],
        indices: [[1, 5], [1, 1, 1, 1, 1], 'int64'],
        flat: [[5], [5, 6, 7, 8, 9], 'int64'],
      },
    },
    {
      name: 'fewer elements than k',
      in: {
        X: [
          [2, 1],
          [3, 9],
        ],
      },
      args: { k: 2 },
      out: {
        values: [
          [2, 2],
          [3, 0, 9, 0],
        ],
        indices: [[2, 2], [0, -1, 0, -1], 'int64'],
      },
    },
  ],
  refuses: [
    {
      name: 'no elements asked for',
      in: {
        X: [
          [2, 5],
          [3, 1, 4, 1.5, -5, 9, 2, 6, 5, 3.5],
        ],
      },
      args: { k: 0 },
      out: ['values', 'indices'],
      code: 'argument',
      says: /k must be positive/,
    },
  ],
})

vectors('TopK', {
  cases: [
    {
      name: 'of equal elements the lower index comes first',
      in: { X: [[5], [2, 5, 2, 5, 2]] },
      args: { k: 4 },
      out: { values: [[4], [5, 5, 2, 2]], indices: [[4], [1, 3, 0, 2], 'int64'] },
    },
  ],
})
