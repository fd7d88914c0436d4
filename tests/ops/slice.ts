// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [3, 4],
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
] as const

vectors('Slice', {
  grad: ['X'],
  cases: [
    {
      name: 'rows',
      in: { X },
      args: { starts: [1, 0], ends: [3, -1] },
      out: {
        Y: [
          [2, 4],
          [5, 6, 7, 8, 9, 10, 11, 12],
        ],
      },
    },
    {
      name: 'columns',
      in: { X },
      args: { starts: [0, 1], ends: [-1, 3] },
      out: {
        Y: [
          [3, 2],
          [2, 3, 6, 7, 10, 11],
        ],
      },
    },
    {
      name: 'an end counted from the end',
      in: { X },
      args: { starts: [0, 0], ends: [-1, -3] },
      out: {
        Y: [
          [3, 2],
          [1, 2, 5, 6, 9, 10],
        ],
      },
    },
    {
      name: 'a corner',
      in: { X },
      args: { starts: [1, 2], ends: [2, 4] },
      out: {
        Y: [
          [1, 2],
          [7, 8],
        ],
      },
    },
    {
      name: 'dimensions without a number',
      in: { X },
      args: { starts: [2], ends: [3] },
      out: {
        Y: [
          [1, 4],
          [9, 10, 11, 12],
        ],
      },
    },
    { name: 'all', in: { X }, args: { starts: [0], ends: [100] }, out: { Y: X } },
  ],
})

vectors('Slice', {
  cases: [
    {
      name: 'corners by inputs',
      in: { X, starts: [[2], [0, 3], 'int32'], ends: [[2], [-1, 4], 'int32'] },
      out: {
        Y: [
          [3, 1],
          [4, 8, 12],
        ],
      },
    },
    { name: 'nothing', in: { X }, args: { starts: [1, 0], ends: [1, -1] }, out: { Y: [[0, 4], []] } },
    {
      name: 'strings',
      in: { X: [[3], ['a', 'b', 'c']] },
      args: { starts: [1], ends: [-1] },
      out: { Y: [[2], ['b', 'c']] },
    },
  ],
})
