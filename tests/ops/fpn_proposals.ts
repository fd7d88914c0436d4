// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const small = [0, 0, 0, 9, 9]
const large = [0, 0, 0, 39, 39]
const rois: Value = [
  [2, 5],
  [...small, ...large],
]
const levels = {
  rpn_min_level: 2,
  rpn_max_level: 2,
  roi_min_level: 2,
  roi_max_level: 3,
  roi_canonical_scale: 10,
  roi_canonical_level: 2,
}

vectors('CollectAndDistributeFpnRpnProposals', {
  cases: [
    {
      name: 'two levels',
      in: { rois, scores: [[2], [0.25, 0.5]] },
      args: levels,
      out: {
        all: [
          [2, 5],
          [...large, ...small],
        ],
        two: [[1, 5], small],
        three: [[1, 5], large],
        restore: [[2], [1, 0], 'int32'],
      },
    },
    {
      name: 'only the best',
      in: { rois, scores: [[2], [0.25, 0.5]] },
      args: { ...levels, post_nms_topN: 1 },
      out: { all: [[1, 5], large], two: [[0, 5], []], three: [[1, 5], large], restore: [[1], [0], 'int32'] },
    },
  ],
  refuses: [
    {
      name: 'a level too few',
      in: { rois, scores: [[2], [0, 1]] },
      args: levels,
      out: ['all', 'two', 'restore'],
      code: 'argument',
      says: /2 outputs for the levels/,
    },
  ],
})
