// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 3, 2],
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
] as const

vectors('ReduceSum', {
  cases: [
    { name: 'all', in: { X }, out: { Y: [[1, 1, 1], [78]] } },
    {
      name: 'the middle',
      in: { X },
      args: { axes: [1], keepdims: 0 },
      out: {
        Y: [
          [2, 2],
          [9, 12, 27, 30],
        ],
      },
    },
    {
      name: 'the first',
      in: { X },
      args: { axes: [0], keepdims: 0 },
      out: {
        Y: [
          [3, 2],
          [8, 10, 12, 14, 16, 18],
        ],
      },
    },
    {
      name: 'the outer two',
      in: { X },
      args: { axes: [0, 2] },
      out: {
        Y: [
          [1, 3, 1],
          [18, 26, 34],
        ],
      },
    },
    {
      name: 'the last from the end',
      in: { X },
      args: { axes: [-1], keepdims: 0 },
      out: {
        Y: [
          [2, 3],
          [3, 7, 11, 15, 19, 23],
        ],
      },
    },
    {
      name: 'int64',
      in: { X: [[2, 2], [1, 2, 3, 4], 'int64'] },
      args: { axes: [0], keepdims: 0 },
      out: { Y: [[2], [4, 6], 'int64'] },
    },
    { name: 'nothing', in: { X: [[0, 2], []] }, args: { axes: [0], keepdims: 0 }, out: { Y: [[2], [0, 0]] } },
    { name: 'a scalar', in: { X: [[], [3]] }, out: { Y: [[], [3]] } },
  ],
  refuses: [
    { name: 'an axis twice', in: { X }, args: { axes: [0, -3] }, out: ['Y'], code: 'argument', says: /twice/ },
    {
      name: 'an axis that is not there',
      in: { X },
      args: { axes: [3] },
      out: ['Y'],
      code: 'argument',
      says: /no axis 3/,
    },
  ],
})
vectors('ReduceMean', {
  cases: [
    {
      name: 'the middle',
      in: { X },
      args: { axes: [1], keepdims: 0 },
      out: {
        Y: [
          [2, 2],
          [3, 4, 9, 10],
        ],
      },
    },
    {
      name: 'the first',
      in: { X },
      args: { axes: [0], keepdims: 0 },
      out: {
        Y: [
          [3, 2],
          [4, 5, 6, 7, 8, 9],
        ],
      },
    },
    { name: 'float64', in: { X: [[2], [1, 2], 'float64'] }, out: { Y: [[1], [1.5], 'float64'] } },
  ],
})
