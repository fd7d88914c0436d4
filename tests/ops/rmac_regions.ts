// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('RMACRegions', {
  cases: [
    {
      name: 'one pixel, two images',
      in: {
        X: [
          [2, 1, 1, 1],
          [0, 0],
        ],
      },
      out: {
        rois: [
          [2, 5],
          [0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
        ],
      },
    },
    {
      name: 'two along the longer side',
      in: {
        X: [
          [1, 1, 2, 3],
          [0, 0, 0, 0, 0, 0],
        ],
      },
      args: { scales: 1 },
      out: {
        rois: [
          [2, 5],
          [0, 0, 0, 1, 1, 0, 1, 0, 2, 1],
        ],
      },
    },
    { name: 'no picture', in: { X: [[0, 1, 2, 3], []] }, out: { rois: [[0, 5], []] } },
  ],
})
