// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

// A HierarchyProto: words 0 and 1 are the two targets of one node of two rows.
const hierarchy =
  '\x08\x02\x12\x0a\x08\x00\x12\x06\x08\x00\x10\x02\x18\x00\x12\x0a\x08\x01\x12\x06\x08\x00\x10\x02\x18\x01'
const X: Value = [[1, 1], [1]]
const W: Value = [
  [2, 1],
  [0, 1],
]
const b: Value = [[2], [0.5, 0.5]]
const out = ['Y', 'rest'] as const

vectors('HSoftmax', {
  grad: ['X', 'W', 'b'],
  loss: ['Y'],
  cases: [
    {
      name: 'one decision',
      in: { X, W, b, label: [[1], [0], 'int32'] },
      args: { hierarchy },
      out: { Y: [[1], [1.31326169]], rest: [[4], [0.5, 1.5, 0.268941421, 0.731058579]] },
    },
  ],
  refuses: [
    {
      name: 'a word that is not in the hierarchy',
      in: { X, W, b, label: [[1], [2], 'int32'] },
      args: { hierarchy },
      out,
      code: 'value',
      says: /has no word 2/,
    },
    {
      name: 'no hierarchy',
      in: { X, W, b, label: [[1], [0], 'int32'] },
      out,
      code: 'argument',
      says: /HierarchyProto/,
    },
    {
      name: 'a hierarchy of more rows than there are',
      in: { X, W: X, b: [[1], [0]], label: [[1], [0], 'int32'] },
      args: { hierarchy },
      out,
      code: 'argument',
      says: /takes 2 rows from 0/,
    },
  ],
})
