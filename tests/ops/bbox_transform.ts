// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const rois: Value = [
  [1, 4],
  [0, 0, 9, 9],
]
const still: Value = [
  [1, 4],
  [0, 0, 0, 0],
]
const info: Value = [
  [1, 3],
  [20, 20, 1],
]

vectors('BBoxTransform', {
  cases: [
    {
      name: 'nothing moves',
      in: { rois, deltas: still, info },
      args: { correct_transform_coords: 1 },
      out: { boxes: rois },
    },
    {
      name: 'two classes, weights, the picture',
      in: {
        rois,
        deltas: [
          [1, 8],
          [1, 0, 0, 0, 0, 0, 100, 0],
        ],
        info,
      },
      args: { weights: [2, 1, 1, 1] },
      out: {
        boxes: [
          [1, 8],
          [5, 0, 15, 10, 0, 0, 19, 10],
        ],
      },
    },
    {
      name: 'scales of two images',
      in: {
        rois: [
          [2, 5],
          [0, 0, 0, 9, 9, 1, 0, 0, 9, 9],
        ],
        deltas: [
          [2, 4],
          [0, 0, 0, 0, 0, 0, 0, 0],
        ],
        info: [
          [2, 3],
          [20, 20, 1, 40, 40, 2],
        ],
      },
      out: {
        boxes: [
          [2, 4],
          [0, 0, 10, 10, 0, 0, 11, 11],
        ],
        splits: [[2], [1, 1]],
      },
    },
    {
      name: 'rotated: moved and turned beyond 90 degrees, another clipped, a third turned too far for that',
      in: {
        rois: [
          [3, 6],
          [0, 10, 10, 4, 2, 80, 0, 19, 10, 5, 3, 0.5, 0, 19, 10, 5, 3, 2],
        ],
        deltas: [
          [3, 5],
          [0.5, 0, 0, 0, Math.PI / 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ],
        info,
      },
      args: { rotated: 1 },
      out: {
        boxes: [
          [3, 5],
          [12, 10, 4, 2, -80, 18, 10, 3, 3, 0.5, 19, 10, 5, 3, 2],
        ],
        splits: [[1], [3]],
      },
    },
  ],
  refuses: [
    {
      name: 'bounds of angles that are no period',
      in: {
        rois: [
          [1, 5],
          [1, 1, 1, 1, 0],
        ],
        deltas: [
          [1, 5],
          [0, 0, 0, 0, 0],
        ],
        info,
      },
      args: { rotated: 1, angle_bound_hi: 0 },
      out: ['boxes'],
      code: 'argument',
      says: /multiple of 180 degrees/,
    },
    {
      name: 'an image that there is not',
      in: {
        rois: [
          [1, 5],
          [1, 0, 0, 1, 1],
        ],
        deltas: still,
        info,
      },
      out: ['boxes'],
      code: 'value',
      says: /in image 1/,
    },
    {
      name: 'no scale',
      in: {
        rois,
        deltas: still,
        info: [
          [1, 3],
          [9, 9, 0],
        ],
      },
      out: ['boxes'],
      code: 'value',
      says: /scale/,
    },
  ],
})
