// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [2, 2],
  [1, 2, 3, 4],
] as const
const Y = [
  [2, 2],
  [5, 6, 7, 8],
] as const

vectors('Where', {
  cases: [
    {
      name: 'elements',
      in: { C: [[2, 2], [1, 0, 0, 1], 'bool'], X, Y },
      out: {
        Z: [
          [2, 2],
          [1, 6, 7, 4],
        ],
      },
    },
    {
      name: 'rows',
      in: { C: [[2], [0, 1], 'bool'], X, Y },
      args: { broadcast_on_rows: 1 },
      out: {
        Z: [
          [2, 2],
          [5, 6, 3, 4],
        ],
      },
    },
    {
      name: 'strings',
      in: { C: [[2], [0, 1], 'bool'], X: [[2], ['a', 'b']], Y: [[2], ['c', 'd']] },
      out: { Z: [[2], ['c', 'b']] },
    },
    { name: 'nothing', in: { C: [[0], [], 'bool'], X: [[0], []], Y: [[0], []] }, out: { Z: [[0], []] } },
  ],
  refuses: [
    {
      name: 'a condition for each row without being told',
      in: { C: [[2], [0, 1], 'bool'], X, Y },
      out: ['Z'],
      code: 'shape',
      says: /shape/,
    },
    { name: 'numbers as condition', in: { C: X, X, Y }, out: ['Z'], code: 'type', says: /bool/ },
  ],
})
vectors('Conditional', {
  cases: [
    {
      name: 'rows',
      in: { C: [[2], [0, 1], 'bool'], X, Y },
      out: {
        Z: [
          [2, 2],
          [5, 6, 3, 4],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'too few truth values',
      in: { C: [[1], [1], 'bool'], X, Y },
      out: ['Z'],
      code: 'shape',
      says: /one truth value/,
    },
  ],
})
vectors('IsMemberOf', {
  cases: [
    {
      name: 'integers',
      in: { X: [[3], [1, 2, 3], 'int64'] },
      args: { value: [3, 1] },
      out: { Y: [[3], [1, 0, 1], 'bool'] },
    },
    { name: 'strings', in: { X: [[2], ['a', 'b']] }, args: { value: ['b'] }, out: { Y: [[2], [0, 1], 'bool'] } },
  ],
  refuses: [
    { name: 'no values', in: { X: [[1], [1], 'int32'] }, out: ['Y'], code: 'argument', says: /missing/ },
    {
      name: 'strings among integers',
      in: { X: [[1], [1], 'int32'] },
      args: { value: ['1'] },
      out: ['Y'],
      code: 'argument',
      says: /integers/,
    },
    {
      name: 'another dtype',
      in: { X: [[1], [1], 'int32'] },
      args: { value: [1], dtype: 10 },
      out: ['Y'],
      code: 'type',
      says: /dtype/,
    },
  ],
})
