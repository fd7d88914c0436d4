// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Accumulate', {
  cases: [{ name: 'the first', in: { X: [[2], [1, 2]] }, args: { gamma: 0.5 }, out: { Y: [[2], [1, 2]] } }],
})
vectors('AccumulateHistogram', {
  cases: [
    {
      name: 'below, in each bucket, above and NaN',
      in: { X: [[6], [-1, 0, 0.5, 0.75, 1, NaN]] },
      args: { num_buckets: 2 },
      out: { now: [[4], [1, 1, 2, 2], 'int64'], all: [[4], [1, 1, 2, 2], 'int64'] },
    },
  ],
  refuses: [
    {
      name: 'no range',
      in: { X: [[1], [0]] },
      args: { lower_bound: 1 },
      out: ['now', 'all'],
      code: 'argument',
      says: /below/,
    },
    {
      name: 'no buckets',
      in: { X: [[1], [0]] },
      args: { num_buckets: -5 },
      out: ['now', 'all'],
      code: 'argument',
      says: /num_buckets/,
    },
  ],
})
vectors('Summarize', {
  cases: [
    { name: 'three numbers', in: { X: [[3], [1, 2, 6]] }, out: { Y: [[4], [1, 6, 3, 2.64575131]] } },
    { name: 'one number', in: { X: [[1], [5]] }, out: { Y: [[4], [5, 5, 5, 0]] } },
  ],
  refuses: [{ name: 'nothing', in: { X: [[0], []] }, out: ['Y'], code: 'shape', says: /empty/ }],
})
