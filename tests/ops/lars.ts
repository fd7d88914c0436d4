// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [[2], [3, 4]] as const

vectors('Lars', {
  cases: [
    { name: 'the ratio of norms', in: { X, dX: [[2], [0, 2.5]] }, out: { factor: [[1], [1]] } },
    { name: 'no parameters yet', in: { X: [[2], [0, 0]], dX: X }, out: { factor: [[1], [1]] } },
  ],
})
vectors('ClipTensorByScaling', {
  inplace: true,
  cases: [
    { name: 'above the threshold', in: { X, norm: [[], [5]] }, args: { threshold: 1 }, out: { Y: [[2], [0.6, 0.8]] } },
    { name: 'below it', in: { X, norm: [[1], [5]] }, args: { threshold: 6 }, out: { Y: X } },
    {
      name: 'with a factor',
      in: { X, norm: [[1], [5]], factor: [[1], [0.5]] },
      args: { threshold: 5 },
      out: { Y: [[2], [1.5, 2]] },
    },
  ],
})
