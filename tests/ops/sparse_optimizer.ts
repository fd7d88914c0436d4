// SPDX-License-Identifier: Apache-2.0
// Steps for the rows that are named; row 1 never is.
import { type Value, vectors } from '../kit/vectors.ts'

const w: Value = [
  [3, 2],
  [1, 2, 3, 4, 3, 4],
]
const zeros: Value = [
  [3, 2],
  [0, 0, 0, 0, 0, 0],
]
const i: Value = [[2], [2, 0], 'int32']
const g: Value = [
  [2, 2],
  [1, -2, 0, 4],
]
const lr: Value = [[1], [-0.5]]

vectors('ScatterAssign', {
  cases: [
    {
      name: 'the last of equals stays',
      in: { w, i: [[2], [1, 1], 'int64'], g },
      out: {
        w: [
          [3, 2],
          [1, 2, 0, 4, 3, 4],
        ],
      },
    },
    {
      name: 'strings',
      in: { x: [[2], ['a', 'b']], i: [[1], [1], 'int32'], s: [[1], ['c']] },
      out: { x: [[2], ['a', 'c']] },
    },
  ],
  refuses: [
    {
      name: 'a row there is not',
      in: { w, i: [[2], [0, 3], 'int32'], g },
      out: ['w'],
      code: 'value',
      says: /index 1 is 3/,
    },
  ],
})
vectors('ScatterWeightedSum', {
  cases: [
    {
      name: 'a row named twice is scaled twice',
      in: { w, half: [[1], [0.5]], i: [[2], [2, 2], 'int32'], g, two: [[1], [2]] },
      out: {
        w: [
          [3, 2],
          [1, 2, 3, 4, 2.75, 5],
        ],
      },
    },
  ],
  refuses: [
    { name: 'a tensor without weight', in: { w, one: [[1], [1]], i, g }, out: ['w'], code: 'argument', says: /pairs/ },
  ],
})

vectors('SparseAdagrad', {
  cases: [
    {
      name: 'one step',
      in: { w, h: zeros, i, g, lr },
      args: { epsilon: 1 },
      out: {
        w: [
          [3, 2],
          [1, 1.6, 3, 4, 2.75, 4 + 1 / 3],
        ],
        h: [
          [3, 2],
          [0, 16, 0, 0, 1, 4],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'a row there is not',
      in: { w, h: zeros, i: [[2], [0, -1], 'int64'], g, lr },
      out: ['w', 'h'],
      code: 'value',
      says: /-1/,
    },
    {
      name: 'a gradient of another size',
      in: { w, h: zeros, i, g: [[2], [1, 2]], lr },
      out: ['w', 'h'],
      code: 'shape',
      says: /4 elements/,
    },
  ],
})
vectors('RowWiseSparseAdagrad', {
  cases: [
    {
      name: 'one step',
      in: { w, h: [[3], [0, 0, 1.5]], i, g, lr },
      args: { epsilon: 1 },
      out: {
        w: [
          [3, 2],
          [1, 2 - 2 / (Math.sqrt(8) + 1), 3, 4, 3 - 0.5 / 3, 4 + 1 / 3],
        ],
        h: [[3], [8, 0, 4]],
      },
    },
  ],
})

// Of a first step with both betas 0.5: correction sqrt(0.5) / 0.5, m = g / 2, v = g^2 / 2.
const step = (gradient: number, squares = gradient * gradient) =>
  (-0.5 * Math.SQRT2 * (gradient / 2)) / (Math.sqrt(squares / 2) + 1)
const iter: Value = [[1], [0], 'int64']
const adam = { beta1: 0.5, beta2: 0.5, epsilon: 1 }
const m1: Value = [
  [3, 2],
  [0, 2, 0, 0, 0.5, -1],
]
vectors('SparseAdam', {
  cases: [
    {
      name: 'one step',
      in: { w, m1: zeros, m2: zeros, i, g, lr, iter },
      args: adam,
      out: {
        w: [
          [3, 2],
          [1, 2 + step(4), 3, 4, 3 + step(1), 4 + step(-2)],
        ],
        m1,
        m2: [
          [3, 2],
          [0, 8, 0, 0, 0.5, 2],
        ],
      },
    },
  ],
})
vectors('RowWiseSparseAdam', {
  cases: [
    {
      name: 'one step',
      in: { w, m1: zeros, m2: [[3], [0, 0, 0]], i, g, lr, iter },
      args: adam,
      out: {
        w: [
          [3, 2],
          [1, 2 + step(4, 8), 3, 4, 3 + step(1, 2.5), 4 + step(-2, 2.5)],
        ],
        m1,
        m2: [[3], [4, 0, 1.25]],
      },
    },
  ],
})
vectors('SparseFtrl', {
  cases: [
    {
      name: 'one step with a rate of its own',
      in: {
        w: [[2], [5, 1]],
        n_z: [
          [2, 2],
          [0, 0, 0, 0],
        ],
        i: [[1], [1], 'int32'],
        g: [[1], [2]],
        alpha: [[1], [0.5]],
      },
      args: { beta: 1, lambda1: 0.5, lambda2: 1 },
      out: {
        w: [[2], [5, 1.5 / 7]],
        n_z: [
          [2, 2],
          [0, 0, 4, -2],
        ],
      },
    },
  ],
})
vectors('SparseMomentumSGDUpdate', {
  cases: [
    {
      name: 'Nesterov',
      in: { g: [[1], [2]], m: [[2], [0, 4]], lr: [[1], [0.5]], w: [[2], [1, 1]], i: [[1], [1], 'int64'] },
      args: { momentum: 0.5, nesterov: 1 },
      out: { new_g: [[1], [2.5]], m: [[2], [0, 3]], w: [[2], [1, -1.5]] },
    },
  ],
})
vectors('SparseNormalize', {
  cases: [
    {
      name: 'only longer rows',
      in: { w, i, g },
      args: { norm: 2.5 },
      out: {
        w: [
          [3, 2],
          [1, 2, 3, 4, 1.5, 2],
        ],
      },
    },
    {
      name: 'all rows',
      in: {
        w,
        i: [[1], [2], 'int32'],
        g: [
          [1, 2],
          [0, 0],
        ],
      },
      args: { norm: 10, use_max_norm: 0 },
      out: {
        w: [
          [3, 2],
          [1, 2, 3, 4, 6, 8],
        ],
      },
    },
  ],
})
