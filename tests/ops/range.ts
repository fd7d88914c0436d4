// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Range', {
  cases: [
    { name: 'stop alone', in: { stop: [[], [3], 'int32'] }, out: { Y: [[3], [0, 1, 2], 'int32'] } },
    { name: 'start and stop', in: { start: [[1], [2]], stop: [[1], [4.5]] }, out: { Y: [[3], [2, 3, 4]] } },
    {
      name: 'going down',
      in: { start: [[], [10], 'int64'], stop: [[], [1], 'int64'], step: [[], [-3], 'int64'] },
      out: { Y: [[3], [10, 7, 4], 'int64'] },
    },
    { name: 'nothing', in: { start: [[], [4]], stop: [[], [2]] }, out: { Y: [[0], []] } },
  ],
})

vectors('LengthsRangeFill', {
  cases: [
    {
      name: 'two lengths and none',
      in: { lengths: [[3], [2, 0, 3], 'int32'] },
      out: { Y: [[5], [0, 1, 0, 1, 2], 'int32'] },
    },
    { name: 'no lengths', in: { lengths: [[0], [], 'int32'] }, out: { Y: [[0], [], 'int32'] } },
  ],
})
