// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Relu', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'both signs', in: { X: [[3], [-2, 0.5, 5]] }, out: { Y: [[3], [0, 0.5, 5]] } },
    { name: 'odd tail', in: { X: [[5], [1, -1, 2, -2, -3]] }, out: { Y: [[5], [1, 0, 2, 0, 0]] } },
    { name: 'no elements', in: { X: [[0, 4], []] }, out: { Y: [[0, 4], []] } },
  ],
  random: { shapes: [[], [1], [7, 3], [2, 3, 17, 5]], ref: (x) => Math.max(x, 0) },
})

vectors('Relu', {
  cases: [
    {
      name: 'NaN and infinities',
      in: { X: [[3], [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]] },
      out: { Y: [[3], [Number.NaN, Number.POSITIVE_INFINITY, 0]] },
    },
  ],
})

vectors('ReluGradient', {
  cases: [
    { name: 'zero passes nothing', in: { Y: [[3], [0, 1, 2]], dY: [[3], [7, 8, 9]] }, out: { dX: [[3], [0, 8, 9]] } },
  ],
})
