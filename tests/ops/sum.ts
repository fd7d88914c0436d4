// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const A = [[3], [1, 2, 3]] as const
const B = [[3], [3, -4, 0.5]] as const
const C = [[3], [-1, 0.5, 9]] as const

vectors('Sum', {
  grad: ['A', 'B'],
  inplace: true,
  cases: [
    { name: 'two', in: { A, B }, out: { Y: [[3], [4, -2, 3.5]] } },
    { name: 'three', in: { A, B, C }, out: { Y: [[3], [3, -1.5, 12.5]] } },
    { name: 'no elements', in: { A: [[0], []], B: [[0], []] }, out: { Y: [[0], []] } },
  ],
})

vectors('Sum', {
  inplace: true,
  cases: [
    { name: 'one alone', in: { A }, out: { Y: A } },
    {
      name: 'integers',
      in: { A: [[2], [1, 2], 'int32'], B: [[2], [3, 4], 'int32'] },
      out: { Y: [[2], [4, 6], 'int32'] },
    },
  ],
})

vectors('SumInt', {
  cases: [
    { name: 'two', in: { A: [[2], [1, 2], 'int32'], B: [[2], [3, 4], 'int32'] }, out: { Y: [[2], [4, 6], 'int32'] } },
  ],
})

vectors('Mean', {
  grad: ['A', 'B'],
  inplace: true,
  cases: [
    { name: 'two', in: { A, B }, out: { Y: [[3], [2, -1, 1.75]] } },
    { name: 'three', in: { A, B, C }, out: { Y: [[3], [1, -0.5, 4.1666667]] } },
  ],
})

vectors('Max', {
  grad: ['A', 'B'],
  inplace: true,
  cases: [
    { name: 'two', in: { A, B }, out: { Y: [[3], [3, 2, 3]] } },
    { name: 'three', in: { A, B, C }, out: { Y: [[3], [3, 2, 9]] } },
  ],
})

vectors('MaxGradient', {
  cases: [
    {
      name: 'every input that is as large has it all',
      in: { Y: [[2], [3, 2]], dY: [[2], [7, 8]], A: [[2], [3, 2]], B: [[2], [3, 1]] },
      out: { dA: [[2], [7, 8]], dB: [[2], [7, 0]] },
    },
  ],
})

vectors('Min', {
  grad: ['A', 'B'],
  inplace: true,
  cases: [{ name: 'three', in: { A, B, C }, out: { Y: [[3], [-1, -4, 0.5]] } }],
})
