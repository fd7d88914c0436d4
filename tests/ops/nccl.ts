// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const A: Value = [[3], [1, 2, 3]]
const B: Value = [[3], [3, -4, 0.5]]
const C: Value = [[3], [-1, 0.5, 9]]
const none: Value = [[0], []]
const sum: Value = [[3], [3, -1.5, 12.5]]
// 17 tensors: one more than Caffe2 takes.
const tooMany = Object.fromEntries(Array.from({ length: 17 }, (_, i): [string, Value] => [`X${i}`, A]))

vectors('NCCLAllreduce', {
  cases: [
    { name: 'three', in: { A, B, C }, out: { X: sum, Y: sum, Z: sum } },
    { name: 'into the inputs', in: { A, B, C }, out: { A: sum, B: sum, C: sum } },
    { name: 'into inputs in another order', in: { A, B, C }, out: { B: sum, Y: sum, A: sum } },
    { name: 'one alone', in: { A }, out: { Y: A } },
    { name: 'no elements', in: { A: none, B: none }, out: { X: none, Y: none } },
    {
      name: 'scalars',
      in: { A: [[], [1.5]], B: [[], [-4]] },
      out: { X: [[], [-2.5]], Y: [[], [-2.5]] },
    },
  ],
  refuses: [
    { name: 'fewer outputs than inputs', in: { A, B }, out: ['Y'], code: 'argument', says: /2 inputs, 1 outputs/ },
    { name: 'shapes that differ', in: { A, B: [[2], [1, 2]] }, out: ['X', 'Y'], code: 'shape', says: /\[3\].*\[2\]/ },
    {
      name: 'integers',
      in: { A: [[1], [1], 'int32'], B: [[1], [1], 'int32'] },
      out: ['X', 'Y'],
      code: 'type',
      says: /float32 or float16, are int32/,
    },
    { name: 'more than 16', in: tooMany, out: Object.keys(tooMany), code: 'argument', says: /at most 16.*17/ },
  ],
})

vectors('NCCLBroadcast', {
  cases: [
    { name: 'the first', in: { A, B }, out: { A, B: A } },
    { name: 'another', in: { A, B, C }, args: { root: 1 }, out: { A: B, B, C: B } },
    { name: 'one alone', in: { A }, out: { A } },
  ],
  refuses: [
    {
      name: 'a root that is not there',
      in: { A, B },
      args: { root: 2 },
      out: ['A', 'B'],
      code: 'argument',
      says: /root is 2, expected 0 to 1/,
    },
    { name: 'other outputs', in: { A, B }, out: ['A', 'Y'], code: 'argument', says: /output 1 must be "B", is "Y"/ },
  ],
})

vectors('NCCLReduce', {
  inplace: true,
  cases: [
    { name: 'three', in: { A, B, C }, out: { Y: sum } },
    { name: 'for another than the first', in: { A, B, C }, args: { root: 2 }, out: { C: sum } },
    { name: 'one alone', in: { A }, out: { Y: A } },
  ],
  refuses: [
    {
      name: 'a root that is not there',
      in: { A, B },
      args: { root: -1 },
      out: ['Y'],
      code: 'argument',
      says: /root is -1, expected 0 to 1/,
    },
  ],
})

const both: Value = [
  [2, 3],
  [1, 2, 3, 3, -4, 0.5],
]

vectors('NCCLAllGather', {
  cases: [
    { name: 'two', in: { A, B }, out: { X: both, Y: both } },
    {
      name: 'one alone',
      in: { A },
      out: {
        Y: [
          [1, 3],
          [1, 2, 3],
        ],
      },
    },
    { name: 'scalars', in: { A: [[], [5]], B: [[], [6]] }, out: { X: [[2], [5, 6]], Y: [[2], [5, 6]] } },
    { name: 'no elements', in: { A: none, B: none }, out: { X: [[2, 0], []], Y: [[2, 0], []] } },
  ],
  refuses: [
    { name: 'an output that is an input', in: { A, B }, out: ['A', 'Y'], code: 'argument', says: /same blob "A"/ },
  ],
})

vectors('NCCLReduceScatter', {
  cases: [
    {
      name: 'two',
      in: {
        A: both,
        B: [
          [2, 3],
          [10, 20, 30, 40, 50, 60],
        ],
      },
      out: { X: [[3], [11, 22, 33]], Y: [[3], [43, 46, 60.5]] },
    },
    { name: 'a number for each', in: { A: [[2], [1, 2]], B: [[2], [5, 7]] }, out: { X: [[], [6]], Y: [[], [9]] } },
    {
      name: 'one alone',
      in: {
        A: [
          [1, 3],
          [1, 2, 3],
        ],
      },
      out: { Y: A },
    },
  ],
  refuses: [
    {
      name: 'rows that are not as many',
      in: { A, B },
      out: ['X', 'Y'],
      code: 'shape',
      says: /must be the number of tensors, 2; their shape is \[3\]/,
    },
  ],
})
