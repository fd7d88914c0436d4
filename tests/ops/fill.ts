// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('ConstantFill', {
  cases: [
    { name: 'floats', in: {}, args: { shape: [3], value: 1.5 }, out: { Y: [[3], [1.5, 1.5, 1.5]] } },
    { name: 'nothing told: a float 0', in: {}, args: { shape: [1] }, out: { Y: [[1], [0]] } },
    { name: 'a whole value makes int64', in: {}, args: { shape: [2], value: 7 }, out: { Y: [[2], [7, 7], 'int64'] } },
    {
      name: 'a whole value meant as a float',
      in: {},
      args: { shape: [2], value: { float: 7 } },
      out: { Y: [[2], [7, 7]] },
    },
    { name: 'a type', in: {}, args: { shape: [2], value: 1, dtype: 5 }, out: { Y: [[2], [1, 1], 'bool'] } },
    { name: 'strings', in: {}, args: { shape: [2], value: 'x', dtype: 4 }, out: { Y: [[2], ['x', 'x']] } },
    { name: 'a scalar', in: {}, args: { shape: [], value: 2.5 }, out: { Y: [[], [2.5]] } },
    {
      name: 'the shape of an input and more',
      in: { X: [[2], [0, 0]] },
      args: { value: 0.5, extra_shape: [1] },
      out: {
        Y: [
          [2, 1],
          [0.5, 0.5],
        ],
      },
    },
    {
      name: 'the shape in an input',
      in: { shape: [[2], [1, 2], 'int64'] },
      args: { value: 0.5, input_as_shape: 1 },
      out: {
        Y: [
          [1, 2],
          [0.5, 0.5],
        ],
      },
    },
  ],
})

vectors('ConstantFill', {
  inplace: true,
  cases: [
    { name: 'over its input', in: { X: [[2], [1, 2], 'int32'] }, args: { value: 0.5 }, out: { Y: [[2], [0.5, 0.5]] } },
  ],
})

vectors('DiagonalFill', {
  cases: [
    {
      name: 'a wide matrix',
      in: {},
      args: { shape: [2, 3], value: 1.5 },
      out: {
        Y: [
          [2, 3],
          [1.5, 0, 0, 0, 1.5, 0],
        ],
      },
    },
    {
      name: 'three dimensions',
      in: {},
      args: { shape: [2, 2, 2], value: 1, dtype: 2 },
      out: { Y: [[2, 2, 2], [1, 0, 0, 0, 0, 0, 0, 1], 'int32'] },
    },
  ],
})

vectors('RangeFill', {
  cases: [
    {
      name: 'a matrix',
      in: {},
      args: { shape: [2, 2] },
      out: {
        Y: [
          [2, 2],
          [0, 1, 2, 3],
        ],
      },
    },
  ],
})

vectors('GivenTensorFill', {
  cases: [
    {
      name: 'floats',
      in: {},
      args: { shape: [2, 2], values: [1.5, 2, -3, 0.25] },
      out: {
        Y: [
          [2, 2],
          [1.5, 2, -3, 0.25],
        ],
      },
    },
    { name: 'whole numbers', in: {}, args: { shape: [2], values: [1, 2] }, out: { Y: [[2], [1, 2]] } },
    {
      name: 'another type',
      in: {},
      args: { shape: [2], values: [1, 2], dtype: 10 },
      out: { Y: [[2], [1, 2], 'int64'] },
    },
    { name: 'no elements', in: {}, args: { shape: [0, 3], values: [] }, out: { Y: [[0, 3], []] } },
    {
      name: 'the shape of an input',
      in: {
        X: [
          [1, 2],
          [0, 0],
        ],
      },
      args: { values: [1.5, 2] },
      out: {
        Y: [
          [1, 2],
          [1.5, 2],
        ],
      },
    },
  ],
})

const given = { shape: [3], values: [1, 0, -2] }
vectors('GivenTensorFill', {
  cases: [
    {
      name: 'the shape in an input',
      in: { shape: [[2], [2, 1], 'int64'] },
      args: { values: [1.5, 2], input_as_shape: 1 },
      out: {
        Y: [
          [2, 1],
          [1.5, 2],
        ],
      },
    },
    {
      name: 'the shape of an input and more',
      in: { X: [[1], [0]] },
      args: { values: [1.5, 2], extra_shape: [2] },
      out: {
        Y: [
          [1, 2],
          [1.5, 2],
        ],
      },
    },
  ],
})
vectors('GivenTensorIntFill', {
  cases: [{ name: 'three', in: {}, args: given, out: { Y: [[3], [1, 0, -2], 'int32'] } }],
})
vectors('GivenTensorInt64Fill', {
  cases: [{ name: 'three', in: {}, args: given, out: { Y: [[3], [1, 0, -2], 'int64'] } }],
})
vectors('GivenTensorBoolFill', {
  cases: [{ name: 'three', in: {}, args: given, out: { Y: [[3], [1, 0, 1], 'bool'] } }],
})
vectors('GivenTensorDoubleFill', {
  cases: [{ name: 'three', in: {}, args: given, out: { Y: [[3], [1, 0, -2], 'float64'] } }],
})
vectors('GivenTensorStringFill', {
  cases: [{ name: 'two', in: {}, args: { shape: [2], values: ['a', 'b'] }, out: { Y: [[2], ['a', 'b']] } }],
})
