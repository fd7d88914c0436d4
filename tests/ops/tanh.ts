// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Tanh', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'far ends', in: { X: [[3], [0, 50, -50]] }, out: { Y: [[3], [0, 1, -1]] } },
    { name: 'no elements', in: { X: [[2, 0], []] }, out: { Y: [[2, 0], []] } },
  ],
  random: { shapes: [[], [5], [3, 7], [2, 3, 17, 5]], ref: Math.tanh },
})
