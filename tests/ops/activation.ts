// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [[7], [-3, -1, -0.25, 0.25, 0.5, 1, 3]] as const
const shapes = [[], [7, 3], [2, 3, 17, 5]] as const

vectors('Softplus', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: 'both signs',
      in: { X },
      out: { Y: [[7], [0.0485873516, 0.313261688, 0.575939411, 0.825939411, 0.974076984, 1.31326169, 3.04858735]] },
    },
  ],
  random: { shapes, ref: (x) => Math.log1p(Math.exp(x)) },
})
vectors('Softplus', {
  cases: [{ name: 'no overflow', in: { X: [[3], [100, -100, Infinity]] }, out: { Y: [[3], [100, 0, Infinity]] } }],
})
vectors('Softsign', {
  grad: ['X'],
  cases: [{ name: 'both signs', in: { X }, out: { Y: [[7], [-0.75, -0.5, -0.2, 0.2, 1 / 3, 0.5, 0.75]] } }],
  random: { shapes, ref: (x) => x / (1 + Math.abs(x)) },
})
vectors('Selu', {
  grad: ['X'],
  inplace: true,
  cases: [
    {
      name: 'alpha and scale',
      in: { X: [[3], [-1, 2, 0.5]] },
      args: { alpha: 2, scale: 3 },
      out: { Y: [[3], [-3.79272335, 6, 1.5]] },
    },
  ],
  random: { shapes, ref: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)) },
})
vectors('ThresholdedRelu', {
  grad: ['X'],
  inplace: true,
  cases: [{ name: 'threshold', in: { X }, args: { alpha: 0.4 }, out: { Y: [[7], [0, 0, 0, 0, 0.5, 1, 3]] } }],
})
vectors('ThresholdedRelu', {
  cases: [
    { name: 'the threshold itself is below', in: { X: [[2], [1, 1.5]] }, out: { Y: [[2], [0, 1.5]] } },
    { name: 'nothing', in: { X: [[0], []] }, out: { Y: [[0], []] } },
  ],
})
vectors('Logit', {
  grad: ['X'],
  inplace: true,
  cases: [
    { name: 'probabilities', in: { X: [[3], [0.25, 0.5, 0.75]] }, out: { Y: [[3], [-1.09861229, 0, 1.09861229]] } },
  ],
})
vectors('Logit', {
  close: 1e-4,
  cases: [
    {
      name: 'kept from 0 and 1',
      in: { X: [[2], [-1, 2]] },
      args: { eps: 0.125 },
      out: { Y: [[2], [-1.94591015, 1.94591015]] },
    },
  ],
})
vectors('Swish', {
  grad: ['X'],
  cases: [{ name: 'both signs', in: { X: [[3], [-1, 0, 2]] }, out: { Y: [[3], [-0.268941421, 0, 1.76159416]] } }],
  random: { shapes, ref: (x) => x / (1 + Math.exp(-x)) },
})
vectors('Swish', {
  cases: [{ name: 'float64', in: { X: [[1], [1], 'float64'] }, out: { Y: [[1], [0.7310585786300049], 'float64'] } }],
  refuses: [{ name: 'integers', in: { X: [[1], [1], 'int32'] }, out: ['Y'], code: 'type', says: /float32 or float64/ }],
})
