// SPDX-License-Identifier: Apache-2.0
// Datasets in columns: cursors, records, and rows collected in memory.
import { steps } from '../kit/steps.ts'

const fields = ['label', 'f:lengths', 'f:values:k', 'f:values:v']
// Five records: [], lengths 2 1 0 3 1.
const data = {
  label: [[5], [1, 2, 3, 4, 5]],
  len: [[5], [2, 1, 0, 3, 1], 'int32'],
  k: [[7], [0, 1, 2, 3, 4, 5, 6], 'int64'],
  v: [[7, 1], ['a', 'b', 'c', 'd', 'e', 'f', 'g'], 'string'],
} as const
const columns = 'label len k v'

steps('cursors', [
  {
    name: 'batches follow one another until there are no records',
    feed: data,
    run: [
      ['CreateTreeCursor', '', 'c', { fields }],
      ['ReadNextBatch', `c ${columns}`, 'a b d e', { batch_size: 3 }],
      ['ReadNextBatch', `c ${columns}`, 'f g h i', { batch_size: 3 }],
      ['ReadNextBatch', `c ${columns}`, 'l m n o', { batch_size: 3 }],
      ['ResetCursor', 'c', ''],
      ['ReadNextBatch', `c ${columns}`, 'p q r s'],
    ],
    leaves: {
      a: [[3], [1, 2, 3]],
      b: [[3], [2, 1, 0], 'int32'],
      d: [[3], [0, 1, 2], 'int64'],
      e: [[3, 1], ['a', 'b', 'c'], 'string'],
      f: [[2], [4, 5]],
      h: [[4], [3, 4, 5, 6], 'int64'],
      l: [[0], []],
      o: [[0, 1], [], 'string'],
      r: [[2], [0, 1], 'int64'],
    },
  },
  {
    name: 'an incomplete batch is none when it is enforced',
    feed: data,
    run: [
      ['CreateTreeCursor', '', 'c', { fields }],
      ['ReadNextBatch', `c ${columns}`, 'a b d e', { batch_size: 6, enforce_batch_size: 1 }],
    ],
    leaves: { a: [[0], []], d: [[0], [], 'int64'] },
  },
  {
    name: 'any order, by offsets',
    feed: { ...data, order: [[3], [3, 2, 0], 'int64'] },
    run: [
      ['CreateTreeCursor', '', 'c', { fields }],
      ['ComputeOffset', `c ${columns}`, 'offsets'],
      ['ReadRandomBatch', `c order offsets ${columns}`, 'a b d e', { batch_size: 2 }],
      ['ReadRandomBatch', `c order offsets ${columns}`, 'f g h i', { batch_size: 2 }],
      ['ReadRandomBatch', `c order offsets ${columns}`, 'l m n o', { batch_size: 1, loop_over: 1 }],
    ],
    leaves: {
      offsets: [[6, 2], [0, 0, 1, 2, 2, 3, 3, 3, 4, 6, 5, 7], 'int64'],
      a: [[2], [4, 3]],
      b: [[2], [3, 0], 'int32'],
      e: [[3, 1], ['d', 'e', 'f'], 'string'],
      h: [[2], [0, 1], 'int64'],
      l: [[1], [4]],
    },
  },
  {
    name: 'sorted by a field, batches of one record shuffled',
    feed: { key: [[3], [2, 2, 2], 'int32'] },
    run: [
      ['CreateTreeCursor', '', 'c', { fields: ['key'] }],
      ['SortAndShuffle', 'c key', 'order', { sort_by_field_idx: 0, batch_size: 3 }],
    ],
    leaves: { order: [[3], [0, 1, 2], 'int64'] },
  },
  {
    name: 'lengths that tell of too many rows',
    feed: { ...data, len: [[5], [2, 1, 0, 3, 9], 'int32'] },
    run: [['CheckDatasetConsistency', columns, '', { fields }]],
    fails: ['value', /lengths tell of 15 rows, there are 7/],
  },
  {
    name: 'a length below 0',
    feed: { ...data, len: [[5], [2, -1, 0, 3, 1], 'int32'] },
    run: [['PackRecords', columns, 'p', { fields }]],
    fails: ['value', /a length is -1/],
  },
  {
    name: 'an order of records that are not there',
    feed: { ...data, order: [[1], [5], 'int64'] },
    run: [
      ['CreateTreeCursor', '', 'c', { fields }],
      ['ComputeOffset', `c ${columns}`, 'offsets'],
      ['ReadRandomBatch', `c order offsets ${columns}`, 'a b d e'],
    ],
    fails: ['value', /record 5 of 5/],
  },
  {
    name: 'a field before its lengths',
    run: [['CreateTreeCursor', '', 'c', { fields: ['a:values', 'a:lengths'] }]],
    fails: ['argument', /must come before it/],
  },
])

