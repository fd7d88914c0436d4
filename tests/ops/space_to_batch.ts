// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const picture: Value = [
  [1, 1, 2, 4],
  [1, 2, 3, 4, 5, 6, 7, 8],
]
const blocks: Value = [
  [4, 1, 1, 2],
  [1, 3, 2, 4, 5, 7, 6, 8],
]
const row: Value = [
  [1, 1, 1, 2],
  [1, 2],
]
const padded: Value = [
  [4, 1, 1, 2],
  [0, 0, 0, 0, 0, 2, 1, 0],
]
const pads = { pad_t: 1, pad_l: 1, pad_b: 0, pad_r: 1 }

vectors('SpaceToBatch', {
  grad: ['X'],
  cases: [
    { name: 'blocks of two', in: { X: picture }, out: { Y: blocks } },
    { name: 'padding', in: { X: row }, args: pads, out: { Y: padded } },
  ],
  refuses: [
    { name: 'a part of a block', in: { X: row }, out: ['Y'], code: 'shape', says: /cannot be cut into blocks of 2/ },
    { name: 'no blocks', in: { X: row }, args: { block_size: 0 }, out: ['Y'], code: 'argument', says: /positive/ },
  ],
})
vectors('BatchToSpace', {
  grad: ['X'],
  cases: [
    { name: 'blocks of two', in: { X: blocks }, out: { Y: picture } },
    { name: 'padding', in: { X: padded }, args: pads, out: { Y: row } },
  ],
  refuses: [
    { name: 'a batch that does not fit', in: { X: row }, out: ['Y'], code: 'shape', says: /multiple of block_size/ },
  ],
})
