// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 3],
  [1, 2, 3, 4, 5, 6],
] as const
const w = [[2], [2, -1]] as const

vectors('RowMul', {
  grad: ['X', 'w'],
  cases: [
    {
      name: 'rows',
      in: { X, w },
      out: {
        Y: [
          [2, 3],
          [2, 4, 6, -4, -5, -6],
        ],
      },
    },
  ],
})
vectors('RowMul', {
  cases: [{ name: 'no rows', in: { X: [[0, 3], []], w: [[0], []] }, out: { Y: [[0, 3], []] } }],
  refuses: [{ name: 'too few factors', in: { X, w: [[1], [2]] }, out: ['Y'], code: 'shape', says: /one factor/ }],
})
vectors('ReduceTailSum', { cases: [{ name: 'rows', in: { X: [[2, 3, 1], X[1]] }, out: { Y: [[2], [6, 15]] } }] })
vectors('SquareRootDivide', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: '0 leaves the row',
      in: { X, scale: [[2], [4, 0], 'int32'] },
      out: {
        Y: [
          [2, 3],
          [0.5, 1, 1.5, 4, 5, 6],
        ],
      },
    },
  ],
})
vectors('SquareRootDivide', {
  cases: [],
  refuses: [
    {
      name: 'a negative scale',
      in: { X, scale: [[2], [4, -1], 'int64'] },
      out: ['Y'],
      code: 'value',
      says: /no square root/,
    },
  ],
})
vectors('ReduceFrontWeightedSum', {
  grad: ['X'],
  cases: [
    { name: 'rows', in: { X, w }, out: { Y: [[3], [-2, -1, 0]] } },
    {
      name: 'two dimensions',
      in: {
        X: [
          [2, 1, 2],
          [1, 2, 3, 4],
        ],
        w: [
          [2, 1],
          [2, 1],
        ],
      },
      args: { num_reduce_dim: 2 },
      out: { Y: [[2], [5, 8]] },
    },
  ],
})
vectors('ElementwiseLinear', {
  grad: ['X', 'w', 'b'],
  cases: [
    {
      name: 'columns',
      in: { X, w: [[3], [1, 0, 2]], b: [[3], [0, 1, -1]] },
      out: {
        Y: [
          [2, 3],
          [1, 1, 5, 4, 1, 11],
        ],
      },
    },
    {
      name: 'all from the first dimension on',
      in: { X: [[3], [1, 2, 3]], w: [[3], [1, 0, 2]], b: [[3], [0, 1, -1]] },
      args: { axis: 0 },
      out: { Y: [[3], [1, 1, 5]] },
    },
    {
      name: 'the last of three dimensions',
      in: {
        X: [
          [1, 2, 2],
          [1, 2, 3, 4],
        ],
        w: [[2], [2, -1]],
        b: [[2], [0, 0.5]],
      },
      args: { axis: 2 },
      out: {
        Y: [
          [1, 2, 2],
          [2, -1.5, 6, -3.5],
        ],
      },
    },
  ],
})
vectors('ElementwiseLinear', {
  cases: [],
  refuses: [
    {
      name: 'too few biases',
      in: { X, w: [[3], [1, 0, 2]], b: [[2], [0, 1]] },
      out: ['Y'],
      code: 'shape',
      says: /3 elements/,
    },
  ],
})
