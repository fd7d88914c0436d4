// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const data = [1, 2, 3, 4, 5, 6]
const X = [[2, 3], data] as const

vectors('Reshape', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'as told', in: { X }, args: { shape: [3, 2] }, out: { Y: [[3, 2], data], old: [[2], [2, 3], 'int64'] } },
    { name: 'one computed', in: { X }, args: { shape: [-1] }, out: { Y: [[6], data], old: [[2], [2, 3], 'int64'] } },
    {
      name: 'one kept',
      in: { X },
      args: { shape: [0, 1, -1] },
      out: { Y: [[2, 1, 3], data], old: [[2], [2, 3], 'int64'] },
    },
  ],
})

vectors('Reshape', {
  inplace: true,
  cases: [
    {
      name: 'by an input',
      in: { X, shape: [[2], [-1, 2], 'int64'] },
      out: { Y: [[3, 2], data], old: [[2], [2, 3], 'int64'] },
    },
    {
      name: 'by an int32 input',
      in: { X, shape: [[1], [6], 'int32'] },
      out: { Y: [[6], data], old: [[2], [2, 3], 'int32'] },
    },
    {
      name: 'no elements',
      in: { X: [[0, 3], []] },
      args: { shape: [-1, 3] },
      out: { Y: [[0, 3], []], old: [[2], [0, 3], 'int64'] },
    },
    {
      name: 'strings',
      in: { X: [[2], ['a', 'b']] },
      args: { shape: [2, 1] },
      out: {
        Y: [
          [2, 1],
          ['a', 'b'],
        ],
        old: [[1], [2], 'int64'],
      },
    },
  ],
})

vectors('ResizeLike', {
  cases: [
    { name: 'another shape', in: { X, Like: [[3, 1, 2], [0, 0, 0, 0, 0, 0], 'int32'] }, out: { Y: [[3, 1, 2], data] } },
  ],
})
