// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Glu', {
  cases: [
    {
      name: 'the last dimension',
      in: {
        X: [
          [1, 4],
          [2, -4, 0, 0],
        ],
      },
      out: {
        Y: [
          [1, 2],
          [1, -2],
        ],
      },
    },
    {
      name: 'the first',
      in: {
        X: [
          [2, 2],
          [2, -4, 0, 1],
        ],
      },
      args: { dim: 0 },
      out: {
        Y: [
          [1, 2],
          [1, -2.92423431],
        ],
      },
    },
  ],
  refuses: [{ name: 'an odd dimension', in: { X: [[3], [1, 2, 3]] }, out: ['Y'], code: 'shape', says: /even/ }],
})
vectors('SinusoidPositionEncoding', {
  cases: [
    {
      name: 'two waves',
      in: { X: [[2, 1], [0, 2], 'int32'] },
      args: { embedding_size: 2, alpha: 4, amplitude: 2 },
      out: {
        Y: [
          [2, 1, 2],
          [0, 2, 1.81859485, 1.08060461],
        ],
      },
    },
  ],
})
