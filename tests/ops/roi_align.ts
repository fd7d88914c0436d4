// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [1, 1, 2, 2],
  [1, 2, 3, 4],
]

vectors('RoIAlign', {
  grad: ['X'],
  cases: [
    {
      name: 'between four pixels',
      in: {
        X,
        rois: [
          [1, 5],
          [0, 0, 0, 1, 1],
        ],
      },
      out: { Y: [[1, 1, 1, 1], [2.5]] },
    },
    {
      name: 'cells, two points each way',
      in: {
        X,
        rois: [
          [1, 4],
          [0, 0, 1, 1],
        ],
      },
      args: { pooled_w: 2, sampling_ratio: 2 },
      out: {
        Y: [
          [1, 1, 1, 2],
          [2.25, 2.75],
        ],
      },
    },
    {
      name: 'channels last, half of it outside',
      in: {
        X: [
          [2, 1, 1, 2],
          [0, 0, 5, 6],
        ],
        rois: [
          [2, 5],
          [1, 0, 0, 1, 1, 1, 20, 20, 40, 40],
        ],
      },
      args: { order: 'NHWC' },
      out: {
        Y: [
          [2, 1, 1, 2],
          [5, 6, 0, 0],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'an image that there is not',
      in: {
        X,
        rois: [
          [1, 5],
          [1, 0, 0, 1, 1],
        ],
      },
      out: ['Y'],
      code: 'value',
      says: /in image 1/,
    },
    {
      name: 'an endless region',
      in: {
        X,
        rois: [
          [1, 5],
          [0, 0, 0, 1e30, 1],
        ],
      },
      out: ['Y'],
      code: 'value',
      says: /coordinate/,
    },
    {
      name: 'no cells',
      in: {
        X,
        rois: [
          [1, 5],
          [0, 0, 0, 1, 1],
        ],
      },
      args: { pooled_h: 0 },
      out: ['Y'],
      code: 'argument',
      says: /pooled_h/,
    },
  ],
})
vectors('RoIAlign', { cases: [{ name: 'no regions', in: { X, rois: [[0, 5], []] }, out: { Y: [[0, 1, 1, 1], []] } }] })
