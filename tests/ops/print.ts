// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Print', {
  cases: [
    { name: 'floats', in: { X: [[2], [1.5, -2]] }, out: {} },
    { name: 'strings', in: { X: [[2], ['a', 'b']] }, out: {} },
    { name: 'no elements', in: { X: [[0], []] }, out: {} },
  ],
})
