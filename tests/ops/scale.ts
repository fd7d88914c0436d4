// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Scale', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'a factor', in: { X: [[3], [-2, 0, 5]] }, args: { scale: -0.5 }, out: { Y: [[3], [1, -0, -2.5]] } },
    { name: 'a whole factor', in: { X: [[1], [1.5]] }, args: { scale: 2 }, out: { Y: [[1], [3]] } },
    { name: 'no elements', in: { X: [[0], []] }, out: { Y: [[0], []] } },
  ],
})
