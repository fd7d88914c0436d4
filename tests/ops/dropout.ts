// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Dropout', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: 'a test passes X on',
      in: {
        X: [
          [2, 3],
          [0.75, 0.25, -1.75, 0.75, 0.5, 1],
        ],
      },
      args: { is_test: 1 },
      out: {
        Y: [
          [2, 3],
          [0.75, 0.25, -1.75, 0.75, 0.5, 1],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'training without a mask',
      in: {
        X: [
          [2, 3],
          [0.75, 0.25, -1.75, 0.75, 0.5, 1],
        ],
      },
      out: ['Y'],
      code: 'argument',
      says: /needs the output mask/,
    },
  ],
})

vectors('Dropout', {
  inplace: true,
  cases: [
    {
      name: 'nothing is dropped at ratio 0',
      in: {
        X: [
          [2, 3],
          [0.75, 0.25, -1.75, 0.75, 0.5, 1],
        ],
      },
      args: { ratio: 0 },
      out: {
        Y: [
          [2, 3],
          [0.75, 0.25, -1.75, 0.75, 0.5, 1],
        ],
        mask: [[2, 3], [1, 1, 1, 1, 1, 1], 'bool'],
      },
    },
    {
      name: 'all is at ratio 1',
      in: {
        X: [
          [2, 3],
          [0.75, 0.25, -1.75, 0.75, 0.5, 1],
        ],
      },
      args: { ratio: 1 },
      out: {
        Y: [
          [2, 3],
          [0, 0, 0, 0, 0, 0],
        ],
        mask: [[2, 3], [0, 0, 0, 0, 0, 0], 'bool'],
      },
    },
    { name: 'no elements', in: { X: [[0], []] }, out: { Y: [[0], []], mask: [[0], [], 'bool'] } },
  ],
})

vectors('DropoutGrad', {
  inplace: true,
  cases: [
    {
      name: 'the mask and the scale',
      in: { dY: [[3], [1, 2, 3]], mask: [[3], [1, 0, 1], 'bool'] },
      args: { ratio: 0.25 },
      out: { dX: [[3], [1.33333337, 0, 4]] },
    },
  ],
})
