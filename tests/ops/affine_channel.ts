// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const parameters = { scale: [[2], [2, -1]], bias: [[2], [1, 0]] } as const

vectors('AffineChannel', {
  grad: ['X', 'scale', 'bias'],
  cases: [
    {
      name: 'channels first',
      in: {
        X: [
          [1, 2, 1, 2],
          [1, 2, 3, 4],
        ],
        ...parameters,
      },
      args: { is_learnable: 1 },
      out: {
        Y: [
          [1, 2, 1, 2],
          [3, 5, -3, -4],
        ],
      },
    },
    {
      name: 'channels last',
      in: {
        X: [
          [1, 1, 2, 2],
          [1, 2, 3, 4],
        ],
        ...parameters,
      },
      args: { is_learnable: 1, order: 'NHWC' },
      out: {
        Y: [
          [1, 1, 2, 2],
          [3, -2, 7, -4],
        ],
      },
    },
  ],
})
vectors('AffineChannel', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: 'frozen',
      in: {
        X: [
          [1, 2],
          [1, 2],
        ],
        ...parameters,
      },
      out: {
        Y: [
          [1, 2],
          [3, -2],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'a scale too few',
      in: {
        X: [
          [1, 3],
          [1, 2, 3],
        ],
        ...parameters,
      },
      out: ['Y'],
      code: 'shape',
      says: /one scale for each/,
    },
  ],
})
