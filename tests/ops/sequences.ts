// SPDX-License-Identifier: Apache-2.0
import { vectors } from '../kit/vectors.ts'

const rows = [
  [4, 1],
  [1, 2, 3, 4],
] as const
const lengths = [[3], [1, 0, 3], 'int32'] as const
const negative = [[2], [-1, 2], 'int32'] as const
const bySegment = [
  [3, 3, 1],
  [1, 0, 0, 0, 0, 0, 2, 3, 4],
] as const
const byStep = [
  [3, 3, 1],
  [1, 0, 2, 0, 0, 3, 0, 0, 4],
] as const

vectors('PackSegments', {
  grad: ['data'],
  cases: [{ name: 'one of them empty', in: { lengths, data: rows }, out: { packed: bySegment } }],
  refuses: [
    {
      name: 'a negative length',
      in: { lengths: negative, data: rows },
      out: ['packed'],
      code: 'value',
      says: /negative/,
    },
    {
      name: 'more than there is',
      in: { lengths: [[1], [5], 'int32'], data: rows },
      out: ['packed'],
      code: 'shape',
      says: /5/,
    },
  ],
})
vectors('PackSegments', {
  cases: [
    { name: 'no segments', in: { lengths: [[0], [], 'int32'], data: [[0, 2], []] }, out: { packed: [[0, 0, 2], []] } },
    {
      name: 'strings, and what is there',
      in: { lengths: [[2], [1, 2], 'int64'], data: [[3], ['a', 'b', 'c']] },
      args: { return_presence_mask: 1 },
      out: {
        packed: [
          [2, 2],
          ['a', '', 'b', 'c'],
        ],
        mask: [[2, 2], [1, 0, 1, 1], 'bool'],
      },
    },
  ],
})
vectors('UnpackSegments', {
  grad: ['data'],
  cases: [{ name: 'one of them empty', in: { lengths, data: bySegment }, out: { rows } }],
})
vectors('PackRNNSequence', {
  grad: ['values'],
  cases: [{ name: 'one of them empty', in: { values: rows, lengths }, out: { packed: byStep } }],
})
vectors('UnpackRNNSequence', {
  grad: ['values'],
  cases: [{ name: 'one of them empty', in: { values: byStep, lengths }, out: { rows } }],
  refuses: [
    {
      name: 'a sequence longer than the data',
      in: { values: byStep, lengths: [[3], [1, 0, 4], 'int32'] },
      out: ['rows'],
      code: 'shape',
      says: /longest/,
    },
  ],
})

const square = [
  [3, 3],
  [1, 2, 3, 4, 5, 6, 7, 8, 9],
] as const

