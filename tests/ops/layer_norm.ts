// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('LayerNorm', {
  grad: ['X'],
  loss: ['Y'],
  cases: [
    {
      name: 'rows',
      in: {
        X: [
          [2, 3],
          [1, 2, 3, 0, 4, 2],
        ],
      },
      args: { epsilon: 0 },
      out: {
        Y: [
          [2, 3],
          [-1.22474487, 0, 1.22474487, -1.22474487, 1.22474487, 0],
        ],
        mean: [
          [2, 1],
          [2, 2],
        ],
        stdev: [
          [2, 1],
          [0.816496581, 1.63299316],
        ],
      },
    },
    {
      name: 'the last axis, counted from the end',
      in: {
        X: [
          [1, 2, 2],
          [1, 3, 2, 6],
        ],
      },
      args: { axis: -1, epsilon: 0 },
      out: {
        Y: [
          [1, 2, 2],
          [-1, 1, -1, 1],
        ],
        mean: [
          [1, 2, 1],
          [2, 4],
        ],
        stdev: [
          [1, 2, 1],
          [1, 2],
        ],
      },
    },
    {
      name: 'one row',
      in: {
        X: [
          [2, 1],
          [1, 3],
        ],
      },
      args: { axis: 0, epsilon: 3 },
      out: {
        Y: [
          [2, 1],
          [-0.5, 0.5],
        ],
        mean: [[1], [2]],
        stdev: [[1], [2]],
      },
    },
  ],
})
vectors('LayerNorm', {
  cases: [
    { name: 'no rows', in: { X: [[0, 2], []] }, out: { Y: [[0, 2], []], mean: [[0, 1], []], stdev: [[0, 1], []] } },
  ],
  refuses: [
    { name: 'a vector', in: { X: [[2], [1, 2]] }, out: ['Y', 'mean', 'stdev'], code: 'shape', says: /2 dimensions/ },
    {
      name: 'an axis that is not there',
      in: {
        X: [
          [1, 2],
          [1, 2],
        ],
      },
      args: { axis: 2 },
      out: ['Y', 'mean', 'stdev'],
      code: 'argument',
      says: /no axis 2/,
    },
  ],
})
