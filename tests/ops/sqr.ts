// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Sqr', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'both signs', in: { X: [[3], [-2, 0, 5]] }, out: { Y: [[3], [4, 0, 25]] } },
    { name: 'no elements', in: { X: [[0], []] }, out: { Y: [[0], []] } },
  ],
  random: { shapes: [[], [7, 3], [2, 3, 17, 5]], ref: (x) => x * x },
})
