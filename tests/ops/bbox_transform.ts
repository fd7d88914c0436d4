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
  ],
  refuses: [
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
