// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Sqrt', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'squares', in: { X: [[3], [4, 0.25, 9]] }, out: { Y: [[3], [2, 0.5, 3]] } },
    { name: 'no elements', in: { X: [[0], []] }, out: { Y: [[0], []] } },
  ],
})

vectors('Sqrt', {
  inplace: true,
  cases: [{ name: 'zero and below', in: { X: [[2], [0, -1]] }, out: { Y: [[2], [0, Number.NaN]] } }],
})
