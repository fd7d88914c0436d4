// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('OneHot', {
  cases: [
    {
      name: 'rows',
      in: { X: [[2], [2, 0], 'int64'], size: [[], [3], 'int64'] },
      out: {
        Y: [
          [2, 3],
          [0, 0, 1, 1, 0, 0],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'an index out of range',
      in: { X: [[1], [3], 'int64'], size: [[1], [3], 'int64'] },
      out: ['Y'],
      code: 'value',
      says: /0 to 2/,
    },
    {
      name: 'a negative size',
      in: { X: [[1], [0], 'int64'], size: [[1], [-1], 'int64'] },
      out: ['Y'],
      code: 'value',
      says: /negative/,
    },
  ],
})
vectors('BatchOneHot', {
  cases: [
    {
      name: 'two columns',
      in: {
        X: [[3, 2], [2, 3, 4, 1, 2, 5], 'int64'],
        lengths: [[2], [2, 3], 'int32'],
        values: [[5], [2, 4, 1, 3, 5], 'int64'],
      },
      out: { Y: [[3, 5], [1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1], 'int64'] },
    },
  ],
  refuses: [
    {
      name: 'lengths of other values',
      in: { X: [[1, 1], [2], 'int32'], lengths: [[1], [2], 'int32'], values: [[1], [2], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /2 together/,
    },
  ],
})
vectors('BatchBucketOneHot', {
  cases: [
    {
      name: 'boundaries belong to the bucket below',
      in: {
        X: [
          [3, 1],
          [0, 1, 5],
        ],
        lengths: [[1], [2], 'int32'],
        boundaries: [[2], [0, 2]],
      },
      out: {
        Y: [
          [3, 3],
          [1, 0, 0, 0, 1, 0, 0, 0, 1],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'a column without boundary',
      in: { X: [[1, 1], [0]], lengths: [[1], [0], 'int32'], boundaries: [[0], []] },
      out: ['Y'],
      code: 'value',
      says: /1 or more/,
    },
  ],
})
