// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Sigmoid', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'far ends', in: { X: [[3], [0, 100, -100]] }, out: { Y: [[3], [0.5, 1, 0]] } },
    { name: 'no elements', in: { X: [[2, 0], []] }, out: { Y: [[2, 0], []] } },
  ],
  random: { shapes: [[], [5], [3, 7], [2, 3, 17, 5]], ref: (x) => 1 / (1 + Math.exp(-x)) },
})
