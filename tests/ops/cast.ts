// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Cast', {
  cases: [
    {
      name: 'to integers: towards zero',
      in: { X: [[4], [1.9, -1.9, 0.5, 1e6]] },
      args: { to: 'int32' },
      out: { Y: [[4], [1, -1, 0, 1000000], 'int32'] },
    },
    {
      name: 'a type by its number',
      in: { X: [[3], [0, 128, 255], 'uint8'] },
      args: { to: 1 },
      out: { Y: [[3], [0, 128, 255]] },
    },
    {
      name: 'a type by its name in capitals',
      in: { X: [[2], [3, -4], 'int32'] },
      args: { to: 'DOUBLE' },
      out: { Y: [[2], [3, -4], 'float64'] },
    },
    {
      name: 'to bool: all but 0',
      in: { X: [[4], [0, 0.25, -3, Number.NaN]] },
      args: { to: 'bool' },
      out: { Y: [[4], [0, 1, 1, 1], 'bool'] },
    },
    {
      name: 'to narrow integers: around the end',
      in: { X: [[4], [-1, 256, 300.5, -6.5]] },
      args: { to: 'uint8' },
      out: { Y: [[4], [255, 0, 44, 250], 'uint8'] },
    },
    {
      name: 'int64 exactly',
      in: { X: [[2], [9007199254740991, -1], 'int64'] },
      args: { to: 'int64' },
      out: { Y: [[2], [9007199254740991, -1], 'int64'] },
    },
    {
      name: 'to half',
      in: { X: [[7], [1, -2, 65504, 65520, 5.9604645e-8, 1.0009766, -0]] },
      args: { to: 'float16' },
      out: { Y: [[7], [1, -2, 65504, Number.POSITIVE_INFINITY, 5.9604645e-8, 1.0009766, -0], 'float16'] },
    },
    {
      name: 'from half',
      in: { X: [[5], [1, -5.9604645e-8, 65504, Number.NEGATIVE_INFINITY, Number.NaN], 'float16'] },
      args: { to: 'float32' },
      out: { Y: [[5], [1, -5.9604645e-8, 65504, Number.NEGATIVE_INFINITY, Number.NaN]] },
    },
    { name: 'no elements', in: { X: [[0, 2], []] }, args: { to: 'int64' }, out: { Y: [[0, 2], [], 'int64'] } },
  ],
})

vectors('Cast', {
  grad: ['X'],
  cases: [
    {
      name: 'the same type',
      in: { X: [[2], [1.5, -2]] },
      args: { to: 'float', from_type: 'float' },
      out: { Y: [[2], [1.5, -2]] },
    },
  ],
})
