// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const shapes = [[], [7, 3], [2, 3, 17, 5]] as const

vectors('Sin', {
  grad: ['X'],
  cases: [{ name: 'some angles', in: { X: [[3], [0, 0.5, -1]] }, out: { Y: [[3], [0, 0.479425539, -0.841470985]] } }],
  random: { shapes, ref: Math.sin },
})
vectors('Cos', {
  grad: ['X'],
  cases: [{ name: 'some angles', in: { X: [[3], [0, 0.5, -1]] }, out: { Y: [[3], [1, 0.877582562, 0.540302306]] } }],
  random: { shapes, ref: Math.cos },
})
