// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Unique', {
  cases: [
    {
      name: 'with remapping',
      in: { X: [[5], [3, -1, 3, 2, -1], 'int64'] },
      out: { Y: [[3], [-1, 2, 3], 'int64'], remapping: [[5], [2, 0, 2, 1, 0], 'int32'] },
    },
    { name: 'nothing', in: { X: [[0], [], 'int32'] }, out: { Y: [[0], [], 'int32'], remapping: [[0], [], 'int32'] } },
  ],
})
vectors('FindDuplicateElements', {
  cases: [
    { name: 'strings', in: { X: [[5], ['b', 'a', 'b', 'c', 'b']] }, out: { Y: [[2], [2, 4], 'int64'] } },
    { name: 'NaN is no duplicate', in: { X: [[4], [NaN, 1, NaN, 1]] }, out: { Y: [[1], [3], 'int64'] } },
    { name: 'nothing', in: { X: [[0], []] }, out: { Y: [[0], [], 'int64'] } },
  ],
})
vectors('Find', {
  cases: [
    {
      name: 'the last place',
      in: { index: [[4], [5, 7, 5, 9], 'int32'], query: [[3], [5, 9, 8], 'int32'] },
      out: { Y: [[3], [2, 3, -1], 'int32'] },
    },
    {
      name: 'an empty index',
      in: { index: [[0], [], 'int64'], query: [[1], [5], 'int64'] },
      args: { missing_value: 7 },
      out: { Y: [[1], [7], 'int64'] },
    },
  ],
})
