// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('IsEmpty', {
  cases: [
    { name: 'nothing', in: { X: [[0, 2], []] }, out: { Y: [[], [1], 'bool'] } },
    { name: 'a scalar', in: { X: [[], [0]] }, out: { Y: [[], [0], 'bool'] } },
  ],
})
vectors('HasElements', {
  cases: [
    { name: 'nothing', in: { X: [[0, 2], []] }, out: { Y: [[], [0], 'bool'] } },
    { name: 'strings', in: { X: [[1], ['']] }, out: { Y: [[], [1], 'bool'] } },
  ],
})
vectors('Assert', {
  cases: [{ name: 'all hold', in: { X: [[3], [1, -1, 256], 'int32'] }, out: {} }],
  refuses: [
    {
      name: 'one does not',
      in: { X: [[2], [1, 0], 'bool'] },
      args: { error_msg: 'so what' },
      out: [],
      code: 'value',
      says: /element 1.*so what/,
    },
  ],
})
