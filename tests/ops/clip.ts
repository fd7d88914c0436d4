// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Clip', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'both bounds', in: { X: [[3], [-2, 0.5, 8]] }, args: { min: 0, max: 6 }, out: { Y: [[3], [0, 0.5, 6]] } },
    { name: 'only min', in: { X: [[3], [-2, 0.5, 8]] }, args: { min: -1 }, out: { Y: [[3], [-1, 0.5, 8]] } },
    { name: 'only max', in: { X: [[3], [-2, 0.5, 8]] }, args: { max: 1.5 }, out: { Y: [[3], [-2, 0.5, 1.5]] } },
    { name: 'no elements', in: { X: [[0], []] }, args: { min: 0, max: 1 }, out: { Y: [[0], []] } },
  ],
  random: {
    shapes: [[1], [7, 3], [2, 3, 17, 5]],
    args: { min: -0.5, max: 1 },
    ref: (x) => Math.min(Math.max(x, -0.5), 1),
  },
})

vectors('Clip', {
  inplace: true,
  cases: [{ name: 'without bounds', in: { X: [[2], [-2, 1e20]] }, out: { Y: [[2], [-2, 1e20]] } }],
})
