// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const LENGTHS: Value = [[3], [2, 0, 1], 'int32']
const NEGATIVE: Value = [[2], [2, -1], 'int32']
const HUGE: Value = [[2], ['9223372036854775807', '9223372036854775807'], 'int64']

vectors('LengthsToSegmentIds', {
  cases: [{ name: 'an empty segment', in: { LENGTHS }, out: { Y: [[3], [0, 0, 2], 'int32'] } }],
  refuses: [
    { name: 'a negative length', in: { NEGATIVE }, out: ['Y'], code: 'value', says: /must not be negative/ },
    { name: 'a sum that overflows', in: { HUGE }, out: ['Y'], code: 'value', says: /overflows/ },
  ],
})
vectors('LengthsToWeights', {
  cases: [
    { name: 'roots', in: { X: [[2], [4, 1], 'int32'] }, out: { Y: [[5], [0.5, 0.5, 0.5, 0.5, 1]] } },
    { name: 'another power', in: { X: [[2], [2, 0], 'int32'] }, args: { power: 2 }, out: { Y: [[2], [0.25, 0.25]] } },
  ],
})
vectors('LengthsToRanges', {
  cases: [{ name: 'an empty segment', in: { LENGTHS }, out: { Y: [[3, 2], [0, 2, 2, 0, 2, 1], 'int32'] } }],
})
vectors('LengthsToShape', {
  cases: [{ name: 'three of four', in: { X: [[3], [4, 4, 4], 'int32'] }, out: { Y: [[2], [3, 4], 'int32'] } }],
  refuses: [
    { name: 'lengths that differ', in: { LENGTHS }, out: ['Y'], code: 'value', says: /must be equal/ },
    { name: 'no lengths', in: { X: [[0], [], 'int32'] }, out: ['Y'], code: 'shape', says: /there must be a length/ },
  ],
})

