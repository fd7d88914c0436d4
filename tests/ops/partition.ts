// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const KEYS: Value = [[4], [5, -1, 2, 4], 'int32']
const ROWS: Value = [
  [4, 2],
  [1, 2, 3, 4, 5, 6, 7, 8],
]
const EVEN: Value = [
  [2, 2],
  [5, 6, 7, 8],
]
const ODD: Value = [
  [2, 2],
  [1, 2, 3, 4],
]

vectors('Partition', {
  cases: [
    {
      name: 'even and odd',
      in: { KEYS, ROWS },
      out: { K0: [[2], [2, 4], 'int32'], R0: EVEN, K1: [[2], [5, -1], 'int32'], R1: ODD },
    },
    {
      name: 'packed numbers',
      in: { KEYS },
      args: { pack_first_input: 1 },
      out: { K0: [[2], [1, 2], 'int32'], K1: [[2], [2, -1], 'int32'] },
    },
    {
      name: 'strings go along',
      in: { KEYS: [[2], [1, 0], 'int64'], X: [[2], ['a', 'b']] },
      out: { K0: [[1], [0], 'int64'], X0: [[1], ['b']], K1: [[1], [1], 'int64'], X1: [[1], ['a']] },
    },
  ],
  refuses: [
    {
      name: 'outputs that are no multiple of the inputs',
      in: { KEYS, ROWS },
      out: ['a', 'b', 'c'],
      code: 'argument',
      says: /equally many outputs/,
    },
    {
      name: 'rows that do not fit',
      in: { KEYS, X: [[3], [1, 2, 3]] },
      out: ['a', 'b'],
      code: 'shape',
      says: /must begin with/,
    },
  ],
})

vectors('LengthsPartition', {
  cases: [
    {
      name: 'lengths of each part',
      in: { L: [[3], [3, 0, 1], 'int32'], KEYS },
      out: {
        L0: [[3], [1, 0, 1], 'int32'],
        K0: [[2], [2, 4], 'int32'],
        L1: [[3], [2, 0, 0], 'int32'],
        K1: [[2], [5, -1], 'int32'],
      },
    },
  ],
  refuses: [
    {
      name: 'lengths that make too few',
      in: { L: [[1], [3], 'int32'], KEYS },
      out: ['a', 'b', 'c', 'd'],
      code: 'value',
      says: /make 3 together/,
    },
  ],
})

vectors('GatherByKey', {
  cases: [{ name: 'undoes Partition', in: { KEYS, EVEN, ODD }, out: { Y: ROWS } }],
  refuses: [
    {
      name: 'a part with too few rows',
      in: { KEYS: [[4], [0, 0, 0, 1], 'int32'], EVEN, ODD },
      out: ['Y'],
      code: 'value',
      says: /has only 2 rows/,
    },
  ],
})

vectors('KeySplit', {
  cases: [
    {
      name: 'a number that is not there',
      in: { X: [[3], [2, 0, 2], 'int64'] },
      args: { categorical_limit: 3 },
      out: { A: [[1], [1], 'int32'], B: [[0], [], 'int32'], C: [[2], [0, 2], 'int32'] },
    },
  ],
  refuses: [
    {
      name: 'a number beyond the limit',
      in: { X: [[1], [1], 'int64'] },
      args: { categorical_limit: 1 },
      out: ['A'],
      code: 'value',
      says: /index 0 is 1/,
    },
  ],
})

vectors('MergeIdLists', {
  cases: [
    {
      name: 'two lists',
      in: {
        L0: [[2], [2, 0], 'int32'],
        V0: [[2], [5, 3], 'int64'],
        L1: [[2], [1, 2], 'int32'],
        V1: [[3], [5, -9, -9], 'int64'],
      },
      out: { L: [[2], [2, 1], 'int32'], V: [[3], [3, 5, -9], 'int64'] },
    },
  ],
  refuses: [
    {
      name: 'more lengths than values',
      in: { L: [[1], [2], 'int32'], V: [[1], [1], 'int32'] },
      out: ['A', 'B'],
      code: 'value',
      says: /has 1 values/,
    },
  ],
})
