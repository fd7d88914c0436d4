// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const data = [1, 2, 3, 4]

vectors('Squeeze', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'two of three', in: { X: [[1, 2, 1, 2, 1], data] }, args: { dims: [0, 2] }, out: { Y: [[2, 2, 1], data] } },
    {
      name: 'out of order and twice',
      in: { X: [[1, 4, 1], data] },
      args: { dims: [2, 0, 2] },
      out: { Y: [[4], data] },
    },
  ],
})

vectors('ExpandDims', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: 'in front and within',
      in: { X: [[2, 2], data] },
      args: { dims: [0, 2] },
      out: { Y: [[1, 2, 1, 2], data] },
    },
    { name: 'at the end and twice', in: { X: [[4], data] }, args: { dims: [1, 1] }, out: { Y: [[4, 1], data] } },
  ],
})
