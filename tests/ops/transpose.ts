// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const X = [
  [2, 3],
  [1, 2, 3, 4, 5, 6],
] as const

vectors('Transpose', {
  grad: ['X'],
  cases: [
    {
      name: 'a matrix',
      in: { X },
      out: {
        Y: [
          [3, 2],
          [1, 4, 2, 5, 3, 6],
        ],
      },
    },
    { name: 'left as it is', in: { X }, args: { axes: [0, 1] }, out: { Y: X } },
    {
      name: 'three dimensions in a circle',
      in: { X: [[2, 2, 3], count(12)] },
      args: { axes: [1, 2, 0] },
      out: {
        Y: [
          [2, 3, 2],
          [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11],
        ],
      },
    },
    {
      name: 'rows that stay whole',
      in: { X: [[2, 2, 3], count(12)] },
      args: { axes: [1, 0, 2] },
      out: {
        Y: [
          [2, 2, 3],
          [0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11],
        ],
      },
    },
  ],
})

// Larger than a block, with odd edges, in each size of element.
const rows = 37
const columns = 41
const turned = count(rows * columns).map((i) => ((i % rows) * columns + Math.floor(i / rows)) % 127)
const straight = count(rows * columns).map((i) => i % 127)

vectors('Transpose', {
  cases: [
    ...(['float32', 'int8', 'int16', 'int64'] as const).map((type) => ({
      name: `${rows} by ${columns}, ${type}`,
      in: { X: [[rows, columns], straight, type] as const },
      out: { Y: [[columns, rows], turned, type] as const },
    })),
    {
      name: 'strings',
      in: {
        X: [
          [2, 2],
          ['a', 'b', 'c', 'd'],
        ],
      },
      out: {
        Y: [
          [2, 2],
          ['a', 'c', 'b', 'd'],
        ],
      },
    },
    { name: 'no elements', in: { X: [[0, 3], []] }, out: { Y: [[3, 0], []] } },
    { name: 'a scalar', in: { X: [[], [7]] }, out: { Y: [[], [7]] } },
  ],
})

vectors('NCHW2NHWC', {
  grad: ['X'],
  cases: [
    {
      name: 'two channels',
      in: { X: [[1, 2, 1, 3], count(6)] },
      out: {
        Y: [
          [1, 1, 3, 2],
          [0, 3, 1, 4, 2, 5],
        ],
      },
    },
  ],
})

vectors('NHWC2NCHW', {
  grad: ['X'],
  cases: [
    {
      name: 'two channels',
      in: {
        X: [
          [1, 1, 3, 2],
          [0, 3, 1, 4, 2, 5],
        ],
      },
      out: { Y: [[1, 2, 1, 3], count(6)] },
    },
  ],
})
