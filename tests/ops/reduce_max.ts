// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 3],
  [1, 5, 2, 4, 3, 6],
] as const
const M = [
  [1, 2, 3],
  [1, 5, 2, 4, 3, 6],
] as const
const lengths2 = [[2], [1, 2], 'int32'] as const
const lengths3 = [[3], [1, 2, 1], 'int32'] as const

vectors('ReduceFrontMax', {
  grad: ['X'],
  cases: [
    { name: 'columns', in: { X }, out: { Y: [[3], [4, 5, 6]] } },
    { name: 'all', in: { X }, args: { num_reduce_dim: 2 }, out: { Y: [[], [6]] } },
    { name: 'none', in: { X }, args: { num_reduce_dim: 0 }, out: { Y: X } },
    { name: 'lengths', in: { X, lengths: lengths3 }, out: { Y: [[3], [1, 5, 2]] } },
  ],
})
vectors('ReduceFrontMax', {
  cases: [],
  refuses: [
    { name: 'a maximum of nothing', in: { X: [[0, 2], []] }, out: ['Y'], code: 'shape', says: /no elements/ },
    {
      name: 'too many dimensions',
      in: { X },
      args: { num_reduce_dim: 3 },
      out: ['Y'],
      code: 'argument',
      says: /0 to 2/,
    },
    {
      name: 'a length beyond the column',
      in: { X, lengths: [[3], [1, 3, 1], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /length 1/,
    },
  ],
})
vectors('ReduceBackMax', {
  grad: ['X'],
  cases: [
    { name: 'rows', in: { X }, out: { Y: [[2], [5, 6]] } },
    { name: 'lengths', in: { X, lengths: lengths2 }, out: { Y: [[2], [1, 4]] } },
  ],
})
vectors('ColwiseMax', {
  grad: ['M'],
  cases: [
    {
      name: 'columns',
      in: { M },
      out: {
        Y: [
          [1, 3],
          [4, 5, 6],
        ],
      },
    },
  ],
})
vectors('RowwiseMax', {
  grad: ['M'],
  cases: [
    {
      name: 'rows',
      in: { M },
      out: {
        Y: [
          [1, 2],
          [5, 6],
        ],
      },
    },
  ],
  refuses: [{ name: 'a matrix without batch', in: { X }, out: ['Y'], code: 'shape', says: /3/ }],
})
