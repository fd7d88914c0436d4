// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [1, 1, 2, 3],
  [1, 2, 3, 4, 5, 6],
] as const

vectors('ResizeNearest', {
  grad: ['X'],
  cases: [
    {
      name: 'larger',
      in: { X },
      args: { width_scale: 2, height_scale: 1.5 },
      out: {
        Y: [
          [1, 1, 3, 6],
          [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6],
        ],
      },
    },
    {
      name: 'smaller',
      in: { X },
      args: { width_scale: 0.5, height_scale: 1 },
      out: {
        Y: [
          [1, 1, 2, 1],
          [1, 4],
        ],
      },
    },
    {
      name: 'channels last',
      in: {
        X: [
          [1, 1, 2, 2],
          [1, 2, 3, 4],
        ],
      },
      args: { width_scale: 2, order: 'NHWC' },
      out: {
        Y: [
          [1, 1, 4, 2],
          [1, 2, 1, 2, 3, 4, 3, 4],
        ],
      },
    },
  ],
})
