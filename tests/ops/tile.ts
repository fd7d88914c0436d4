// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 2],
  [1, 2, 3, 4],
] as const

vectors('Tile', {
  grad: ['X'],
  cases: [
    {
      name: 'rows',
      in: { X },
      args: { tiles: 2, axis: 0 },
      out: {
        Y: [
          [4, 2],
          [1, 2, 3, 4, 1, 2, 3, 4],
        ],
      },
    },
    {
      name: 'columns',
      in: { X },
      args: { tiles: 3, axis: -1 },
      out: {
        Y: [
          [2, 6],
          [1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4],
        ],
      },
    },
    { name: 'once', in: { X }, out: { Y: X } },
  ],
})

vectors('Tile', {
  cases: [
    {
      name: 'by inputs',
      in: { X, tiles: [[1], [2], 'int32'], axis: [[1], [1], 'int32'] },
      out: {
        Y: [
          [2, 4],
          [1, 2, 1, 2, 3, 4, 3, 4],
        ],
      },
    },
    { name: 'strings', in: { X: [[1], ['a']] }, args: { tiles: 2 }, out: { Y: [[2], ['a', 'a']] } },
    { name: 'not at all', in: { X }, args: { tiles: 0 }, out: { Y: [[0, 2], []] } },
  ],
})

vectors('TileGradient', {
  cases: [{ name: 'of nothing', in: { dY: [[0, 3], []] }, args: { tiles: 2 ** 40 }, out: { dX: [[0, 3], []] } }],
})
