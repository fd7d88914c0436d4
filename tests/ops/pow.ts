// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 2],
  [0.5, 1, 1.5, 2],
] as const

vectors('Pow', {
  grad: ['X'],
  gradClose: 1e-2,
  cases: [
    {
      name: 'square',
      in: { X },
      args: { exponent: 2 },
      out: {
        Y: [
          [2, 2],
          [0.25, 1, 2.25, 4],
        ],
      },
    },
    {
      name: 'inverse',
      in: { X },
      args: { exponent: -1 },
      out: {
        Y: [
          [2, 2],
          [2, 1, 2 / 3, 0.5],
        ],
      },
    },
    {
      name: 'root',
      in: { X },
      args: { exponent: 0.5 },
      out: {
        Y: [
          [2, 2],
          [Math.SQRT1_2, 1, 1.22474487, Math.SQRT2],
        ],
      },
    },
    {
      name: 'cube',
      in: { X },
      args: { exponent: 3 },
      out: {
        Y: [
          [2, 2],
          [0.125, 1, 3.375, 8],
        ],
      },
    },
  ],
})
vectors('Pow', {
  grad: ['X', 'E'],
  cases: [
    {
      name: 'tensors',
      in: {
        X,
        E: [
          [2, 2],
          [2, 3, 0.5, 1],
        ],
      },
      out: {
        Y: [
          [2, 2],
          [0.25, 1, 1.22474487, 2],
        ],
      },
    },
    {
      name: 'one exponent for each row',
      in: { X, E: [[2], [2, 1]] },
      args: { broadcast: 1, axis: 0 },
      out: {
        Y: [
          [2, 2],
          [0.25, 1, 1.5, 2],
        ],
      },
    },
  ],
})
vectors('Pow', {
  cases: [{ name: 'negative bases', in: { X: [[2], [-2, -2]] }, args: { exponent: 3 }, out: { Y: [[2], [-8, -8]] } }],
  refuses: [
    { name: 'no exponent', in: { X }, out: ['Y'], code: 'argument', says: /neither/ },
    { name: 'two exponents', in: { X, E: X }, args: { exponent: 2 }, out: ['Y'], code: 'argument', says: /both/ },
  ],
})
