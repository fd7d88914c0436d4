// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

const DATA: Value = [
  [4, 2],
  [1, 2, 3, -4, 5, 6, -7, 8],
]
const WEIGHTS: Value = [[4], [0.5, -1, 2, 1]]
const LENGTHS: Value = [[3], [3, 0, 1], 'int32']
const SORTED: Value = [[4], [0, 0, 0, 1], 'int32']
const UNSORTED: Value = [[4], [2, 0, 2, 2], 'int32']
const INDICES: Value = [[4], [3, 0, 0, 1], 'int64']

const rows = (n: number, ...data: number[]): Value => [[n, data.length / n], data]

const lengthsRefusals = [
  {
    name: 'lengths that make too few rows',
    in: { DATA, LENGTHS: [[2], [1, 1], 'int32'] as Value },
    out: ['Y'],
    code: 'value' as const,
    says: /make 2 together/,
  },
  {
    name: 'a negative length',
    in: { DATA, LENGTHS: [[2], [5, -1], 'int32'] as Value },
    out: ['Y'],
    code: 'value' as const,
    says: /must not be negative/,
  },
]

vectors('LengthsSum', {
  grad: ['DATA'],
  cases: [
    { name: 'an empty segment', in: { DATA, LENGTHS }, out: { Y: rows(3, 9, 4, 0, 0, -7, 8) } },
    { name: 'no rows', in: { DATA: [[0, 2], []], LENGTHS: [[0], [], 'int32'] }, out: { Y: [[0, 2], []] } },
  ],
  refuses: lengthsRefusals,
})
vectors('LengthsMean', {
  grad: ['DATA'],
  cases: [{ name: 'an empty segment', in: { DATA, LENGTHS }, out: { Y: rows(3, 3, 4 / 3, 0, 0, -7, 8) } }],
})
vectors('LengthsMax', {
  grad: ['DATA'],
  cases: [{ name: 'an empty segment', in: { DATA, LENGTHS }, out: { Y: rows(3, 5, 6, 0, 0, -7, 8) } }],
})
vectors('LengthsWeightedSum', {
  grad: ['DATA', 'WEIGHTS'],
  cases: [
    {
      name: 'with gradients of the weights',
      in: { DATA, WEIGHTS, LENGTHS },
      args: { grad_on_weights: 1 },
      out: { Y: rows(3, 7.5, 17, 0, 0, -7, 8) },
    },
  ],
  refuses: [
    {
      name: 'too few weights',
      in: { DATA, WEIGHTS: [[3], [1, 2, 3]], LENGTHS },
      out: ['Y'],
      code: 'shape',
      says: /one weight for each of the 4 rows/,
    },
  ],
})

