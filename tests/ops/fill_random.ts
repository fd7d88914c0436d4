// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

// Random numbers are known only within their range: here it is so narrow that one number stands for all.
const near = (shape: number[], x: number) => [shape, Array(shape.reduce((a, b) => a * b, 1)).fill(x)] as const

vectors('UniformFill', {
  close: 1e-3,
  cases: [
    { name: 'a narrow range', in: {}, args: { shape: [7], min: 2, max: 2.001 }, out: { Y: near([7], 2) } },
    {
      name: 'bounds by inputs',
      in: { X: [[3], [0, 0, 0]], min: [[1], [2]], max: [[1], [2.001]] },
      out: { Y: near([3], 2) },
    },
    {
      name: 'an empty range by inputs',
      in: {
        X: [
          [3, 2],
          [0, 0, 0, 0, 0, 0],
        ],
        min: [[1], [2]],
        max: [[1], [1]],
      },
      out: { Y: [[0, 2], []] },
    },
  ],
})

vectors('UniformIntFill', {
  close: 0.03,
  cases: [
    {
      name: 'a narrow range',
      in: {},
      args: { shape: [5], min: 100, max: 102 },
      out: { Y: [[5], [101, 101, 101, 101, 101], 'int32'] },
    },
  ],
})

vectors('UniqueUniformFill', {
  cases: [
    {
      name: 'the only number left',
      in: { shape: [[1], [1], 'int64'], avoid: [[2], [3, 5], 'int32'] },
      args: { min: 3, max: 5, input_as_shape: 1 },
      out: { Y: [[1], [4], 'int32'] },
    },
  ],
})

vectors('GaussianFill', {
  close: 1e-3,
  cases: [
    { name: 'a small deviation', in: {}, args: { shape: [3, 3], mean: 5, std: 1e-5 }, out: { Y: near([3, 3], 5) } },
  ],
})

vectors('XavierFill', {
  close: 2e-2,
  cases: [
    { name: 'many inputs', in: {}, args: { shape: [1, 100, 100] }, out: { Y: near([1, 100, 100], 0) } },
    { name: 'no elements', in: {}, args: { shape: [0, 3] }, out: { Y: [[0, 3], []] } },
  ],
})

vectors('MSRAFill', {
  close: 0.1,
  cases: [
    { name: 'many outputs', in: {}, args: { shape: [100, 1, 100] }, out: { Y: near([100, 1, 100], 0) } },
    { name: 'no elements', in: {}, args: { shape: [2, 0] }, out: { Y: [[2, 0], []] } },
  ],
})
