// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const data = [1, 2, 3, 4, 5, 6, 7, 8]
const X = [[2, 2, 2], data] as const

vectors('Flatten', {
  grad: ['X'],
  cases: [
    { name: 'from dimension 1', in: { X }, out: { Y: [[2, 4], data] } },
    { name: 'from dimension 0', in: { X }, args: { axis: 0 }, out: { Y: [[1, 8], data] } },
    { name: 'after the last dimension', in: { X }, args: { axis: 3 }, out: { Y: [[8, 1], data] } },
  ],
})

vectors('FlattenToVec', { grad: ['X'], cases: [{ name: 'all', in: { X }, out: { Y: [[8], data] } }] })

vectors('PrependDim', {
  grad: ['X'],
  inplace: true,
  cases: [{ name: 'two parts', in: { X: [[4, 2], data] }, args: { dim_size: 2 }, out: { Y: [[2, 2, 2], data] } }],
})

vectors('MergeDim', { inplace: true, cases: [{ name: 'the first two', in: { X }, out: { Y: [[4, 2], data] } }] })
