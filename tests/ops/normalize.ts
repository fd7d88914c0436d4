// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const X: Value = [
  [2, 2],
  [3, 4, -6, 8],
]

vectors('Normalize', {
  grad: ['X'],
  cases: [
    {
      name: 'rows',
      in: { X },
      out: {
        Y: [
          [2, 2],
          [0.6, 0.8, -0.6, 0.8],
        ],
      },
    },
    {
      name: 'columns',
      in: { X },
      args: { axis: 0 },
      out: {
        Y: [
          [2, 2],
          [0.447213595, 0.447213595, -0.894427191, 0.894427191],
        ],
      },
    },
  ],
  refuses: [{ name: 'no such axis', in: { X }, args: { axis: -3 }, out: ['Y'], code: 'argument', says: /no axis -3/ }],
})
vectors('Normalize', {
  cases: [
    {
      name: 'zeros',
      in: {
        X: [
          [1, 2],
          [0, 0],
        ],
      },
      out: {
        Y: [
          [1, 2],
          [0, 0],
        ],
      },
    },
    { name: 'nothing', in: { X: [[0, 2], []] }, out: { Y: [[0, 2], []] } },
  ],
})

vectors('NormalizeL1', {
  cases: [
    {
      name: 'rows',
      in: {
        X: [
          [2, 2],
          [1, -3, 0, 0],
        ],
      },
      out: {
        Y: [
          [2, 2],
          [0.25, -0.75, 0, 0],
        ],
      },
    },
    {
      name: 'columns',
      in: { X },
      args: { axis: 0 },
      out: {
        Y: [
          [2, 2],
          [0.333333333, 0.333333333, -0.666666667, 0.666666667],
        ],
      },
    },
  ],
})

vectors('LpNorm', {
  grad: ['X'],
  cases: [
    { name: 'squares', in: { X: [[3], [1, -2, 0.5]] }, out: { Y: [[1], [5.25]] } },
    { name: 'absolute values', in: { X: [[3], [1, -2, 0.5]] }, args: { p: 1 }, out: { Y: [[1], [3.5]] } },
    { name: 'a mean', in: { X: [[2], [1, -2]] }, args: { p: 1, average: 1 }, out: { Y: [[1], [1.5]] } },
  ],
  refuses: [{ name: 'another p', in: { X }, args: { p: 3 }, out: ['Y'], code: 'argument', says: /p must be 1 or 2/ }],
})
vectors('LpNorm', { cases: [{ name: 'nothing', in: { X: [[0], []] }, args: { average: 1 }, out: { Y: [[1], [0]] } }] })

vectors('NormalizePlanarYUV', {
  inplace: true,
  cases: [
    {
      name: 'two channels',
      in: {
        X: [
          [1, 2, 1, 2],
          [1, 2, 3, 4],
        ],
        mean: [
          [1, 2],
          [1, 2],
        ],
        stdev: [
          [1, 2],
          [1, 2],
        ],
      },
      out: {
        Y: [
          [1, 2, 1, 2],
          [0, 1, 0.5, 1],
        ],
      },
    },
  ],
})
