// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [[3], ['', 'ab', 'abcde']] as const

vectors('StringJoin', {
  cases: [
    {
      name: 'rows',
      in: { X: [[2, 2], [1, 2, 3, 4], 'int32'] },
      args: { delimiter: '-' },
      out: { Y: [[2], ['1-2-', '3-4-']] },
    },
    {
      name: 'columns',
      in: { X: [[2, 2], [1, 2, 3, 4], 'int32'] },
      args: { axis: 1 },
      out: { Y: [[2], ['1,3,', '2,4,']] },
    },
    {
      name: 'six digits',
      in: {
        X: [
          [1, 12],
          [0, -0, 1, 1.5, 123456.789, 1234567, 0.0001, 0.00001234567, 999999.96, -1e-40, Infinity, NaN],
          'float64',
        ],
      },
      args: { delimiter: ' ' },
      out: { Y: [[1], ['0 -0 1 1.5 123457 1.23457e+06 0.0001 1.23457e-05 1e+06 -1e-40 inf nan ']] },
    },
    { name: 'no rows', in: { X: [[0, 2], []] }, out: { Y: [[0], [], 'string'] } },
  ],
  refuses: [
    { name: 'columns of a vector', in: { X }, args: { axis: 1 }, out: ['Y'], code: 'shape', says: /2 dimensions/ },
  ],
})
vectors('StringPrefix', {
  cases: [{ name: 'shorter and longer', in: { X }, out: { Y: [[3], ['', 'ab', 'abc']] } }],
  refuses: [
    { name: 'a negative length', in: { X }, args: { length: -1 }, out: ['Y'], code: 'argument', says: /negative/ },
  ],
})
vectors('StringSuffix', {
  cases: [{ name: 'shorter and longer', in: { X }, args: { length: 2 }, out: { Y: [[3], ['', 'ab', 'de']] } }],
})
vectors('StringStartsWith', {
  cases: [{ name: 'a prefix', in: { X }, args: { prefix: 'ab' }, out: { Y: [[3], [0, 1, 1], 'bool'] } }],
})
vectors('StringEndsWith', {
  cases: [{ name: 'a suffix', in: { X }, args: { suffix: 'de' }, out: { Y: [[3], [0, 0, 1], 'bool'] } }],
})
