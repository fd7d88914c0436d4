// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('SmoothL1Loss', {
  grad: ['Y_hat'],
  cases: [
    {
      name: 'small and large differences',
      in: {
        Y_hat: [
          [2, 2],
          [1, 0, 3, 0],
        ],
        Y: [
          [2, 2],
          [0.5, 0, 0, 9],
        ],
        in: [
          [2, 2],
          [1, 1, 1, 0],
        ],
        out: [
          [2, 2],
          [1, 1, 2, 1],
        ],
      },
      out: { loss: [[], [2.5625]] },
    },
    {
      name: 'beta and scale',
      in: { Y_hat: [[1], [1]], Y: [[1], [0]], in: [[1], [1]], out: [[1], [1]] },
      args: { beta: 2, scale: 4 },
      out: { loss: [[], [1]] },
    },
  ],
})
