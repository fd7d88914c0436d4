// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const scores: Value = [
  [1, 1, 1, 2],
  [0.25, 0.5],
]
const deltas: Value = [
  [1, 4, 1, 2],
  [0, 0, 0, 0, 0, 0, 0, 0],
]
const info: Value = [
  [1, 3],
  [20, 40, 1],
]
const anchors: Value = [
  [1, 4],
  [0, 0, 9, 9],
]
const out = {
  rois: [
    [2, 5],
    [0, 16, 0, 26, 10, 0, 0, 0, 10, 10],
  ],
  probs: [[2], [0.5, 0.25]],
} as const

vectors('GenerateProposals', {
  cases: [
    { name: 'best first', in: { scores, deltas, info, anchors }, args: { min_size: 1 }, out },
    {
      name: 'all too small',
      in: { scores, deltas, info, anchors },
      out: { rois: [[0, 5], []], probs: [[0], []] },
    },
    {
      name: 'one',
      in: { scores, deltas, info, anchors },
      args: { min_size: 1, post_nms_topN: 1 },
      out: {
        rois: [
          [1, 5],
          [0, 16, 0, 26, 10],
        ],
        probs: [[1], [0.5]],
      },
    },
    {
      name: 'rotated',
      in: {
        scores,
        deltas: [
          [1, 5, 1, 2],
          [0, 0, 0, 0, 0, 0, 0, 0, Math.PI / 2, 0],
        ],
        info,
        anchors: [
          [1, 5],
          [5, 5, 10, 10, 30],
        ],
      },
      args: { min_size: 1, rotated: 1 },
      out: {
        rois: [
          [2, 6],
          [0, 21, 5, 10, 10, 30, 0, 5, 5, 10, 10, -60],
        ],
        probs: [[2], [0.5, 0.25]],
      },
    },
  ],
  refuses: [
    {
      name: 'anchors that do not fit',
      in: {
        scores,
        deltas,
        info,
        anchors: [
          [2, 4],
          [0, 0, 1, 1, 0, 0, 1, 1],
        ],
      },
      out: ['rois', 'probs'],
      code: 'shape',
      says: /anchors must have the shape/,
    },
  ],
})
vectors('GenerateProposalsCPP', {
  cases: [{ name: 'best first', in: { scores, deltas, info, anchors }, args: { min_size: 1 }, out }],
})
