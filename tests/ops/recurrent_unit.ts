// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const H = [
  [1, 2, 1],
  [0.5, -1],
] as const
const C = [
  [1, 2, 1],
  [0.25, 2],
] as const
const gates = [
  [1, 2, 4],
  [0, 0, 0, 0.5, 1, -1, 2, -0.5],
] as const
const step = [[1], [1], 'int32'] as const
const all = [[2], [2, 5], 'int32'] as const
const some = [[2], [1, 2], 'int32'] as const

vectors('LSTMUnit', {
  grad: ['H_prev', 'C_prev', 'gates'],
  cases: [
    {
      name: 'all rows within their length',
      in: { H_prev: H, C_prev: C, gates, seq_lengths: all, timestep: step },
      out: {
        H: [
          [1, 2, 1],
          [0.170869, 0.173888],
        ],
        C: [
          [1, 2, 1],
          [0.356059, 0.200046],
        ],
      },
    },
    {
      name: 'a row past its length keeps its states',
      in: { H_prev: H, C_prev: C, gates, seq_lengths: some, timestep: step },
      out: {
        H: [
          [1, 2, 1],
          [0.5, 0.173888],
        ],
        C: [
          [1, 2, 1],
          [0.25, 0.200046],
        ],
      },
    },
    {
      name: 'a row past its length drops its states',
      in: { H_prev: H, C_prev: C, gates, seq_lengths: some, timestep: step },
      args: { drop_states: 1 },
      out: {
        H: [
          [1, 2, 1],
          [0, 0.173888],
        ],
        C: [
          [1, 2, 1],
          [0, 0.200046],
        ],
      },
    },
    {
      name: 'without lengths',
      in: { H_prev: H, C_prev: C, gates, timestep: step },
      args: { sequence_lengths: 0 },
      out: {
        H: [
          [1, 2, 1],
          [0.170869, 0.173888],
        ],
        C: [
          [1, 2, 1],
          [0.356059, 0.200046],
        ],
      },
    },
    {
      name: 'a biased forget gate',
      in: { H_prev: H, C_prev: C, gates, timestep: step },
      args: { sequence_lengths: 0, forget_bias: 1 },
      out: {
        H: [
          [1, 2, 1],
          [0.195857, 0.510688],
        ],
        C: [
          [1, 2, 1],
          [0.413823, 0.662163],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'gates of another width',
      in: {
        H_prev: H,
        C_prev: C,
        gates: [
          [1, 2, 2],
          [0, 0, 0, 0],
        ],
        seq_lengths: all,
        timestep: step,
      },
      out: ['H', 'C'],
      code: 'shape',
      says: /4 D/,
    },
  ],
})

const gru = [
  [1, 2, 3],
  [9, 0, 0.5, 9, 1, -0.5],
] as const

vectors('GRUUnit', {
  grad: ['H_prev', 'gates'],
  cases: [
    {
      name: 'all rows within their length',
      in: { H_prev: H, gates: gru, seq_lengths: all, timestep: step },
      out: {
        H: [
          [1, 2, 1],
          [0.481059, -0.855339],
        ],
      },
    },
    {
      name: 'a row past its length keeps its state',
      in: { H_prev: H, gates: gru, seq_lengths: some, timestep: step },
      out: {
        H: [
          [1, 2, 1],
          [0.5, -0.855339],
        ],
      },
    },
    {
      name: 'without lengths',
      in: { H_prev: H, gates: gru, timestep: step },
      args: { sequence_lengths: 0 },
      out: {
        H: [
          [1, 2, 1],
          [0.481059, -0.855339],
        ],
      },
    },
  ],
})
