// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const A = [
  [2, 2],
  [1, 2, 3, 4],
] as const
const B = [
  [2, 1],
  [5, 6],
] as const
const joined = [
  [2, 3],
  [1, 2, 5, 3, 4, 6],
] as const

vectors('Concat', {
  grad: ['A', 'B'],
  cases: [
    { name: 'columns', in: { A, B }, args: { axis: 1 }, out: { Y: joined, split: [[2], [2, 1], 'int32'] } },
    { name: 'the channels of NCHW', in: { A, B }, out: { Y: joined, split: [[2], [2, 1], 'int32'] } },
    {
      name: 'an axis from the end',
      in: {
        A,
        B: [
          [1, 2],
          [5, 6],
        ],
      },
      args: { axis: -2 },
      out: {
        Y: [
          [3, 2],
          [1, 2, 3, 4, 5, 6],
        ],
        split: [[2], [2, 1], 'int32'],
      },
    },
    {
      name: 'the channels of NHWC',
      in: {
        A: [
          [1, 1, 2, 1],
          [1, 2],
        ],
        B: [
          [1, 1, 2, 1],
          [3, 4],
        ],
      },
      args: { order: 'NHWC' },
      out: {
        Y: [
          [1, 1, 2, 2],
          [1, 3, 2, 4],
        ],
        split: [[2], [1, 1], 'int32'],
      },
    },
    {
      name: 'slices of a new dimension',
      in: { A: [[2], [1, 2]], B: [[2], [3, 4]] },
      args: { axis: 1, add_axis: 1 },
      out: {
        Y: [
          [2, 2],
          [1, 3, 2, 4],
        ],
        split: [[2], [1, 1], 'int32'],
      },
    },
    {
      name: 'a part without elements',
      in: { A, B: [[2, 0], []] },
      args: { axis: 1 },
      out: { Y: A, split: [[2], [2, 0], 'int32'] },
    },
  ],
})

vectors('Concat', {
  cases: [
    {
      name: 'strings',
      in: { A: [[1], ['a']], B: [[2], ['b', 'c']] },
      args: { axis: 0 },
      out: { Y: [[3], ['a', 'b', 'c']], split: [[2], [1, 2], 'int32'] },
    },
  ],
})

vectors('Split', {
  grad: ['X'],
  cases: [
    {
      name: 'equal parts',
      in: { X: [[4], [1, 2, 3, 4]] },
      args: { axis: 0 },
      out: { A: [[2], [1, 2]], B: [[2], [3, 4]] },
    },
    { name: 'parts as told', in: { X: joined }, args: { axis: 1, split: [2, 1] }, out: { A, B } },
  ],
})

vectors('Split', {
  cases: [
    { name: 'parts by an input', in: { X: joined, split: [[2], [2, 1], 'int32'] }, args: { axis: 1 }, out: { A, B } },
    {
      name: 'slices of a dimension',
      in: {
        X: [
          [2, 2],
          [1, 3, 2, 4],
        ],
        split: [[2], [1, 1], 'int32'],
      },
      args: { axis: -1, add_axis: 1 },
      out: { A: [[2], [1, 2]], B: [[2], [3, 4]] },
    },
  ],
})

vectors('DepthConcat', {
  cases: [{ name: 'channels', in: { A, B }, out: { Y: joined, split: [[2], [2, 1], 'int32'] } }],
})
vectors('DepthSplit', { cases: [{ name: 'channels', in: { X: joined }, args: { split: [2, 1] }, out: { A, B } }] })