vectors('SortedSegmentSum', {
  grad: ['DATA'],
  cases: [{ name: 'two segments', in: { DATA, SORTED }, out: { Y: rows(2, 9, 4, -7, 8) } }],
  refuses: [
    {
      name: 'a number left out',
      in: { DATA, SORTED: [[4], [0, 0, 2, 2], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /leave none out/,
    },
    {
      name: 'a number there cannot be',
      in: { DATA, SORTED: [[4], [0, 0, 0, 2147483647], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /2147483647/,
    },
  ],
})
vectors('SortedSegmentMean', {
  grad: ['DATA'],
  cases: [{ name: 'two segments', in: { DATA, SORTED }, out: { Y: rows(2, 3, 4 / 3, -7, 8) } }],
})
vectors('SortedSegmentWeightedSum', {
  grad: ['DATA'],
  cases: [{ name: 'two segments', in: { DATA, WEIGHTS, SORTED }, out: { Y: rows(2, 7.5, 17, -7, 8) } }],
})
vectors('SortedSegmentRangeSum', {
  grad: ['DATA'],
  cases: [{ name: 'two segments', in: { DATA, SORTED }, out: { Y: rows(2, 9, 4, -7, 8) } }],
})
vectors('SortedSegmentRangeMean', {
  grad: ['DATA'],
  cases: [{ name: 'two segments', in: { DATA, SORTED }, out: { Y: rows(2, 3, 4 / 3, -7, 8) } }],
})
vectors('SortedSegmentRangeMax', {
  grad: ['DATA'],
  cases: [{ name: 'two segments', in: { DATA, SORTED }, out: { Y: rows(2, 5, 6, -7, 8) } }],
})
vectors('SortedSegmentRangeLogSumExp', {
  grad: ['DATA'],
  cases: [
    {
      name: 'two segments',
      in: { DATA, SORTED },
      out: { Y: rows(2, 5.14293163, 6.01819427, -7, 8) },
    },
  ],
})
vectors('SortedSegmentRangeLogMeanExp', {
  grad: ['DATA'],
  cases: [
    {
      name: 'two segments',
      in: { DATA, SORTED },
      out: { Y: rows(2, 5.14293163 - Math.log(3), 6.01819427 - Math.log(3), -7, 8) },
    },
  ],
})

vectors('UnsortedSegmentSum', {
  grad: ['DATA'],
  cases: [
    { name: 'a segment without rows', in: { DATA, UNSORTED }, out: { Y: rows(3, 3, -4, 0, 0, -1, 16) } },
    {
      name: 'more segments than numbers',
      in: { DATA, UNSORTED },
      args: { num_segments: 4 },
      out: { Y: rows(4, 3, -4, 0, 0, -1, 16, 0, 0) },
    },
  ],
  refuses: [
    {
      name: 'a number beyond num_segments',
      in: { DATA, UNSORTED },
      args: { num_segments: 2 },
      out: ['Y'],
      code: 'value',
      says: /there are 2 segments/,
    },
    {
      name: 'a negative number',
      in: { DATA, UNSORTED: [[4], [2, 0, -1, 2], 'int32'] },
      out: ['Y'],
      code: 'value',
      says: /is -1/,
    },
  ],
})
vectors('UnsortedSegmentMean', {
  grad: ['DATA'],
  cases: [{ name: 'a segment without rows', in: { DATA, UNSORTED }, out: { Y: rows(3, 3, -4, 0, 0, -1 / 3, 16 / 3) } }],
})
vectors('UnsortedSegmentWeightedSum', {
  grad: ['DATA'],
  cases: [
    { name: 'a segment without rows', in: { DATA, WEIGHTS, UNSORTED }, out: { Y: rows(3, -3, 4, 0, 0, 3.5, 21) } },
  ],
})

vectors('SparseSortedSegmentSum', {
  cases: [{ name: 'picked rows', in: { DATA, INDICES, SORTED }, out: { Y: rows(2, -5, 12, 3, -4) } }],
})
vectors('SparseSortedSegmentMean', {
  cases: [{ name: 'picked rows', in: { DATA, INDICES, SORTED }, out: { Y: rows(2, -5 / 3, 4, 3, -4) } }],
})
vectors('SparseSortedSegmentWeightedSum', {
  cases: [{ name: 'picked rows', in: { DATA, WEIGHTS, INDICES, SORTED }, out: { Y: rows(2, -2.5, 6, 3, -4) } }],
})
vectors('SparseUnsortedSegmentSum', {
  cases: [
    { name: 'picked rows', in: { DATA, INDICES, UNSORTED }, out: { Y: rows(3, 1, 2, 0, 0, -3, 6) } },
    {
      name: 'more segments than numbers',
      in: { DATA, INDICES, UNSORTED },
      args: { num_segments: 4 },
      out: { Y: rows(4, 1, 2, 0, 0, -3, 6, 0, 0) },
    },
  ],
})
vectors('SparseUnsortedSegmentMean', {
  cases: [
    { name: 'picked rows', in: { DATA, INDICES, UNSORTED }, out: { Y: rows(3, 1, 2, 0, 0, -1, 2) } },
    {
      name: 'more segments than numbers',
      in: { DATA, INDICES, UNSORTED },
      args: { num_segments: 4 },
      out: { Y: rows(4, 1, 2, 0, 0, -1, 2, 0, 0) },
    },
  ],
})
vectors('SparseUnsortedSegmentWeightedSum', {
  cases: [{ name: 'picked rows', in: { DATA, WEIGHTS, INDICES, UNSORTED }, out: { Y: rows(3, -1, -2, 0, 0, 1.5, 4) } }],
})

vectors('SparseLengthsSum', {
  cases: [
    { name: 'an empty segment', in: { DATA, INDICES, LENGTHS }, out: { Y: rows(3, -5, 12, 0, 0, 3, -4) } },
    {
      name: 'a table of float16',
      in: {
        DATA: [[2, 1], [1, -4], 'float16'],
        INDICES: [[3], [1, 0, 1], 'int32'],
        LENGTHS: [[2], [2, 1], 'int32'],
      },
      out: { Y: rows(2, -3, -4) },
    },
  ],
  refuses: [
    {
      name: 'an index beyond the table',
      in: { DATA, INDICES: [[4], [3, 0, 4, 1], 'int64'], LENGTHS },
      out: ['Y'],
      code: 'value',
      says: /index 2 is 4; there are 4 rows/,
    },
  ],
})
vectors('SparseLengthsMean', {
  cases: [{ name: 'an empty segment', in: { DATA, INDICES, LENGTHS }, out: { Y: rows(3, -5 / 3, 4, 0, 0, 3, -4) } }],
})
vectors('SparseLengthsWeightedSum', {
  grad: ['WEIGHTS'],
  cases: [
    {
      name: 'with gradients of the weights',
      in: { DATA, WEIGHTS, INDICES, LENGTHS },
      args: { grad_on_weights: 1 },
      out: { Y: rows(3, -2.5, 6, 0, 0, 3, -4) },
    },
  ],
})
vectors('SparseLengthsPositionalWeightedSum', {
  cases: [
    {
      name: 'weights by place',
      in: { DATA, WEIGHTS: [[3], [0.5, 2, 3]], INDICES, LENGTHS },
      out: { Y: rows(3, 1.5, 14, 0, 0, 1.5, -2) },
    },
  ],
  refuses: [
    {
      name: 'fewer weights than the longest segment has rows',
      in: { DATA, WEIGHTS: [[2], [0.5, 2]], INDICES, LENGTHS },
      out: ['Y'],
      code: 'value',
      says: /only 2 weights/,
    },
  ],
})

const BYTES: Value = [[2, 2], [0, 100, 200, 50], 'uint8']
const SCALES: Value = [
  [2, 2],
  [0.5, 1, 2, -10],
]
const PICKED: Value = [[3], [1, 0, 1], 'int32']
const TWO: Value = [[3], [2, 0, 1], 'int32']
vectors('SparseLengthsSum8BitsRowwise', {
  cases: [{ name: 'two rows', in: { BYTES, PICKED, TWO, SCALES }, out: { Y: rows(3, 391, 141, 0, 0, 390, 90) } }],
})
vectors('SparseLengthsMean8BitsRowwise', {
  cases: [{ name: 'two rows', in: { BYTES, PICKED, TWO, SCALES }, out: { Y: rows(3, 195.5, 70.5, 0, 0, 390, 90) } }],
})
const BY: Value = [[3], [2, 1, 0.5]]
vectors('SparseLengthsWeightedSum8BitsRowwise', {
  cases: [{ name: 'two rows', in: { BYTES, BY, PICKED, TWO, SCALES }, out: { Y: rows(3, 781, 231, 0, 0, 195, 45) } }],
})
vectors('SparseLengthsWeightedMean8BitsRowwise', {
  cases: [
    { name: 'two rows', in: { BYTES, BY, PICKED, TWO, SCALES }, out: { Y: rows(3, 390.5, 115.5, 0, 0, 195, 45) } },
  ],
})

// Scales 1 and 2, biases 0 and -1 as floats in bytes.
const FUSED: Value = [[2, 10], [3, 4, 0, 0, 128, 63, 0, 0, 0, 0, 10, 20, 0, 0, 0, 64, 0, 0, 128, 191], 'uint8']
vectors('SparseLengthsSumFused8BitRowwise', {
  cases: [{ name: 'two rows', in: { FUSED, PICKED, TWO }, out: { Y: rows(3, 22, 43, 0, 0, 19, 39) } }],
  refuses: [
    {
      name: 'rows without a scale',
      in: { FUSED: BYTES, PICKED, TWO },
      out: ['Y'],
      code: 'shape',
      says: /8 bytes of scale and bias/,
    },
  ],
})
vectors('SparseLengthsMeanFused8BitRowwise', {
  cases: [{ name: 'two rows', in: { FUSED, PICKED, TWO }, out: { Y: rows(3, 11, 21.5, 0, 0, 19, 39) } }],
})
vectors('SparseLengthsWeightedSumFused8BitRowwise', {
  cases: [{ name: 'two rows', in: { FUSED, BY, PICKED, TWO }, out: { Y: rows(3, 41, 82, 0, 0, 9.5, 19.5) } }],
})
vectors('Fused8BitRowwiseQuantizedToFloat', {
  cases: [{ name: 'two rows', in: { FUSED }, out: { Y: rows(2, 3, 4, 19, 39) } }],
})
vectors('GatherFused8BitRowwise', {
  cases: [{ name: 'picked rows', in: { FUSED, PICKED }, out: { Y: rows(3, 19, 39, 3, 4, 19, 39) } }],
})
vectors('Rowwise8BitQuantizedToFloat', {
  cases: [{ name: 'two rows', in: { BYTES, SCALES }, out: { Y: rows(2, 1, 51, 390, 90) } }],
})
vectors('FloatToRowwiseQuantized8Bits', {
  cases: [
    {
      name: 'an even row',
      in: { X: rows(2, -1, 254, 0.5, 7, 7, 7) },
      out: { Q: [[2, 3], [0, 255, 2, 0, 0, 0], 'uint8'], scale_bias: rows(2, 1, -1, 1, 7) },
    },
  ],
})
vectors('FloatToFused8BitRowwiseQuantized', {
  cases: [
    {
      name: 'scale 1, bias 0',
      in: { X: rows(1, 0, 255, 3.4) },
      out: { Q: [[1, 11], [0, 255, 3, 0, 0, 128, 63, 0, 0, 0, 0], 'uint8'] },
    },
  ],
})
