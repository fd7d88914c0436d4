// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Abs', {
  grad: ['X'],
  cases: [
    { name: 'both signs', in: { X: [[2], [-2, 5]] }, out: { Y: [[2], [2, 5]] } },
    { name: 'no elements', in: { X: [[0], []] }, out: { Y: [[0], []] } },
  ],
  random: { shapes: [[], [7, 3], [2, 3, 17, 5]], ref: Math.abs },
})

vectors('AbsGradient', {
  cases: [
    { name: 'zero has none', in: { X: [[3], [0, 2, -2]], dY: [[3], [7, 8, 9]] }, out: { dX: [[3], [0, 8, -9]] } },
  ],
})
