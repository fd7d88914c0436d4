// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('LeakyRelu', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: 'both signs and zero',
      in: { X: [[3], [-2, 0.5, 5]] },
      args: { alpha: 0.5 },
      out: { Y: [[3], [-1, 0.5, 5]] },
    },
    {
      name: 'default slope',
      in: {
        X: [
          [2, 2],
          [-100, 1, 2, -3],
        ],
      },
      out: {
        Y: [
          [2, 2],
          [-1, 1, 2, -0.03],
        ],
      },
    },
    { name: 'no elements', in: { X: [[0, 4], []] }, out: { Y: [[0, 4], []] } },
  ],
  random: { shapes: [[1], [7, 3], [2, 3, 17, 5]], ref: (x) => (x > 0 ? x : 0.01 * x) },
})
