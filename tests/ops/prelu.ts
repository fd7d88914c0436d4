// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('PRelu', {
  grad: ['X', 'slope'],
  inplace: true,
  cases: [
    {
      name: 'one slope',
      in: { X: [[4], [-2, 0.5, 5, -1]], slope: [[1], [0.5]] },
      out: { Y: [[4], [-1, 0.5, 5, -0.5]] },
    },
    {
      name: 'a slope for each channel, NCHW',
      in: {
        X: [
          [2, 2, 1, 2],
          [-1, 2, -3, 4, 5, -6, -7, 8],
        ],
        slope: [[2], [0.5, 2]],
      },
      out: {
        Y: [
          [2, 2, 1, 2],
          [-0.5, 2, -6, 4, 5, -3, -14, 8],
        ],
      },
    },
    {
      name: 'a slope for each channel, NHWC',
      in: {
        X: [
          [1, 2, 2, 2],
          [-1, 2, -3, 4, 5, -6, -7, 8],
        ],
        slope: [[2], [0.5, 2]],
      },
      args: { order: 'NHWC' },
      out: {
        Y: [
          [1, 2, 2, 2],
          [-0.5, 2, -1.5, 4, 5, -12, -3.5, 8],
        ],
      },
    },
    {
      name: 'a matrix',
      in: {
        X: [
          [2, 3],
          [-1, -1, -1, 1, 1, -1],
        ],
        slope: [[3], [1, 2, 3]],
      },
      out: {
        Y: [
          [2, 3],
          [-1, -2, -3, 1, 1, -3],
        ],
      },
    },
    { name: 'no elements', in: { X: [[0, 3, 2], []], slope: [[3], [1, 2, 3]] }, out: { Y: [[0, 3, 2], []] } },
  ],
})
