// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('LpPool', {
  grad: ['X'],
  cases: [
    {
      name: 'a length',
      in: {
        X: [
          [1, 1, 1, 4],
          [3, 4, 6, -8],
        ],
      },
      args: { kernel_h: 1, kernel_w: 2, stride_h: 1, stride_w: 2 },
      out: {
        Y: [
          [1, 1, 1, 2],
          [5, 10],
        ],
      },
    },
    {
      name: 'channels last, padded, p 1',
      in: {
        X: [
          [1, 2, 1, 2],
          [1, -2, 3, 4],
        ],
      },
      args: { kernels: [2, 2], pads: [1, 1, 0, 0], order: 'NHWC', p: 1 },
      out: {
        Y: [
          [1, 2, 1, 2],
          [1, 2, 4, 6],
        ],
      },
    },
    {
      name: 'all',
      in: {
        X: [
          [1, 1, 1, 2],
          [1, -2],
        ],
      },
      args: { global_pooling: 1, p: 3 },
      out: { Y: [[1, 1, 1, 1], [2.08008382]] },
    },
  ],
  refuses: [
    {
      name: 'no exponent',
      in: { X: [[1, 1, 1, 1], [1]] },
      args: { kernel: 1, p: 0 },
      out: ['Y'],
      code: 'argument',
      says: /p must be positive/,
    },
  ],
})
