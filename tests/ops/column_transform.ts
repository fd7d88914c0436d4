// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const bounds = [
  [2, 3],
  [0, 1, 2, 0, 2, 4],
] as const
const slopes = [
  [2, 2],
  [1, 2, -1, 0],
] as const
const intercepts = [
  [2, 2],
  [0, -1, 0, -2],
] as const

vectors('PiecewiseLinearTransform', {
  cases: [
    {
      name: 'inside, at and beyond the bounds',
      in: {
        X: [
          [4, 2],
          [0.5, 1, 1.5, 3, -7, -7, 9, 9],
        ],
        bounds,
        slopes,
        intercepts,
      },
      out: {
        Y: [
          [4, 2],
          [0.5, -1, 2, -2, 0, 0, 3, -2],
        ],
      },
    },
    {
      name: 'binary by arguments',
      in: {
        X: [
          [2, 2],
          [0.75, 0.25, 0.25, 0.75],
        ],
      },
      args: { binary: 1, bounds: [0, 0.5, 1], slopes: [0.5, 1.5], intercepts: [0, -0.5] },
      out: {
        Y: [
          [2, 2],
          [0.875, 0.125, 0.375, 0.625],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'bounds that descend',
      in: { X: [[1, 1], [0]] },
      args: { bounds: [1, 0], slopes: [1], intercepts: [0] },
      out: ['Y'],
      code: 'argument',
      says: /ascend/,
    },
    {
      name: 'lines for other columns',
      in: { X: [[1, 1], [0]], bounds, slopes, intercepts },
      out: ['Y'],
      code: 'shape',
      says: /1 columns/,
    },
  ],
})
vectors('BatchBoxCox', {
  inplace: true,
  cases: [
    {
      name: 'powers and the logarithm',
      in: {
        X: [
          [2, 2],
          [1, 1, 3, 2],
        ],
        lambda1: [[2], [2, 0]],
        lambda2: [[2], [1, 0]],
      },
      out: {
        Y: [
          [2, 2],
          [1.5, 0, 7.5, Math.LN2],
        ],
      },
    },
    {
      name: 'float64',
      in: { X: [[1, 1], [3], 'float64'], lambda1: [[1], [1], 'float64'], lambda2: [[1], [0], 'float64'] },
      out: { Y: [[1, 1], [2], 'float64'] },
    },
  ],
})
vectors('Percentile', {
  cases: [
    {
      name: 'known, between, below and above',
      in: {
        X: [
          [4, 1],
          [3, 4, 1, 9],
        ],
        samples: [
          [3, 2],
          [2, 0.25, 3, 0.5, 5, 1],
        ],
        lengths: [[1], [3], 'int32'],
      },
      out: {
        Y: [
          [4, 1],
          [0.5, 0.75, 0, 1],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'lengths of other samples',
      in: {
        X: [[1, 1], [3]],
        samples: [
          [1, 2],
          [2, 0.25],
        ],
        lengths: [[1], [2], 'int32'],
      },
      out: ['Y'],
      code: 'value',
      says: /2 together/,
    },
  ],
})
