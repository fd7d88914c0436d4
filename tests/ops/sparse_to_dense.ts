// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const I: Value = [[3], [2, 0, 2], 'int32']
const V: Value = [
  [3, 2],
  [1, 2, 3, 4, 5, 6],
]

vectors('SparseToDense', {
  grad: ['V'],
  cases: [
    {
      name: 'equal indices are added up',
      in: { I, V },
      out: {
        Y: [
          [3, 2],
          [3, 4, 0, 0, 6, 8],
        ],
      },
    },
    {
      name: 'rows by argument',
      in: { I, V },
      args: { output_first_dim: 4 },
      out: {
        Y: [
          [4, 2],
          [3, 4, 0, 0, 6, 8, 0, 0],
        ],
      },
    },
  ],
})
vectors('SparseToDense', {
  cases: [
    {
      name: 'rows like another tensor',
      in: { I, V: [[3], [1, 2, 4], 'int64'], D: [[4, 7, 0], []] },
      out: { Y: [[4], [2, 0, 5, 0], 'int64'] },
    },
    {
      name: 'bytes wrap',
      in: { I: [[2], [0, 0], 'int64'], V: [[2], [200, 100], 'uint8'] },
      out: { Y: [[1], [44], 'uint8'] },
    },
    { name: 'nothing', in: { I: [[0], [], 'int32'], V: [[0, 2], []] }, out: { Y: [[0, 2], []] } },
  ],
  refuses: [
    {
      name: 'an index beyond the rows',
      in: { I, V, D: [[2], [0, 0]] },
      out: ['Y'],
      code: 'value',
      says: /index 0 is 2/,
    },
    { name: 'a negative index', in: { I: [[1], [-1], 'int32'], V: [[1], [1]] }, out: ['Y'], code: 'value', says: /-1/ },
  ],
})

const mask = [3, 5, 1]
const MI: Value = [[4], [1, 3, 9, 3], 'int64']
const MV: Value = [[4], [10, 20, 30, 40]]
const DEFAULT: Value = [[], [-1]]
vectors('SparseToDenseMask', {
  grad: ['MV'],
  cases: [
    {
      name: 'rows by lengths',
      in: { MI, MV, DEFAULT, L: [[2], [3, 1], 'int32'] },
      args: { mask },
      out: {
        Y: [
          [2, 3],
          [20, -1, 10, 40, -1, -1],
        ],
      },
    },
    { name: 'one row, the last of equals', in: { MI, MV, DEFAULT }, args: { mask }, out: { Y: [[3], [40, -1, 10]] } },
  ],
})
vectors('SparseToDenseMask', {
  cases: [
    {
      name: 'what was there',
      in: { MI, MV: [[4], ['a', 'b', 'c', 'd']], DEFAULT: [[], ['-']], L: [[1], [2], 'int32'] },
      args: { mask, return_presence_mask: 1 },
      out: {
        Y: [
          [1, 3],
          ['b', '-', 'a'],
        ],
        P: [[1, 3], [1, 0, 1], 'bool'],
      },
    },
  ],
  refuses: [
    {
      name: 'a mask with repeats',
      in: { MI, MV, DEFAULT },
      args: { mask: [1, 1] },
      out: ['Y'],
      code: 'argument',
      says: /twice/,
    },
    {
      name: 'too many negative indices',
      in: { MI: [[2], [-1, -1], 'int32'], MV: [[2], [0, 0]], DEFAULT },
      args: { mask, max_skipped_indices: 2 },
      out: ['Y'],
      code: 'value',
      says: /skipped/,
    },
  ],
})

const L: Value = [[2], [2, 1], 'int64']
const C: Value = [[3], [2, 0, 1], 'int64']
const X: Value = [[3], [7, 8, 9]]
vectors('BatchSparseToDense', {
  grad: ['X'],
  cases: [
    {
      name: 'columns by argument',
      in: { L, C, X },
      args: { dense_last_dim: 3, default_value: 0.5 },
      out: {
        Y: [
          [2, 3],
          [8, 0.5, 7, 0.5, 9, 0.5],
        ],
      },
    },
  ],
})
vectors('BatchSparseToDense', {
  cases: [
    {
      name: 'columns like another tensor',
      in: { L, C, X, S: [[0, 4], []] },
      out: {
        Y: [
          [2, 4],
          [8, 0, 7, 0, 0, 9, 0, 0],
        ],
      },
    },
  ],
  refuses: [
    { name: 'no columns', in: { L, C, X }, out: ['Y'], code: 'argument', says: /dense_last_dim/ },
    {
      name: 'a column there is not',
      in: { L, C, X },
      args: { dense_last_dim: 2 },
      out: ['Y'],
      code: 'value',
      says: /index 0 is 2/,
    },
  ],
})
vectors('BatchDenseToSparse', {
  grad: ['D'],
  cases: [
    {
      name: 'elements of each row',
      in: {
        L,
        C,
        D: [
          [2, 3],
          [1, 2, 3, 4, 5, 6],
        ],
      },
      out: { Y: [[3], [3, 1, 5]] },
    },
  ],
})

vectors('RemoveDataBlocks', {
  cases: [
    {
      name: 'a row named twice',
      in: { X: [[4], [1, 2, 3, 4]], I: [[3], [3, 1, 3], 'int64'] },
      out: { Y: [[2], [1, 3]] },
    },
    { name: 'no rows', in: { X: [[2], ['a', 'b']], I: [[0], [], 'int32'] }, out: { Y: [[2], ['a', 'b']] } },
  ],
  refuses: [
    {
      name: 'a row there is not',
      in: { X: [[1], [1]], I: [[1], [1], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /is 1/,
    },
  ],
})
