// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [1, 1, 2, 3],
  [1, 2, 3, 4, 5, 6],
]

vectors('Im2Col', {
  grad: ['X'],
  cases: [
    {
      name: 'columns',
      in: { X },
      args: { kernel: 2 },
      out: {
        Y: [
          [1, 4, 1, 2],
          [1, 2, 2, 3, 4, 5, 5, 6],
        ],
      },
    },
    {
      name: 'channels last, padded',
      in: {
        X: [
          [1, 1, 2, 2],
          [1, 2, 3, 4],
        ],
      },
      args: { kernel_h: 1, kernel_w: 2, pad_t: 0, pad_l: 1, pad_b: 0, pad_r: 0, order: 'NHWC' },
      out: {
        Y: [
          [1, 1, 2, 4],
          [0, 0, 1, 2, 1, 2, 3, 4],
        ],
      },
    },
    {
      name: 'dilated',
      in: { X },
      args: { kernels: [1, 2], dilations: [1, 2] },
      out: {
        Y: [
          [1, 2, 2, 1],
          [1, 4, 3, 6],
        ],
      },
    },
  ],
})

vectors('Col2Im', {
  grad: ['columns'],
  cases: [
    {
      name: 'overlaps add up',
      in: {
        columns: [
          [1, 4, 1, 2],
          [1, 2, 3, 4, 5, 6, 7, 8],
        ],
        X,
      },
      args: { kernel: 2 },
      out: {
        Y: [
          [1, 1, 2, 3],
          [1, 5, 4, 5, 13, 8],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'columns of another image',
      in: { columns: X, X },
      args: { kernel: 2 },
      out: ['Y'],
      code: 'shape',
      says: /columns of an image/,
    },
  ],
})
