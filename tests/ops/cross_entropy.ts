// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('CrossEntropy', {
  grad: ['X'],
  cases: [
    {
      name: 'label probabilities',
      in: {
        X: [
          [2, 3],
          [0.5, 0.375, 0.875, 0.5, 0.75, 0.625],
        ],
        label: [
          [2, 3],
          [0.25, 0.5, 0.25, 0, 1, 0],
        ],
      },
      out: { Y: [[2], [0.697084248, 0.287682086]] },
    },
    {
      name: 'one class',
      in: {
        X: [
          [2, 1],
          [0.5, 0.5],
        ],
        label: [
          [2, 1],
          [0.25, 0],
        ],
      },
      out: { Y: [[2], [0.173286796, 0]] },
    },
  ],
  refuses: [
    {
      name: 'labels above 1',
      in: {
        X: [
          [2, 3],
          [0.5, 0.375, 0.875, 0.5, 0.75, 0.625],
        ],
        label: [
          [2, 3],
          [1, 2, 1, 0, 4, 0],
        ],
      },
      out: ['Y'],
      code: 'value',
      says: /must be a probability, found 2/,
    },
  ],
})