vectors('SequenceMask', {
  grad: ['X'],
  cases: [
    {
      name: 'lengths',
      in: { X: square, lengths: [[3], [1, 5, 0], 'int32'] },
      args: { mode: 'sequence', fill_val: -1 },
      out: {
        Y: [
          [3, 3],
          [1, -1, -1, 4, 5, 6, -1, -1, -1],
        ],
      },
    },
    {
      name: 'windows',
      in: { X: square, centers: [[3], [0, 2, 9], 'int32'] },
      args: { mode: 'window', radius: 1, fill_val: 0.5 },
      out: {
        Y: [
          [3, 3],
          [1, 2, 0.5, 0.5, 5, 6, 0.5, 0.5, 0.5],
        ],
      },
    },
    {
      name: 'upper',
      in: { X: square },
      args: { mode: 'upper', fill_val: 0 },
      out: {
        Y: [
          [3, 3],
          [1, 0, 0, 4, 5, 0, 7, 8, 9],
        ],
      },
    },
    {
      name: 'lower',
      in: { X: square },
      args: { mode: 'lower', fill_val: 0 },
      out: {
        Y: [
          [3, 3],
          [1, 2, 3, 0, 5, 6, 0, 0, 9],
        ],
      },
    },
    {
      name: 'upperdiag',
      in: { X: square },
      args: { mode: 'upperdiag', fill_val: 0 },
      out: {
        Y: [
          [3, 3],
          [0, 0, 0, 4, 0, 0, 7, 8, 0],
        ],
      },
    },
    {
      name: 'lowerdiag of a batch',
      in: {
        X: [
          [2, 2, 2],
          [1, 2, 3, 4, 5, 6, 7, 8],
        ],
      },
      args: { mode: 'lowerdiag', axis: -1, batch: 0, fill_val: 0 },
      out: {
        Y: [
          [2, 2, 2],
          [0, 2, 0, 0, 0, 6, 0, 0],
        ],
      },
    },
    {
      name: 'lengths of what repeats',
      in: {
        X: [
          [2, 2, 2],
          [1, 2, 3, 4, 5, 6, 7, 8],
        ],
        lengths: [[2], [1, 2], 'int32'],
      },
      args: { mode: 'sequence', axis: 1, repeat_from_axis: 2, fill_val: 0 },
      out: {
        Y: [
          [2, 2, 2],
          [1, 2, 0, 0, 5, 6, 7, 8],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'a mode that is not there',
      in: { X: square },
      args: { mode: 'upside' },
      out: ['Y'],
      code: 'argument',
      says: /upside/,
    },
  ],
})

vectors('ReversePackedSegs', {
  grad: ['data'],
  cases: [
    {
      name: 'each by its length',
      in: {
        data: [
          [3, 2, 1],
          [1, 4, 2, 5, 3, 6],
        ],
        lengths: [[2], [3, 2], 'int32'],
      },
      out: {
        reversed: [
          [3, 2, 1],
          [3, 5, 2, 4, 1, 6],
        ],
      },
    },
  ],
})

vectors('AddPadding', {
  grad: ['data', 'start', 'end'],
  loss: ['padded'],
  cases: [
    {
      name: 'rows of their own',
      in: { data: [[3], [1, 2, 3]], lengths: [[2], [1, 2], 'int32'], start: [[], [8]], end: [[], [9]] },
      args: { padding_width: 1, end_padding_width: 2 },
      out: { padded: [[9], [8, 1, 9, 9, 8, 2, 3, 9, 9]], lengths_out: [[2], [4, 5], 'int32'] },
    },
  ],
})
vectors('AddPadding', {
  grad: ['data'],
  cases: [{ name: 'one sequence', in: { data: [[2], [1, 2]] }, out: { padded: [[4], [0, 1, 2, 0]] } }],
})
vectors('RemovePadding', {
  grad: ['data'],
  cases: [
    {
      name: 'two sequences',
      in: { data: [[7], [0, 1, 0, 0, 2, 3, 0]], lengths: [[2], [3, 4], 'int32'] },
      out: { data_out: [[3], [1, 2, 3]], lengths_out: [[2], [1, 2], 'int32'] },
    },
  ],
  refuses: [
    {
      name: 'a length below the padding',
      in: { data: [[5], [0, 1, 0, 0, 2]], lengths: [[2], [1, 4], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /2 or more/,
    },
  ],
})
vectors('GatherPadding', {
  cases: [
    {
      name: 'starts and ends',
      in: { data: [[6], [1, 2, 3, 4, 5, 6]], lengths: [[2], [3, 3], 'int32'] },
      out: { start: [[], [5]], end: [[], [9]] },
    },
    {
      name: 'both in one',
      in: { data: [[6], [1, 2, 3, 4, 5, 6]], lengths: [[2], [3, 3], 'int32'] },
      out: { sum: [[], [14]] },
    },
  ],
})
vectors('PadEmptySamples', {
  cases: [
    {
      name: 'strings and numbers',
      in: {
        lengths: [[3], [0, 2, 0], 'int32'],
        names: [[2], ['a', 'b']],
        values: [
          [2, 1],
          [3, 4],
        ],
      },
      out: {
        lengths_out: [[3], [1, 2, 1], 'int32'],
        names_out: [[4], ['', 'a', 'b', '']],
        values_out: [
          [4, 1],
          [0, 3, 4, 0],
        ],
      },
    },
  ],
})
vectors('VariableLengthSequencePadding', {
  inplace: true,
  cases: [
    {
      name: 'steps past the end',
      in: {
        X: [
          [2, 2, 1],
          [1, 2, 3, 4],
        ],
        seq_lengths: [[2], [1, 5], 'int32'],
      },
      out: {
        Y: [
          [2, 2, 1],
          [1, 2, 0, 4],
        ],
      },
    },
  ],
})
