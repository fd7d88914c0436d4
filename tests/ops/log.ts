// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Log', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: 'an odd number',
      in: { X: [[5], [1, Math.E, 2, 4, 10]] },
      out: { Y: [[5], [0, 1, Math.LN2, 2 * Math.LN2, Math.LN10]] },
    },
    { name: 'no elements', in: { X: [[0], []] }, out: { Y: [[0], []] } },
  ],
})

vectors('Log', {
  inplace: true,
  cases: [
    {
      name: 'zero and below',
      in: { X: [[2], [0, -1]] },
      out: { Y: [[2], [Number.NEGATIVE_INFINITY, Number.NaN]] },
    },
  ],
})
