// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Elu', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: 'both signs and another alpha',
      in: { X: [[4], [-1, 0.5, 5, -20]] },
      args: { alpha: 0.5 },
      out: { Y: [[4], [-0.31606028, 0.5, 5, -0.5]] },
    },
    { name: 'no elements', in: { X: [[2, 0], []] }, out: { Y: [[2, 0], []] } },
  ],
  random: { shapes: [[1], [3, 7], [2, 3, 17, 5]], ref: (x) => (x > 0 ? x : Math.expm1(x)) },
})
