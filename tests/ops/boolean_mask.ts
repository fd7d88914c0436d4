// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [
  [3, 2],
  [1, 2, 3, 4, 5, 6],
] as const
const mask = [[3], [1, 0, 1], 'bool'] as const

vectors('BooleanMask', {
  cases: [
    {
      name: 'rows',
      in: { X, mask },
      out: {
        Y: [
          [2, 2],
          [1, 2, 5, 6],
        ],
        indices: [[2], [0, 2], 'int64'],
      },
    },
    { name: 'none', in: { X, mask: [[3], [0, 0, 0], 'bool'] }, out: { Y: [[0, 2], []] } },
    { name: 'strings', in: { X: [[3], ['a', 'b', 'c']], mask }, out: { Y: [[2], ['a', 'c']] } },
  ],
  refuses: [
    {
      name: 'a mask of another length',
      in: { X, mask: [[2], [1, 0], 'bool'] },
      out: ['Y'],
      code: 'shape',
      says: /each row/,
    },
  ],
})
vectors('BooleanMaskLengths', {
  cases: [
    { name: 'segments', in: { lengths: [[3], [2, 0, 1], 'int32'], mask }, out: { Y: [[3], [1, 0, 1], 'int32'] } },
  ],
  refuses: [
    {
      name: 'a length beyond the mask',
      in: { lengths: [[1], [4], 'int32'], mask },
      out: ['Y'],
      code: 'value',
      says: /left/,
    },
    {
      name: 'a rest of the mask',
      in: { lengths: [[1], [2], 'int64'], mask },
      out: ['Y'],
      code: 'value',
      says: /together/,
    },
    {
      name: 'a negative length',
      in: { lengths: [[1], [-1], 'int64'], mask },
      out: ['Y'],
      code: 'value',
      says: /is -1/,
    },
  ],
})
vectors('BooleanUnmask', {
  cases: [
    {
      name: 'the first mask wins',
      in: { m: mask, v: [[2], [1, 2]], n: [[3], [1, 1, 0], 'bool'], w: [[1], [3]] },
      out: { Y: [[3], [1, 3, 2]] },
    },
  ],
  refuses: [
    {
      name: 'a position without mask',
      in: { m: mask, v: [[2], [1, 2]] },
      out: ['Y'],
      code: 'value',
      says: /position 1/,
    },
    {
      name: 'too few values',
      in: { m: [[2], [1, 1], 'bool'], v: [[1], [1]] },
      out: ['Y'],
      code: 'value',
      says: /more positions/,
    },
    {
      name: 'too many values',
      in: { m: [[1], [1], 'bool'], v: [[2], [1, 2]] },
      out: ['Y'],
      code: 'value',
      says: /uses 1/,
    },
    { name: 'a mask without values', in: { m: mask }, out: ['Y'], code: 'argument', says: /pairs/ },
  ],
})
