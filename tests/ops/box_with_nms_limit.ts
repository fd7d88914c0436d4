// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const scores: Value = [
  [3, 2],
  [0, 0.5, 0, 0.75, 0, 0.25],
]
// The first two overlap by half, the third lies apart.
const boxes: Value = [
  [3, 8],
  [0, 0, 0, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 0, 9, 19, 0, 0, 0, 0, 30, 30, 39, 39],
]

vectors('BoxWithNMSLimit', {
  cases: [
    {
      name: 'suppressed',
      in: { scores, boxes },
      out: {
        score: [[2], [0.75, 0.25]],
        box: [
          [2, 4],
          [0, 0, 9, 19, 30, 30, 39, 39],
        ],
        cls: [[2], [1, 1]],
        splits: [[1], [2]],
        keeps: [[2], [1, 2], 'int32'],
        sizes: [[1, 2], [0, 2], 'int32'],
      },
    },
    // One square upon another that is turned by 45 degrees: they have sqrt(1/2) in common.
    ...[0.7, 0.71].map((nms) => ({
      name: `rotated squares, nms ${nms}`,
      in: {
        scores: [
          [2, 2],
          [0, 0.75, 0, 0.5],
        ] as Value,
        boxes: [
          [2, 10],
          [0, 0, 0, 0, 0, 20, 20, 10, 10, 0, 0, 0, 0, 0, 0, 20, 20, 10, 10, 45],
        ] as Value,
      },
      args: { rotated: 1, nms },
      out: {
        score: (nms > 0.7 ? [[2], [0.75, 0.5]] : [[1], [0.75]]) as Value,
        box: (nms > 0.7
          ? [
              [2, 5],
              [20, 20, 10, 10, 0, 20, 20, 10, 10, 45],
            ]
          : [
              [1, 5],
              [20, 20, 10, 10, 0],
            ]) as Value,
        cls: (nms > 0.7 ? [[2], [1, 1]] : [[1], [1]]) as Value,
      },
    })),
    {
      name: 'rotated counter-clockwise: a long box reaches up to the right, not down',
      in: {
        scores: [
          [3, 2],
          [0, 0.75, 0, 0.5, 0, 0.25],
        ],
        boxes: [
          [3, 10],
          [0, 0, 0, 0, 0, 20, 20, 20, 4, 45, 0, 0, 0, 0, 0, 25, 15, 5, 4, 45, 0, 0, 0, 0, 0, 25, 25, 5, 4, 45],
        ],
      },
      args: { rotated: 1, nms: 0.2 },
      out: {
        score: [[2], [0.75, 0.25]],
        box: [
          [2, 5],
          [20, 20, 20, 4, 45, 25, 25, 5, 4, 45],
        ],
        cls: [[2], [1, 1]],
      },
    },
    {
      name: 'the best one',
      in: { scores, boxes },
      args: { detections_per_im: 1 },
      out: {
        score: [[1], [0.75]],
        box: [
          [1, 4],
          [0, 0, 9, 19],
        ],
        cls: [[1], [1]],
      },
    },
    {
      name: 'softly',
      in: { scores, boxes },
      args: { soft_nms_enabled: 1, score_thresh: 0.3 },
      out: {
        score: [[2], [0.75, 0.25]],
        box: [
          [2, 4],
          [0, 0, 9, 19, 0, 0, 9, 9],
        ],
        cls: [[2], [1, 1]],
      },
    },
    {
      name: 'no boxes',
      in: { scores: [[0, 2], []], boxes: [[0, 8], []] },
      out: { score: [[0], []], box: [[0, 4], []], cls: [[0], []] },
    },
  ],
  refuses: [
    {
      name: 'splits that do not fit',
      in: { scores, boxes, splits: [[2], [1, 1]] },
      out: ['score', 'box', 'cls'],
      code: 'value',
      says: /must sum to the 3 boxes/,
    },
  ],
})
