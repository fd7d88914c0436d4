// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('UpsampleNearest', {
  grad: ['X'],
  cases: [
    {
      name: 'twice',
      in: {
        X: [
          [2, 1, 2],
          [1, 2, 3, 4],
        ],
      },
      out: {
        Y: [
          [2, 2, 4],
          [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4],
        ],
      },
    },
    {
      name: 'once',
      in: {
        X: [
          [1, 1, 1, 2],
          [1, 2],
        ],
      },
      args: { scale: 1 },
      out: {
        Y: [
          [1, 1, 1, 2],
          [1, 2],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'no scale',
      in: { X: [[1, 1, 1], [1]] },
      args: { scale: 0 },
      out: ['Y'],
      code: 'argument',
      says: /scale must be positive/,
    },
  ],
})
