// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const x: Value = [
  [2, 3, 4],
  [
    -1.25, 1.5, 0.25, -1, 1.75, -0.25, -1, 0, 1.25, 0.75, 0.75, 1.75, 0.25, 0.5, -0.25, -1.5, -0.25, 1.5, -1.75, 1.25,
    0.25, -1, 0, 1.75,
  ],
]
const frontLengths: Value = [[12], [1, 2, 2, 1, 1, 2, 1, 2, 1, 2, 2, 1], 'int32']
const backLengths: Value = [[6], [2, 4, 1, 3, 2, 4], 'int32']

/** What each makes of x: without one dimension, two, all; under lengths; and of six integers. */
const operators = [
  {
    type: 'ReduceFrontSum',
    lengths: frontLengths,
    one: [
      [3, 4],
      [-1, 2, 0, -2.5, 1.5, 1.25, -2.75, 1.25, 1.5, -0.25, 0.75, 3.5],
    ],
    two: [[4], [2, 3, -2, 2.25]],
    all: 5.25,
    under: [
      [3, 4],
      [-1.25, 2, 0, -1, 1.75, 1.25, -1, 1.25, 1.25, -0.25, 0.75, 1.75],
    ],
    integers: [[2], [13, 8], 'int32'],
  },
  {
    type: 'ReduceFrontMean',
    lengths: frontLengths,
    one: [
      [3, 4],
      [-0.5, 1, 0, -1.25, 0.75, 0.625, -1.375, 0.625, 0.75, -0.125, 0.375, 1.75],
    ],
    two: [[4], [0.333333343, 0.5, -0.333333343, 0.375]],
    all: 0.21875,
    under: [
      [3, 4],
      [-1.25, 1, 0, -1, 1.75, 0.625, -1, 0.625, 1.25, -0.125, 0.375, 1.75],
    ],
    integers: [[2], [4, 2], 'int32'],
  },
  {
    type: 'ReduceBackSum',
    lengths: backLengths,
    one: [
      [2, 3],
      [-0.5, 0.5, 4.5, -1, 0.75, 1],
    ],
    two: [[2], [4.5, 0.75]],
    all: 5.25,
    under: [
      [2, 3],
      [0.25, 0.5, 1.25, 0.5, 1.25, 1],
    ],
    integers: [[3], [4, 8, 9], 'int32'],
  },
  {
    type: 'ReduceBackMean',
    lengths: backLengths,
    one: [
      [2, 3],
      [-0.125, 0.125, 1.125, -0.25, 0.1875, 0.25],
    ],
    two: [[2], [0.375, 0.0625]],
    all: 0.21875,
    under: [
      [2, 3],
      [0.125, 0.125, 1.25, 0.166666667, 0.625, 0.25],
    ],
    integers: [[3], [2, 4, 4], 'int32'],
  },
] satisfies { type: string; lengths: Value; one: Value; two: Value; all: number; under: Value; integers: Value }[]

for (const { type, lengths, one, two, all, under, integers } of operators) {
  vectors(type, {
    grad: ['X'],
    cases: [
      { name: 'one dimension', in: { X: x }, out: { Y: one } },
      { name: 'two dimensions', in: { X: x }, args: { num_reduce_dim: 2 }, out: { Y: two } },
      { name: 'all dimensions', in: { X: x }, args: { num_reduce_dim: 3 }, out: { Y: [[], [all]] } },
      { name: 'none', in: { X: x }, args: { num_reduce_dim: 0 }, out: { Y: x } },
      { name: 'lengths', in: { X: x, lengths }, out: { Y: under } },
    ],
    refuses: [
      {
        name: 'more dimensions than there are',
        in: { X: x },
        args: { num_reduce_dim: 4 },
        out: ['Y'],
        code: 'argument',
        says: /from 0 to 3/,
      },
      {
        name: 'a length beyond the dimension',
        in: {
          X: [
            [2, 2],
            [-0.5, 0.75, 1.25, -1],
          ],
          lengths: [[2], [1, 3], 'int32'],
        },
        out: ['Y'],
        code: 'value',
        says: /length 1 is 3, expected 0 to 2/,
      },
    ],
  })

  vectors(type, {
    cases: [{ name: 'integers', in: { X: [[3, 2], [7, -3, 2, 6, 4, 5], 'int32'] }, out: { Y: integers } }],
  })
}
