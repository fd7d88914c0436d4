// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [1, 1, 2, 2],
  [1, 2, 4, 3],
]

vectors('RoIPool', {
  grad: ['X'],
  loss: ['Y'],
  cases: [
    {
      name: 'whole and in cells',
      in: {
        X,
        rois: [
          [2, 5],
          [0, 0, 0, 1, 1, 0, 1, 0, 1, 1],
        ],
      },
      args: { pooled_h: 2 },
      out: {
        Y: [
          [2, 1, 2, 1],
          [2, 4, 2, 3],
        ],
        argmaxes: [[2, 1, 2, 1], [1, 2, 1, 3], 'int32'],
      },
    },
    {
      name: 'outside',
      in: {
        X,
        rois: [
          [1, 5],
          [0, 5, 5, 6, 6],
        ],
      },
      out: { Y: [[1, 1, 1, 1], [0]], argmaxes: [[1, 1, 1, 1], [-1], 'int32'] },
    },
  ],
})
vectors('RoIPool', {
  cases: [
    {
      name: 'inference',
      in: {
        X,
        rois: [
          [1, 5],
          [0, 0, 0, 1, 1],
        ],
      },
      args: { is_test: 1 },
      out: { Y: [[1, 1, 1, 1], [4]] },
    },
  ],
  refuses: [
    {
      name: 'one output in training',
      in: {
        X,
        rois: [
          [1, 5],
          [0, 0, 0, 1, 1],
        ],
      },
      out: ['Y'],
      code: 'argument',
      says: /two outputs/,
    },
  ],
})
vectors('RoIPoolGradient', {
  cases: [],
  refuses: [
    {
      name: 'a pixel that there is not',
      in: {
        X,
        rois: [
          [1, 5],
          [0, 0, 0, 1, 1],
        ],
        argmaxes: [[1, 1, 1, 1], [4], 'int32'],
        dY: [[1, 1, 1, 1], [1]],
      },
      out: ['dX'],
      code: 'value',
      says: /argmax 0 is 4/,
    },
  ],
})
