// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('WeightedSample', {
  cases: [
    {
      name: 'only one has weight',
      in: {
        weights: [
          [2, 3],
          [0, 0, 2, 0, 1, 0],
        ],
        values: [
          [2, 3],
          [1, 2, 3, 4, 5, 6],
        ],
      },
      out: {
        indices: [[2, 1], [2, 1], 'int32'],
        drawn: [
          [2, 1],
          [3, 5],
        ],
      },
    },
    { name: 'no weights', in: { weights: [[0, 0], []] }, out: { indices: [[0], [], 'int32'] } },
  ],
  refuses: [
    { name: 'a negative weight', in: { weights: [[1, 1], [-1]] }, out: ['indices'], code: 'value', says: /0 or more/ },
  ],
})
vectors('WeightedMultiSampling', {
  cases: [
    {
      name: 'only one has weight',
      in: { cdf: [[3], [0, 2, 2]] },
      args: { num_samples: 3 },
      out: { indices: [[3], [1, 1, 1], 'int32'] },
    },
    {
      name: 'the shape of an input',
      in: {
        cdf: [[1], [1]],
        like: [
          [1, 2],
          [0, 0],
        ],
      },
      out: { indices: [[1, 2], [0, 0], 'int32'] },
    },
  ],
  refuses: [{ name: 'no number', in: { cdf: [[1], [1]] }, out: ['indices'], code: 'argument', says: /either/ }],
})