steps('records', [
  {
    name: 'packed and unpacked',
    feed: data,
    run: [
      ['PackRecords', columns, 'p', { fields }],
      ['UnPackRecords', 'p', 'a b d e', { fields }],
    ],
    leaves: { a: data.label, b: data.len, d: data.k, e: data.v },
  },
  {
    name: 'none, by the types given',
    feed: { label: [[0], []], like: [[9, 2], Array(18).fill(1), 'int32'] },
    run: [
      ['PackRecords', 'label', 'p', { fields: ['label'] }],
      ['UnPackRecords', 'p like', 'a', { fields: ['label'] }],
    ],
    leaves: { a: [[0, 2], [], 'int32'] },
  },
  {
    name: 'trimmed to a multiple',
    feed: data,
    run: [['TrimDataset', columns, columns, { fields, multiple_of: 2 }]],
    leaves: { label: [[4], [1, 2, 3, 4]], k: [[6], [0, 1, 2, 3, 4, 5], 'int64'] },
  },
])

steps('collecting', [
  {
    name: 'rows behind rows, also strings and into an empty blob',
    feed: {
      a: [
        [1, 2],
        [1, 2],
      ],
      b: [
        [2, 2],
        [3, 4, 5, 6],
      ],
      s: [[1], ['x'], 'string'],
      t: [[2], ['y', 'z'], 'string'],
      none: [[0], []],
    },
    run: [
      ['Append', 'a b', 'a'],
      ['Append', 'a b', 'a'],
      ['Append', 's t', 's'],
      ['Append', 'none b', 'none'],
    ],
    leaves: {
      a: [
        [5, 2],
        [1, 2, 3, 4, 5, 6, 3, 4, 5, 6],
      ],
      s: [[3], ['x', 'y', 'z'], 'string'],
      none: [
        [2, 2],
        [3, 4, 5, 6],
      ],
    },
  },
  {
    name: 'all or nothing under a mutex',
    feed: { a: [[1], [1]], b: [[1], [2], 'int64'], c: [[1], [3]], d: [[1], [4]] },
    run: [
      ['CreateMutex', '', 'm'],
      ['AtomicAppend', 'm a b c d', 'a b'],
    ],
    fails: ['shape', /float32 \[1\] cannot be added|cannot be added to int64/],
    leaves: { a: [[1], [1]] },
  },
  {
    name: 'a reservoir keeps one row of each id',
    feed: {
      kept: [[0], []],
      seen: [[1], [9], 'int64'],
      rows: [
        [4, 1],
        [1, 2, 3, 4],
      ],
      id: [[4], [7, 8, 7, 9], 'int64'],
      place: [[0], [], 'int64'],
    },
    run: [
      ['CreateMutex', '', 'm'],
      ['CreateMap', '', 'map', { key_dtype: 10 }],
      ['ReservoirSampling', 'kept seen rows m id map place', 'kept seen map place', { num_to_collect: 5 }],
      ['ReservoirSampling', 'kept seen rows m id map place', 'kept seen map place', { num_to_collect: 5 }],
    ],
    leaves: {
      kept: [
        [3, 1],
        [1, 2, 4],
      ],
      seen: [[1], [3], 'int64'],
      place: [[3], [7, 8, 9], 'int64'],
    },
  },
  {
    name: 'tensors into a list',
    feed: { t: [[1], [4]] },
    run: [
      ['CreateTensorVector', '', 'list'],
      ['CollectTensor', 'list t', 'list', { num_to_collect: 1 }],
      ['ConcatTensorVector', 'list', 'all'],
    ],
    leaves: { all: [[1], [4]] },
  },
])
