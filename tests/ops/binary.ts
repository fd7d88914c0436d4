// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

vectors('Add', {
  grad: ['A', 'B'],
  inplace: true,
  cases: [
    {
      name: 'one shape',
      in: { A: [[5], [1, 2, 3, 4, 5]], B: [[5], [5, 4, 3, 2, 0.5]] },
      out: { C: [[5], [6, 6, 6, 6, 5.5]] },
    },
    {
      name: 'older rules: a suffix',
      in: {
        A: [
          [2, 3],
          [1, 2, 3, 4, 5, 6],
        ],
        B: [[3], [10, 20, 30]],
      },
      args: { broadcast: 1 },
      out: {
        C: [
          [2, 3],
          [11, 22, 33, 14, 25, 36],
        ],
      },
    },
    {
      name: 'older rules: the channels by their letter',
      in: {
        A: [
          [1, 2, 1, 2],
          [1, 2, 3, 4],
        ],
        B: [[2], [10, 20]],
      },
      args: { broadcast: 1, axis_str: 'C', order: 'NCHW' },
      out: {
        C: [
          [1, 2, 1, 2],
          [11, 12, 23, 24],
        ],
      },
    },
    {
      name: 'older rules: ones at both ends of B',
      in: {
        A: [
          [1, 2, 2, 2],
          [1, 2, 3, 4, 5, 6, 7, 8],
        ],
        B: [
          [1, 2, 1],
          [10, 20],
        ],
      },
      args: { broadcast: 1, axis: 1 },
      out: {
        C: [
          [1, 2, 2, 2],
          [11, 12, 23, 24, 15, 16, 27, 28],
        ],
      },
    },
    {
      name: 'older rules: one element',
      in: {
        A: [
          [2, 2],
          [1, 2, 3, 4],
        ],
        B: [[1], [10]],
      },
      args: { broadcast: 1 },
      out: {
        C: [
          [2, 2],
          [11, 12, 13, 14],
        ],
      },
    },
    {
      name: 'no elements',
      in: { A: [[0, 3], []], B: [[3], [1, 2, 3]] },
      args: { broadcast: 1 },
      out: { C: [[0, 3], []] },
    },
  ],
})

vectors('Add', {
  cases: [
    {
      name: "numpy's rules: a row and a column",
      in: {
        A: [
          [2, 1],
          [1, 2],
        ],
        B: [[3], [10, 20, 30]],
      },
      out: {
        C: [
          [2, 3],
          [11, 21, 31, 12, 22, 32],
        ],
      },
    },
    {
      name: "numpy's rules: a dimension in the middle",
      in: {
        A: [
          [2, 1, 2],
          [1, 2, 3, 4],
        ],
        B: [
          [2, 2, 1],
          [10, 20, 30, 40],
        ],
      },
      out: {
        C: [
          [2, 2, 2],
          [11, 12, 21, 22, 33, 34, 43, 44],
        ],
      },
    },
    { name: "numpy's rules: a scalar first", in: { A: [[], [1]], B: [[2], [2, 3]] }, out: { C: [[2], [3, 4]] } },
    {
      name: 'int32 wraps around',
      in: { A: [[2], [2147483647, 1], 'int32'], B: [[2], [1, 2], 'int32'] },
      out: { C: [[2], [-2147483648, 3], 'int32'] },
    },
    {
      name: 'int64',
      in: { A: [[2], [4294967296, 1], 'int64'], B: [[1], [1], 'int64'] },
      args: { broadcast: 1 },
      out: { C: [[2], [4294967297, 2], 'int64'] },
    },
    {
      name: 'float64',
      in: { A: [[1], [0.1], 'float64'], B: [[1], [0.2], 'float64'] },
      out: { C: [[1], [0.1 + 0.2], 'float64'] },
    },
  ],
})

vectors('Sub', {
  grad: ['A', 'B'],
  inplace: true,
  cases: [
    { name: 'one shape', in: { A: [[3], [1, 2, 3]], B: [[3], [3, 2, 0.5]] }, out: { C: [[3], [-2, 0, 2.5]] } },
    {
      name: 'older rules: from dimension 0',
      in: {
        A: [
          [2, 3],
          [1, 2, 3, 4, 5, 6],
        ],
        B: [[2], [1, 10]],
      },
      args: { broadcast: 1, axis: 0 },
      out: {
        C: [
          [2, 3],
          [0, 1, 2, -6, -5, -4],
        ],
      },
    },
  ],
})

vectors('Mul', {
  grad: ['A', 'B'],
  cases: [
    { name: 'one shape', in: { A: [[3], [1, 2, 3]], B: [[3], [3, 2, 0.5]] }, out: { C: [[3], [3, 4, 1.5]] } },
    {
      name: 'older rules: two dimensions in the middle',
      in: {
        A: [
          [1, 2, 2, 2],
          [1, 2, 3, 4, 5, 6, 7, 8],
        ],
        B: [
          [2, 2],
          [1, 2, 3, 4],
        ],
      },
      args: { broadcast: 1, axis: 1 },
      out: {
        C: [
          [1, 2, 2, 2],
          [1, 2, 6, 8, 15, 18, 28, 32],
        ],
      },
    },
  ],
})

vectors('Div', {
  grad: ['A', 'B'],
  cases: [{ name: 'one shape', in: { A: [[3], [1, 2, 3]], B: [[3], [4, 2, 0.5]] }, out: { C: [[3], [0.25, 1, 6]] } }],
})

vectors('Div', {
  inplace: true,
  cases: [
    {
      name: 'older rules',
      in: {
        A: [
          [2, 2],
          [1, 2, 3, 4],
        ],
        B: [[2], [2, 4]],
      },
      args: { broadcast: 1 },
      out: {
        C: [
          [2, 2],
          [0.5, 0.5, 1.5, 1],
        ],
      },
    },
    {
      name: 'integers towards zero',
      in: { A: [[4], [7, -7, 7, -2147483648], 'int32'], B: [[4], [2, 2, -2, -1], 'int32'] },
      out: { C: [[4], [3, -3, -3, -2147483648], 'int32'] },
    },
  ],
})