const IDS: Value = [[3], [0, 0, 2], 'int64']
vectors('SegmentIdsToLengths', {
  cases: [
    { name: 'a segment left out', in: { IDS }, out: { Y: [[3], [2, 0, 1], 'int32'] } },
    { name: 'more segments', in: { IDS, DATA: [[4], [0, 0, 0, 0]] }, out: { Y: [[4], [2, 0, 1, 0], 'int32'] } },
  ],
  refuses: [
    { name: 'unsorted', in: { IDS: [[2], [1, 0], 'int32'] }, out: ['Y'], code: 'value', says: /expected sorted/ },
    { name: 'too few segments', in: { IDS, DATA: [[1], [0]] }, out: ['Y'], code: 'value', says: /below 1/ },
  ],
})
vectors('SegmentIdsToRanges', {
  cases: [
    { name: 'a segment left out', in: { IDS }, out: { Y: [[3, 2], [0, 2, 2, 0, 2, 1], 'int32'] } },
    {
      name: 'more segments',
      in: { IDS, DATA: [[4], [0, 0, 0, 0]] },
      out: { Y: [[4, 2], [0, 2, 2, 0, 2, 1, 0, 0], 'int32'] },
    },
  ],
})
vectors('SegmentOneHot', {
  cases: [
    {
      name: 'an empty segment',
      in: { LENGTHS, hot: [[3], [1, 3, 0], 'int64'], size: [[1], [4], 'int64'] },
      out: {
        Y: [
          [3, 4],
          [0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'an index beyond the size',
      in: { LENGTHS, hot: [[3], [1, 4, 0], 'int64'], size: [[1], [4], 'int64'] },
      out: ['Y'],
      code: 'value',
      says: /index 1 is 4/,
    },
  ],
})

vectors('LengthsTile', {
  grad: ['DATA'],
  cases: [
    {
      name: 'rows',
      in: {
        DATA: [
          [3, 2],
          [1, 2, 3, 4, 5, 6],
        ],
        LENGTHS,
      },
      out: {
        Y: [
          [3, 2],
          [1, 2, 1, 2, 5, 6],
        ],
      },
    },
  ],
})
vectors('LengthsTile', {
  cases: [{ name: 'strings', in: { X: [[3], ['a', 'b', 'c']], LENGTHS }, out: { Y: [[3], ['a', 'a', 'c']] } }],
})
vectors('LengthsGather', {
  cases: [
    {
      name: 'segments in another order',
      in: { X: [[3], [1, 2, 3]], LENGTHS, INDICES: [[3], [2, 1, 0], 'int32'] },
      out: { Y: [[3], [3, 1, 2]] },
    },
  ],
  refuses: [
    {
      name: 'a segment there is not',
      in: { X: [[3], [1, 2, 3]], LENGTHS, INDICES: [[1], [3], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /index 0 is 3/,
    },
  ],
})
vectors('GatherRanges', {
  cases: [
    {
      name: 'two examples',
      in: { X: [[5], [1, 2, 3, 4, 5]], R: [[2, 2, 2], [3, 2, 0, 1, 1, 1, 5, 0], 'int32'] },
      out: { Y: [[4], [4, 5, 1, 2]], L: [[2], [3, 1], 'int32'] },
    },
  ],
  refuses: [
    {
      name: 'a range that ends outside',
      in: { X: [[5], [1, 2, 3, 4, 5]], R: [[1, 1, 2], [4, 2], 'int32'] },
      out: ['Y', 'L'],
      code: 'value',
      says: /starts at 4/,
    },
    {
      name: 'a range whose end overflows',
      in: { X: [[1], [1]], R: [[1, 1, 2], [1, '9223372036854775807'], 'int64'] },
      out: ['Y', 'L'],
      code: 'value',
      says: /DATA has 1/,
    },
  ],
})
vectors('GatherRangesToDense', {
  cases: [
    {
      name: 'an empty range',
      in: { X: [[4], [1, 2, 3, 4]], R: [[2, 2, 2], [0, 2, 0, 0, 2, 2, 1, 1], 'int64'] },
      args: { lengths: [2, 1] },
      out: {
        A: [
          [2, 2],
          [1, 2, 3, 4],
        ],
        B: [
          [2, 1],
          [0, 2],
        ],
      },
    },
    {
      name: 'sorted by keys',
      in: { X: [[3], [1, 2, 3]], R: [[1, 1, 2], [0, 3], 'int32'], K: [[3], [9, -1, 4], 'int64'] },
      args: { lengths: [3] },
      out: {
        A: [
          [1, 3],
          [2, 3, 1],
        ],
      },
    },
  ],
})

vectors('LengthsTopK', {
  grad: ['X'],
  loss: ['V'],
  cases: [
    {
      name: 'a segment with fewer elements',
      in: { X: [[5], [1, 3, 2, 3.5, -1]], L: [[3], [4, 0, 1], 'int32'] },
      args: { k: 2 },
      out: {
        V: [
          [3, 2],
          [3.5, 3, 0, 0, -1, 0],
        ],
        I: [[3, 2], [3, 1, -1, -1, 0, -1], 'int32'],
      },
    },
  ],
})
vectors('LengthsTopK', {
  cases: [
    {
      name: 'of equals the first',
      in: { X: [[3], [2, 3, 3]], L: [[1], [3], 'int32'] },
      args: { k: 1 },
      out: { V: [[1, 1], [3]], I: [[1, 1], [1], 'int32'] },
    },
  ],
  refuses: [
    {
      name: 'k of 0',
      in: { X: [[1], [1]], L: [[1], [1], 'int32'] },
      args: { k: 0 },
      out: ['V', 'I'],
      code: 'argument',
      says: /1 or more/,
    },
  ],
})
vectors('LengthsTopKGradient', {
  cases: [],
  refuses: [
    {
      name: 'an index beyond its segment',
      in: { L: [[1], [1], 'int32'], I: [[1, 1], [5], 'int32'], D: [[1, 1], [1]] },
      args: { k: 1 },
      out: ['X'],
      code: 'value',
      says: /is 5/,
    },
  ],
})
