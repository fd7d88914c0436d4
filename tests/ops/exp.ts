// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Exp', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'zero and one', in: { X: [[2], [0, 1]] }, out: { Y: [[2], [1, Math.E]] } },
    { name: 'no elements', in: { X: [[0], []] }, out: { Y: [[0], []] } },
  ],
  gradClose: 2e-2,
  random: { shapes: [[], [7, 3], [2, 3, 17, 5]], ref: Math.exp },
})

vectors('Exp', {
  cases: [
    {
      name: 'NaN and infinities',
      in: { X: [[4], [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 100]] },
      out: { Y: [[4], [Number.NaN, Number.POSITIVE_INFINITY, 0, Number.POSITIVE_INFINITY]] },
    },
  ],
})
