// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [2, 3],
  [1, -2, 2, 0.5, 0, -1],
]
const Y: Value = [
  [2, 3],
  [2, 1, -2, 1, -1, 0],
]
const none: Value = [[0, 3], []]

vectors('L1Distance', {
  grad: ['X', 'Y'],
  cases: [
    { name: 'rows', in: { X, Y }, out: { D: [[2], [8, 2.5]] } },
    { name: 'a vector', in: { X: [[2], [1, 2]], Y: [[2], [3, 1]] }, out: { D: [[2], [2, 1]] } },
  ],
})
vectors('L1Distance', {
  cases: [{ name: 'no rows', in: { X: none, Y: none }, out: { D: [[0], []] } }],
  refuses: [
    {
      name: 'other shapes',
      in: {
        X,
        Y: [
          [3, 2],
          [1, 2, 3, 4, 5, 6],
        ],
      },
      out: ['D'],
      code: 'shape',
      says: /shape/,
    },
  ],
})

vectors('CosineSimilarity', {
  grad: ['X', 'Y'],
  cases: [{ name: 'rows', in: { X, Y }, out: { D: [[2], [-0.444444444, 0.316227766]] } }],
})
vectors('CosineSimilarity', {
  cases: [
    {
      name: 'a row of zeros',
      in: {
        X: [
          [1, 2],
          [0, 0],
        ],
        Y: [
          [1, 2],
          [3, 4],
        ],
      },
      out: { D: [[1], [0]] },
    },
  ],
})

vectors('DotProduct', { grad: ['X', 'Y'], cases: [{ name: 'rows', in: { X, Y }, out: { D: [[2], [-4, 0.5]] } }] })
vectors('DotProduct', { cases: [{ name: 'no rows', in: { X: none, Y: none }, out: { D: [[0], []] } }] })

const short: Value = [
  [2, 2],
  [2, 1, 1, -1],
]
vectors('DotProductWithPadding', {
  grad: ['X', 'Y'],
  cases: [
    { name: 'filled up', in: { X, Y: short }, args: { pad_value: 0.5 }, out: { D: [[2], [1, 0]] } },
    { name: 'the first is shorter', in: { X: short, Y: X }, args: { pad_value: 0.5 }, out: { D: [[2], [1, 0]] } },
    { name: 'repeated, with a rest', in: { X, Y: short }, args: { replicate: 1 }, out: { D: [[2], [0, 0.5]] } },
    {
      name: 'repeated',
      in: {
        X: [
          [1, 4],
          [1, 2, 3, 4],
        ],
        Y: [
          [1, 2],
          [1, -1],
        ],
      },
      args: { replicate: 1 },
      out: { D: [[1], [-2]] },
    },
  ],
  refuses: [
    {
      name: 'other numbers of rows',
      in: {
        X,
        Y: [
          [1, 2],
          [1, 2],
        ],
      },
      out: ['D'],
      code: 'shape',
      says: /equally many dimensions and rows/,
    },
  ],
})
