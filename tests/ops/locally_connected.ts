// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [1, 1, 3],
  [1, 2, 3],
]
const W: Value = [
  [2, 1, 1, 2],
  [1, 2, 3, 4],
]
const b: Value = [
  [2, 1],
  [1, -1],
]

vectors('LC1D', {
  grad: ['X', 'W', 'b'],
  cases: [
    {
      name: 'a filter for each pixel',
      in: { X, W, b },
      args: { kernels: [2] },
      out: {
        Y: [
          [1, 1, 2],
          [6, 17],
        ],
      },
    },
  ],
})
vectors('LC', {
  grad: ['X', 'W'],
  cases: [
    {
      name: 'no bias',
      in: { X, W },
      args: { kernels: [2] },
      out: {
        Y: [
          [1, 1, 2],
          [5, 18],
        ],
      },
    },
    {
      name: 'channels last, padded',
      in: {
        X: [
          [1, 1, 1, 2],
          [1, 2],
        ],
        W: [
          [1, 2, 1, 1, 2, 2],
          [1, 2, 3, 4, 5, 6, 7, 8],
        ],
      },
      args: { kernel_h: 1, kernel_w: 2, pad_t: 0, pad_l: 1, pad_b: 0, pad_r: 1, order: 'NHWC' },
      out: {
        Y: [
          [1, 1, 2, 1],
          [11, 17],
        ],
      },
    },
  ],
})
vectors('LC2D', {
  grad: ['X', 'W'],
  cases: [
    {
      name: 'two groups',
      in: {
        X: [
          [1, 2, 1, 1],
          [2, 3],
        ],
        W: [
          [1, 1, 2, 1, 1, 1],
          [5, 7],
        ],
      },
      args: { kernel: 1, group: 2 },
      out: {
        Y: [
          [1, 2, 1, 1],
          [10, 21],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'filters that do not fit',
      in: {
        X: [
          [1, 1, 2, 2],
          [1, 2, 3, 4],
        ],
        W: [
          [1, 2, 1, 1, 1, 1],
          [1, 2],
        ],
      },
      args: { kernel: 1 },
      out: ['Y'],
      code: 'shape',
      says: /for each output pixel/,
    },
  ],
})
vectors('LC3D', {
  grad: ['X', 'W'],
  cases: [
    {
      name: 'three dimensions',
      in: {
        X: [
          [1, 1, 2, 1, 1],
          [2, 3],
        ],
        W: [
          [2, 1, 1, 1, 1, 1, 1, 1],
          [4, 5],
        ],
      },
      args: { kernels: [1, 1, 1] },
      out: {
        Y: [
          [1, 1, 2, 1, 1],
          [8, 15],
        ],
      },
    },
  ],
})
