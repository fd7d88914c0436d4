// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('ChannelShuffle', {
  grad: ['X'],
  cases: [
    {
      name: 'three groups',
      in: {
        X: [
          [1, 6, 1, 2],
          [-1, -1.5, -0.25, -0.5, 1.25, 0, 1, 0, -0.5, 1.5, -1.5, 1.25],
        ],
      },
      args: { group: 3 },
      out: {
        Y: [
          [1, 6, 1, 2],
          [-1, -1.5, 1.25, 0, -0.5, 1.5, -0.25, -0.5, 1, 0, -1.5, 1.25],
        ],
      },
    },
    {
      name: 'channels last',
      in: {
        X: [
          [2, 1, 1, 6],
          [-0.25, 1.75, -0.5, 0, -1, -1.75, -1.25, 0.75, -0.75, 1.75, -0.25, 0.5],
        ],
      },
      args: { group: 2, order: 'NHWC' },
      out: {
        Y: [
          [2, 1, 1, 6],
          [-0.25, 0, 1.75, -1, -0.5, -1.75, -1.25, 1.75, 0.75, -0.25, -0.75, 0.5],
        ],
      },
    },
    {
      name: 'one group',
      in: {
        X: [
          [1, 6, 1, 2],
          [-1, -1.5, -0.25, -0.5, 1.25, 0, 1, 0, -0.5, 1.5, -1.5, 1.25],
        ],
      },
      out: {
        Y: [
          [1, 6, 1, 2],
          [-1, -1.5, -0.25, -0.5, 1.25, 0, 1, 0, -0.5, 1.5, -1.5, 1.25],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'groups that do not divide the channels',
      in: {
        X: [
          [1, 6, 1, 2],
          [-1, -1.5, -0.25, -0.5, 1.25, 0, 1, 0, -0.5, 1.5, -1.5, 1.25],
        ],
      },
      args: { group: 4 },
      out: ['Y'],
      code: 'argument',
      says: /group must divide the 6 channels, found 4/,
    },
  ],
})
