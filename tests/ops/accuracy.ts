// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Accuracy', {
  cases: [
    {
      name: 'of equal scores the lower class wins',
      in: {
        X: [
          [3, 3],
          [1, 1, 1, 0, 2, 2, 3, 1, 3],
        ],
        label: [[3], [1, 1, 0], 'int32'],
      },
      out: { Y: [[], [0.666666687]] },
    },
    {
      name: 'among the two highest',
      in: {
        X: [
          [3, 3],
          [1, 1, 1, 0, 2, 2, 3, 1, 3],
        ],
        label: [[3], [1, 2, 1], 'int32'],
      },
      args: { top_k: 2 },
      out: { Y: [[], [0.666666687]] },
    },
    {
      name: 'one row',
      in: {
        X: [
          [1, 3],
          [1, 1, 1],
        ],
        label: [[1], [0], 'int32'],
      },
      out: { Y: [[], [1]] },
    },
  ],
  refuses: [
    {
      name: 'a label beyond the classes',
      in: {
        X: [
          [3, 3],
          [1, 1, 1, 0, 2, 2, 3, 1, 3],
        ],
        label: [[3], [0, 1, 3], 'int32'],
      },
      out: ['Y'],
      code: 'value',
      says: /label of row 2 is 3, expected 0 to 2/,
    },
  ],
})
