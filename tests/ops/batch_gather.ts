// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const data = [
  [2, 3, 1],
  [1, 2, 3, 4, 5, 6],
] as const

vectors('BatchGather', {
  grad: ['data'],
  cases: [
    {
      name: 'a slice twice',
      in: { data, indices: [[3], [2, 0, 2], 'int32'] },
      out: {
        Y: [
          [2, 3, 1],
          [3, 1, 3, 6, 4, 6],
        ],
      },
    },
  ],
})
vectors('BatchGather', {
  cases: [
    {
      name: 'strings by a matrix',
      in: {
        data: [
          [1, 2],
          ['a', 'b'],
        ],
        indices: [[1, 1], [1], 'int64'],
      },
      out: { Y: [[1, 1, 1], ['b']] },
    },
    { name: 'none', in: { data, indices: [[0], [], 'int32'] }, out: { Y: [[2, 0, 1], []] } },
  ],
  refuses: [
    {
      name: 'an index out of range',
      in: { data, indices: [[1], [3], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /element 0/,
    },
    { name: 'a negative index', in: { data, indices: [[1], [-1], 'int64'] }, out: ['Y'], code: 'value', says: /is -1/ },
    {
      name: 'one dimension',
      in: { data: [[2], [1, 2]], indices: [[1], [0], 'int32'] },
      out: ['Y'],
      code: 'shape',
      says: /2 dimensions/,
    },
  ],
})
