// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [1, 2],
  [1, 2],
]
const one = { inp_sizes: [2], out_sizes: [2], tt_ranks: [1, 1] }

vectors('TT', {
  cases: [
    {
      name: 'one core',
      in: { X, b: [[2], [1, 1]], cores: [[4], [1, 2, 3, 4]] },
      args: one,
      out: {
        Y: [
          [1, 2],
          [8, 11],
        ],
      },
    },
    {
      name: 'two cores, the last first',
      in: { X, b: [[2], [0, 0]], cores: [[4], [1, 2, 3, 4]] },
      args: { inp_sizes: [1, 2], out_sizes: [2, 1], tt_ranks: [1, 1, 1] },
      out: {
        Y: [
          [1, 2],
          [15, 20],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'a core too few',
      in: { X, b: [[2], [1, 1]], cores: [[3], [1, 2, 3]] },
      args: one,
      out: ['Y'],
      code: 'shape',
      says: /must have 4 elements/,
    },
    {
      name: 'no ranks',
      in: { X, b: [[2], [1, 1]], cores: X },
      args: { ...one, tt_ranks: [1] },
      out: ['Y'],
      code: 'argument',
      says: /one more/,
    },
  ],
})
