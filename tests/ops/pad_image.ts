// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [1, 1, 2, 3],
  [1, 2, 3, 4, 5, 6],
] as const

vectors('PadImage', {
  grad: ['X'],
  cases: [
    {
      name: 'one value',
      in: { X },
      args: { pad_t: 1, pad_l: 0, pad_b: 0, pad_r: 1, value: 0.5 },
      out: {
        Y: [
          [1, 1, 3, 4],
          [0.5, 0.5, 0.5, 0.5, 1, 2, 3, 0.5, 4, 5, 6, 0.5],
        ],
      },
    },
    {
      name: 'mirrored',
      in: { X },
      args: { pads: [1, 2, 0, 1], mode: 'reflect' },
      out: {
        Y: [
          [1, 1, 3, 6],
          [6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5],
        ],
      },
    },
    {
      name: 'the nearest pixel',
      in: { X },
      args: { pad: 1, mode: 'edge' },
      out: {
        Y: [
          [1, 1, 4, 5],
          [1, 1, 2, 3, 3, 1, 1, 2, 3, 3, 4, 4, 5, 6, 6, 4, 4, 5, 6, 6],
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
      args: { pad_t: 0, pad_l: 1, pad_b: 0, pad_r: 1, mode: 'reflect', order: 'NHWC' },
      out: {
        Y: [
          [1, 1, 4, 2],
          [3, 4, 1, 2, 3, 4, 1, 2],
        ],
      },
    },
    { name: 'no padding', in: { X }, out: { Y: X } },
  ],
})
