// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 2],
  [1, 2, 3, 4],
] as const

vectors('ExtendTensor', {
  cases: [
    {
      name: 'two more rows',
      in: { X, indices: [[2], [3, 0], 'int32'] },
      out: {
        X: [
          [4, 2],
          [1, 2, 3, 4, 0, 0, 0, 0],
        ],
      },
    },
    { name: 'enough rows', in: { X, indices: [[1], [1], 'int64'] }, out: { X } },
    { name: 'strings', in: { X: [[1], ['a']], indices: [[1], [1], 'int64'] }, out: { X: [[2], ['a', '']] } },
  ],
  refuses: [
    { name: 'a negative index', in: { X, indices: [[1], [-1], 'int64'] }, out: ['X'], code: 'value', says: /is -1/ },
  ],
})
vectors('UnsafeCoalesce', {
  cases: [
    {
      name: 'in place and not',
      in: { X: [[1], [1]], Z: [[2], [513, 2], 'uint16'] },
      out: {
        X: [[1], [1]],
        Y: [[2], [513, 2], 'uint16'],
        block: [[64], [0, 0, 128, 63, ...Array(28).fill(0), 1, 2, 2, 0, ...Array(28).fill(0)], 'uint8'],
      },
    },
  ],
})
