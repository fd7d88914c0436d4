// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const data = [
  [3, 2],
  [1, 2, 3, 4, 5, 6],
] as const

vectors('Gather', {
  cases: [
    {
      name: 'rows',
      in: { data, indices: [[2], [2, 0], 'int32'] },
      out: {
        Y: [
          [2, 2],
          [5, 6, 1, 2],
        ],
      },
    },
    {
      name: 'a matrix of int64 indices',
      in: { data, indices: [[2, 1], [1, 1], 'int64'] },
      out: {
        Y: [
          [2, 1, 2],
          [3, 4, 3, 4],
        ],
      },
    },
    { name: 'none', in: { data, indices: [[0], [], 'int32'] }, out: { Y: [[0, 2], []] } },
    {
      name: 'strings',
      in: { data: [[2], ['a', 'b']], indices: [[3], [1, 0, 1], 'int32'] },
      out: { Y: [[3], ['b', 'a', 'b']] },
    },
  ],
})

vectors('Gather', {
  grad: ['data'],
  cases: [
    {
      name: 'rows, one of them twice, whose gradient is dense',
      in: { data, indices: [[3], [2, 0, 2], 'int64'] },
      args: { dense_gradient: 1 },
      out: {
        Y: [
          [3, 2],
          [5, 6, 1, 2, 5, 6],
        ],
      },
    },
  ],
})
