// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const A = [
  [2, 2],
  [1, 2, 3, 4],
] as const
const B = [[2], [2, 3]] as const
const refuses = [
  { name: 'two types', in: { A, B: [[2], [1, 2], 'int32'] }, out: ['C'], code: 'type', says: /one type/ },
  { name: 'shapes that do not fit', in: { A, B: [[3], [1, 2, 3]] }, out: ['C'], code: 'shape', says: /do not fit/ },
] as const

vectors('LT', {
  cases: [
    { name: 'older rules', in: { A, B }, args: { broadcast: 1 }, out: { C: [[2, 2], [1, 1, 0, 0], 'bool'] } },
    {
      name: 'older rules: by row',
      in: { A, B },
      args: { broadcast: 1, axis: 0 },
      out: { C: [[2, 2], [1, 0, 0, 0], 'bool'] },
    },
    { name: 'A repeated', in: { B, A }, out: { C: [[2, 2], [0, 0, 1, 1], 'bool'] } },
    { name: 'NaN is below nothing', in: { A: [[2], [NaN, 1]], B: [[2], [1, NaN]] }, out: { C: [[2], [0, 0], 'bool'] } },
    { name: 'no elements', in: { A: [[0], []], B: [[0], []] }, out: { C: [[0], [], 'bool'] } },
  ],
  refuses,
})
vectors('LE', { cases: [{ name: 'numpy rules', in: { A, B }, out: { C: [[2, 2], [1, 1, 0, 0], 'bool'] } }], refuses })
vectors('GT', {
  cases: [
    { name: 'B repeated', in: { A, B }, out: { C: [[2, 2], [0, 0, 1, 1], 'bool'] } },
    { name: 'A repeated', in: { B, A }, out: { C: [[2, 2], [1, 1, 0, 0], 'bool'] } },
    { name: 'int64', in: { A: [[2], [5, -5], 'int64'], B: [[], [0], 'int64'] }, out: { C: [[2], [1, 0], 'bool'] } },
  ],
  refuses,
})
vectors('GE', {
  cases: [
    {
      name: 'older rules, one number',
      in: { A, B: [[1], [3]] },
      args: { broadcast: 1 },
      out: { C: [[2, 2], [0, 0, 1, 1], 'bool'] },
    },
    { name: 'NaN is above nothing', in: { A: [[1], [NaN]], B: [[1], [NaN]] }, out: { C: [[1], [0], 'bool'] } },
  ],
  refuses,
})
vectors('EQ', {
  cases: [
    {
      name: 'int32',
      in: { A: [[3], [1, 2, 3], 'int32'], B: [[3], [1, 0, 3], 'int32'] },
      out: { C: [[3], [1, 0, 1], 'bool'] },
    },
    { name: 'bool', in: { A: [[2], [1, 0], 'bool'], B: [[1], [0], 'bool'] }, out: { C: [[2], [0, 1], 'bool'] } },
  ],
  refuses: [{ name: 'floats', in: { A, B: A }, out: ['C'], code: 'type', says: /int32, int64 or bool/ }],
})

const P = [[4], [0, 0, 1, 1], 'bool'] as const
const Q = [[4], [0, 1, 0, 1], 'bool'] as const
const numbers = [{ name: 'numbers', in: { A, B: A }, out: ['C'], code: 'type', says: /bool/ }] as const
vectors('And', {
  inplace: true,
  cases: [{ name: 'all four', in: { P, Q }, out: { C: [[4], [0, 0, 0, 1], 'bool'] } }],
  refuses: numbers,
})
vectors('Or', {
  inplace: true,
  cases: [{ name: 'all four', in: { P, Q }, out: { C: [[4], [0, 1, 1, 1], 'bool'] } }],
  refuses: numbers,
})
vectors('Xor', {
  inplace: true,
  cases: [
    { name: 'all four', in: { P, Q }, out: { C: [[4], [0, 1, 1, 0], 'bool'] } },
    {
      name: 'along the first dimension',
      in: { P: [[2, 2], [0, 0, 1, 1], 'bool'], Q: [[2], [0, 1], 'bool'] },
      args: { broadcast: 1, axis: 0 },
      out: { C: [[2, 2], [0, 0, 0, 0], 'bool'] },
    },
  ],
  refuses: numbers,
})
vectors('Not', { cases: [{ name: 'both', in: { Q }, out: { C: [[4], [1, 0, 1, 0], 'bool'] } }] })
