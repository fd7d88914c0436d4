// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Shape', {
  cases: [
    {
      name: 'a matrix',
      in: {
        X: [
          [2, 3],
          [1, 2, 3, 4, 5, 6],
        ],
      },
      out: { shape: [[2], [2, 3], 'int64'] },
    },
    {
      name: 'some of the dimensions, one twice',
      in: { X: [[2, 0, 3], []] },
      args: { axes: [2, 0, 2] },
      out: { shape: [[3], [3, 2, 3], 'int64'] },
    },
    { name: 'a scalar', in: { X: [[], [1]] }, out: { shape: [[0], [], 'int64'] } },
    { name: 'no elements', in: { X: [[0, 7], []] }, out: { shape: [[2], [0, 7], 'int64'] } },
  ],
})

vectors('Size', {
  cases: [
    {
      name: 'a matrix',
      in: {
        X: [
          [2, 3],
          [1, 2, 3, 4, 5, 6],
        ],
      },
      out: { size: [[], [6], 'int64'] },
    },
    { name: 'no elements', in: { X: [[0, 7], []] }, out: { size: [[], [0], 'int64'] } },
  ],
})
