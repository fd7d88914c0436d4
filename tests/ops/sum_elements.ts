// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('SumElements', {
  grad: ['X'],
  cases: [
    {
      name: 'sum',
      in: {
        X: [
          [2, 3],
          [0.5, 0, 1.25, 0, -2.75, 0.75],
        ],
      },
      out: { Y: [[], [-0.25]] },
    },
    {
      name: 'mean',
      in: {
        X: [
          [2, 3],
          [0.5, 0, 1.25, 0, -2.75, 0.75],
        ],
      },
      args: { average: 1 },
      out: { Y: [[], [-0.0416666679]] },
    },
    { name: 'no elements', in: { X: [[0, 2], []] }, args: { average: 1 }, out: { Y: [[], [0]] } },
  ],
})

vectors('SumElementsInt', {
  cases: [{ name: 'sum', in: { X: [[3], [3, -5, 9], 'int32'] }, out: { Y: [[], [7], 'int32'] } }],
})

vectors('SumSqrElements', {
  cases: [
    {
      name: 'sum',
      in: {
        X: [
          [2, 3],
          [0.5, 0, 1.25, 0, -2.75, 0.75],
        ],
      },
      out: { Y: [[], [9.9375]] },
    },
    {
      name: 'mean',
      in: {
        X: [
          [2, 3],
          [0.5, 0, 1.25, 0, -2.75, 0.75],
        ],
      },
      args: { average: 1 },
      out: { Y: [[], [1.65625]] },
    },
  ],
})

vectors('AveragedLoss', {
  grad: ['X'],
  cases: [
    {
      name: 'mean',
      in: {
        X: [
          [2, 3],
          [0.5, 0, 1.25, 0, -2.75, 0.75],
        ],
      },
      out: { Y: [[], [-0.0416666679]] },
    },
    { name: 'one element', in: { X: [[1, 1], [0.5]] }, out: { Y: [[], [0.5]] } },
    { name: 'no elements', in: { X: [[0], []] }, out: { Y: [[], [0]] } },
  ],
})
