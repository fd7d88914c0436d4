// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 3],
  [1, 5, 5, 4, 3, 4],
] as const

vectors('ArgMax', {
  cases: [
    { name: 'the first of equal ones', in: { X }, out: { Y: [[2, 1], [1, 0], 'int64'] } },
    { name: 'columns', in: { X }, args: { axis: 0, keepdims: 0 }, out: { Y: [[3], [1, 0, 0], 'int64'] } },
    { name: 'int32', in: { X: [[2], [3, 7], 'int32'] }, args: { keepdims: 0 }, out: { Y: [[], [1], 'int64'] } },
  ],
  refuses: [
    { name: 'an extreme of nothing', in: { X: [[2, 0], []] }, out: ['Y'], code: 'shape', says: /no elements/ },
    {
      name: 'an axis that is not there',
      in: { X },
      args: { axis: 2 },
      out: ['Y'],
      code: 'argument',
      says: /no axis 2/,
    },
  ],
})
vectors('ArgMin', { cases: [{ name: 'rows', in: { X }, out: { Y: [[2, 1], [0, 1], 'int64'] } }] })
vectors('RowWiseArgMax', { cases: [{ name: 'rows', in: { X }, out: { Y: [[2, 1], [1, 0], 'int32'] } }] })
