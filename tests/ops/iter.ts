// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Iter', {
  cases: [
    { name: 'the next iteration', in: { iter: [[1], [0], 'int64'] }, out: { iter: [[1], [1], 'int64'] } },
    { name: 'a scalar', in: { iter: [[], [41], 'int64'] }, out: { iter: [[], [42], 'int64'] } },
  ],
  refuses: [
    {
      name: 'a negative counter',
      in: { iter: [[1], [-3], 'int64'] },
      out: ['iter'],
      code: 'value',
      says: /must not be negative, found -3/,
    },
  ],
})
