// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [[4], [7, -7, 6, -6], 'int32'] as const

vectors('Mod', {
  inplace: true,
  cases: [
    { name: 'the sign of X', in: { X }, args: { divisor: 3 }, out: { Y: [[4], [1, -1, 0, 0], 'int32'] } },
    {
      name: 'the sign of the divisor',
      in: { X },
      args: { divisor: 3, sign_follow_divisor: 1 },
      out: { Y: [[4], [1, 2, 0, 0], 'int32'] },
    },
    {
      name: 'a negative divisor',
      in: { X },
      args: { divisor: -3, sign_follow_divisor: 1 },
      out: { Y: [[4], [-2, -1, 0, 0], 'int32'] },
    },
    {
      name: 'the smallest number by -1',
      in: { X: [[1], [-2147483648], 'int32'] },
      args: { divisor: -1 },
      out: { Y: [[1], [0], 'int32'] },
    },
  ],
})
vectors('Mod', {
  cases: [],
  refuses: [{ name: 'division by 0', in: { X }, out: ['Y'], code: 'argument', says: /not be 0/ }],
})
vectors('IndexHash', {
  cases: [
    { name: 'in range', in: { X: [[2], [5, -5], 'int64'] }, args: { modulo: 1 }, out: { Y: [[2], [0, 0], 'int64'] } },
  ],
  refuses: [
    { name: 'no range', in: { X }, out: ['Y'], code: 'argument', says: /above 0/ },
    {
      name: 'a range beyond int32',
      in: { X },
      args: { modulo: 2147483648 },
      out: ['Y'],
      code: 'argument',
      says: /int32/,
    },
  ],
})
vectors('NGramFromCategorical', {
  cases: [
    {
      name: 'digits of two columns',
      in: {
        X: [
          [3, 2],
          [20, 7, 10.2, 8, 99, 8],
        ],
      },
      args: { col_ids: [0, 1], categorical_limits: [2, 2], vals: [10, 20, 7, 8] },
      out: { Y: [[3], [1, 2, 2], 'int64'] },
    },
  ],
  refuses: [
    {
      name: 'a column that is not there',
      in: { X: [[1, 1], [0]] },
      args: { col_ids: [1], categorical_limits: [1], vals: [0] },
      out: ['Y'],
      code: 'argument',
      says: /no column 1/,
    },
    {
      name: 'limits of other values',
      in: { X: [[1, 1], [0]] },
      args: { col_ids: [0], categorical_limits: [2], vals: [0] },
      out: ['Y'],
      code: 'argument',
      says: /categorical_limits/,
    },
  ],
})
