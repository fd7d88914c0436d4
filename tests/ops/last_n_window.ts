// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

// The operator works in place, so inputs and outputs bear the same names.
vectors('LastNWindowCollector', {
  cases: [
    {
      name: 'an empty ring',
      in: { ring: [[0], []], next: [[], [0], 'int32'], data: [[2], [1, 2]] },
      args: { num_to_collect: 3 },
      out: { ring: [[2], [1, 2]], next: [[], [2], 'int32'] },
    },
    {
      name: 'a ring that fills and begins again',
      in: { ring: [[2], [1, 2]], next: [[], [2], 'int32'], data: [[2], [3, 4]] },
      args: { num_to_collect: 3 },
      out: { ring: [[3], [4, 2, 3]], next: [[], [1], 'int32'] },
    },
    {
      name: 'more than the ring holds',
      in: { ring: [[1], [9]], next: [[], [0], 'int32'], data: [[5], [1, 2, 3, 4, 5]] },
      args: { num_to_collect: 3 },
      out: { ring: [[3], [3, 4, 5]], next: [[], [0], 'int32'] },
    },
  ],
  refuses: [
    {
      name: 'a cursor outside',
      in: { ring: [[1], [9]], next: [[], [-4], 'int32'], data: [[1], [1]] },
      args: { num_to_collect: 3 },
      out: ['ring', 'next'],
      code: 'value',
      says: /cursor/,
    },
  ],
})
