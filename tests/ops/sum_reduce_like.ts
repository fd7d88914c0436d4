// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const A = [
  [2, 2, 3],
  [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
] as const

vectors('SumReduceLike', {
  cases: [
    { name: 'a suffix', in: { A, B: [[3], [0, 0, 0]] }, args: { broadcast: 1 }, out: { C: [[3], [22, 26, 30]] } },
    { name: 'the middle', in: { A, B: [[2], [0, 0]] }, args: { broadcast: 1, axis: 1 }, out: { C: [[2], [30, 48]] } },
    {
      name: 'from dimension 0',
      in: { A, B: [[2], [0, 0]] },
      args: { broadcast: 1, axis: 0 },
      out: { C: [[2], [21, 57]] },
    },
    { name: 'one element', in: { A, B: [[1], [0]] }, args: { broadcast: 1 }, out: { C: [[1], [78]] } },
    {
      name: 'ones at both ends',
      in: {
        A,
        B: [
          [1, 2, 1],
          [0, 0],
        ],
      },
      args: { broadcast: 1 },
      out: {
        C: [
          [1, 2, 1],
          [30, 48],
        ],
      },
    },
    { name: 'one shape', in: { A, B: A }, args: { broadcast: 1 }, out: { C: A } },
    {
      name: 'nothing to sum',
      in: { A: [[0, 2], []], B: [[2], [1, 1]] },
      args: { broadcast: 1 },
      out: { C: [[2], [0, 0]] },
    },
    {
      name: 'int64',
      in: { A: [[2, 2], [1, 2, 3, 4], 'int64'], B: [[2], [0, 0], 'int64'] },
      args: { broadcast: 1 },
      out: { C: [[2], [4, 6], 'int64'] },
    },
  ],
})
