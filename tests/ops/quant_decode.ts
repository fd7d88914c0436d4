// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const table: Value = [[3], [1, 2, 3]]

vectors('QuantDecode', {
  grad: ['table'],
  cases: [
    {
      name: 'two tensors of codes',
      in: { table, a: [[2, 1], [2, 0], 'uint8'], b: [[3], [1, 1, 2], 'int32'] },
      out: {
        A: [
          [2, 1],
          [3, 1],
        ],
        B: [[3], [2, 2, 3]],
      },
    },
  ],
  refuses: [
    {
      name: 'a code that there is not',
      in: { table, a: [[2], [0, 3], 'uint16'] },
      out: ['A'],
      code: 'value',
      says: /code 1 is 3/,
    },
    {
      name: 'outputs that do not fit',
      in: { table, a: [[1], [0], 'uint8'] },
      out: ['A', 'B'],
      code: 'argument',
      says: /one output for each/,
    },
  ],
})
