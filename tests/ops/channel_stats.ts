// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [2, 2, 1, 2],
  [1, 2, 3, 4, 5, 6, -7, 8],
]

vectors('ChannelStats', {
  cases: [{ name: 'two channels', in: { X }, out: { sum: [[2], [14, 8]], sumsq: [[2], [66, 138]] } }],
})

vectors('ChannelBackpropStats', {
  cases: [
    {
      name: 'two channels',
      in: {
        X,
        mean: [[2], [1, 2]],
        inv_std: [[2], [2, 1]],
        dY: [
          [2, 2, 1, 2],
          [1, 0, 1, 0, 0, 1, 0, -1],
        ],
      },
      out: { scale_grad: [[2], [10, -5]], bias_grad: [[2], [2, 0]] },
    },
  ],
})
