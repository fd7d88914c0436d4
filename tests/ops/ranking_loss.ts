// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

vectors('CosineEmbeddingCriterion', {
  grad: ['S'],
  cases: [
    {
      name: 'alike and unlike',
      in: { S: [[3], [0.5, 0.5, -0.5]], Y: [[3], [1, -1, -1], 'int32'] },
      args: { margin: 0.25 },
      out: { loss: [[3], [0.5, 0.25, 0]] },
    },
  ],
})

vectors('MarginRankingCriterion', {
  grad: ['X1', 'X2'],
  cases: [
    {
      name: 'in order and not',
      in: { X1: [[3], [2, 0, 1]], X2: [[3], [0, 1, 3]], Y: [[3], [1, 1, -1], 'int32'] },
      out: { loss: [[3], [0, 2, 0]] },
    },
    {
      name: 'a margin',
      in: { X1: [[1], [1]], X2: [[1], [0]], Y: [[1], [1], 'int32'] },
      args: { margin: 3 },
      out: { loss: [[1], [2]] },
    },
  ],
})

const X: Value = [[4], [0.5, -0.5, 1, 0]]
const label: Value = [[4], [1, 0, 0, 1]]
vectors('PairWiseLoss', {
  grad: ['X'],
  cases: [
    { name: 'one session', in: { X, label }, out: { Y: [[1], [0.768669336]] } },
    {
      name: 'two sessions and an empty one',
      in: { X, label, lengths: [[3], [2, 0, 2], 'int32'] },
      out: { Y: [[3], [0.313261688, 0, 1.31326169]] },
    },
  ],
})
vectors('PairWiseLoss', {
  cases: [{ name: 'no rows', in: { X: [[0], []], label: [[0], []] }, out: { Y: [[0], []] } }],
  refuses: [
    {
      name: 'lengths that do not fit',
      in: { X, label, lengths: [[2], [2, 1], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /must sum to the 4 rows/,
    },
    {
      name: 'a negative length',
      in: { X, label, lengths: [[2], [5, -1], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /must not be negative/,
    },
  ],
})

vectors('LambdaRankNdcg', {
  cases: [
    {
      name: 'two in the wrong order',
      in: { y: [[2], [0, 1]], r: [[2], [1, 0]] },
      out: { loss: [[1], [0.368452114]], dy: [[2], [-0.102553848, 0.102553848]] },
    },
    { name: 'one', in: { y: [[1], [3]], r: [[1], [1]] }, out: { loss: [[1], [0]], dy: [[1], [0]] } },
  ],
})
