// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('MaxPoolGradient', {
  cases: [
    {
      name: 'every input that equals the maximum gets the gradient',
      in: {
        X: [
          [1, 1, 4],
          [1, 3, 3, 2],
        ],
        Y: [
          [1, 1, 2],
          [3, 3],
        ],
        dY: [
          [1, 1, 2],
          [10, 1],
        ],
      },
      args: { kernels: [2], strides: [2] },
      out: {
        dX: [
          [1, 1, 4],
          [0, 10, 1, 0],
        ],
      },
    },
    {
      name: 'ties within one window',
      in: {
        X: [
          [1, 1, 3],
          [3, 3, 1],
        ],
        Y: [[1, 1, 1], [3]],
        dY: [[1, 1, 1], [5]],
      },
      args: { kernels: [3] },
      out: {
        dX: [
          [1, 1, 3],
          [5, 5, 0],
        ],
      },
    },
  ],
})
