// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const X = [[4], [-1.5, -0.25, 0, 1.25]] as const

vectors('Ceil', { inplace: true, cases: [{ name: 'both signs', in: { X }, out: { Y: [[4], [-1, 0, 0, 2]] } }] })
vectors('Floor', { inplace: true, cases: [{ name: 'both signs', in: { X }, out: { Y: [[4], [-2, -1, 0, 1]] } }] })
vectors('Sign', {
  cases: [
    { name: 'both signs', in: { X }, out: { Y: [[4], [-1, -1, 0, 1]] } },
    { name: 'int64', in: { X: [[2], [-7, 9], 'int64'] }, out: { Y: [[2], [-1, 1], 'int64'] } },
  ],
})
vectors('StumpFunc', {
  cases: [
    {
      name: 'the threshold itself is below',
      in: { X },
      args: { threshold: 0, low_value: -2, high_value: 3 },
      out: { Y: [[4], [-2, -2, -2, 3]] },
    },
  ],
})
vectors('ReplaceNaN', {
  inplace: true,
  cases: [
    { name: 'a value', in: { X: [[3], [NaN, 1, Infinity]] }, args: { value: 5 }, out: { Y: [[3], [5, 1, Infinity]] } },
    { name: 'float64', in: { X: [[2], [NaN, 1], 'float64'] }, out: { Y: [[2], [0, 1], 'float64'] } },
  ],
})
vectors('NanCheck', {
  grad: ['X'],
  inplace: true,
  cases: [{ name: 'finite', in: { X }, out: { Y: X } }],
  refuses: [
    { name: 'NaN', in: { X: [[2], [1, NaN]] }, out: ['Y'], code: 'value', says: /element 1/ },
    { name: 'infinity', in: { X: [[1], [-Infinity]] }, out: ['Y'], code: 'value', says: /finite/ },
  ],
})
vectors('NanCheck', { cases: [{ name: 'others are not looked at', in: { X, Z: [[1], [NaN]] }, out: { Y: X } }] })
