// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('LabelCrossEntropy', {
  grad: ['X'],
  cases: [
    {
      name: 'labels',
      in: {
        X: [
          [3, 4],
          [0.75, 0.875, 1, 0.875, 0.875, 0.375, 0.5, 0.25, 0.625, 0.875, 0.25, 0.375],
        ],
        label: [[3], [3, 0, 1], 'int32'],
      },
      out: { Y: [[3], [0.133531392, 0.133531392, 0.133531392]] },
    },
    {
      name: 'labels as a column, rows of several dimensions',
      in: {
        X: [
          [3, 2, 2],
          [0.75, 0.875, 1, 0.875, 0.875, 0.375, 0.5, 0.25, 0.625, 0.875, 0.25, 0.375],
        ],
        label: [[3, 1], [3, 0, 1], 'int32'],
      },
      out: { Y: [[3], [0.133531392, 0.133531392, 0.133531392]] },
    },
    {
      name: 'a vector is one row',
      in: { X: [[4], [0.75, 0.875, 1, 0.875]], label: [[1], [2], 'int32'] },
      out: { Y: [[1], [0]] },
    },
    { name: 'no rows', in: { X: [[0, 3], []], label: [[0], [], 'int32'] }, out: { Y: [[0], []] } },
  ],
  refuses: [
    {
      name: 'a label beyond the classes',
      in: {
        X: [
          [3, 4],
          [0.75, 0.875, 1, 0.875, 0.875, 0.375, 0.5, 0.25, 0.625, 0.875, 0.25, 0.375],
        ],
        label: [[3], [0, 4, 0], 'int32'],
      },
      out: ['Y'],
      code: 'value',
      says: /label of row 1 is 4, expected 0 to 3/,
    },
    {
      name: 'labels that are no integers',
      in: {
        X: [
          [3, 4],
          [0.75, 0.875, 1, 0.875, 0.875, 0.375, 0.5, 0.25, 0.625, 0.875, 0.25, 0.375],
        ],
        label: [[3], [1, 1, 1]],
      },
      out: ['Y'],
      code: 'type',
      says: /label .* must be int32/,
    },
  ],
})

vectors('LabelCrossEntropy', {
  cases: [
    {
      name: 'a probability of 0 counts as 1e-20',
      in: {
        X: [
          [1, 2],
          [0, 0],
        ],
        label: [[1], [1], 'int32'],
      },
      out: { Y: [[1], [46.0517019]] },
    },
  ],
})
