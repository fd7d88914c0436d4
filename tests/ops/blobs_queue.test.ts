// SPDX-License-Identifier: Apache-2.0
// Queues of blobs and rebatching queues; what waiting means is in tests/net/concurrency.test.ts.
import { steps } from '../kit/steps.ts'

const x = {
  x: [
    [2, 2],
    [1, 2, 3, 4],
  ],
  y: [[1], [5], 'int64'],
} as const

steps('queues of blobs', [
  {
    name: 'records come out as they went in',
    feed: x,
    run: [
      ['CreateBlobsQueue', '', 'q', { capacity: 2, num_blobs: 2 }],
      ['EnqueueBlobs', 'q x y', 'x y'],
      ['DequeueBlobs', 'q', 'a b'],
    ],
    leaves: { a: x.x, b: x.y },
  },
  {
    name: 'a blob that was enqueued is empty',
    feed: x,
    run: [
      ['CreateBlobsQueue', '', 'q', { capacity: 2 }],
      ['EnqueueBlobs', 'q x', 'x'],
      ['EnqueueBlobs', 'q x', 'x'],
    ],
    fails: ['no_blob', /must be written again/],
  },
  {
    name: 'an empty queue cannot be waited for',
    run: [
      ['CreateBlobsQueue', '', 'q'],
      ['DequeueBlobs', 'q', 'a'],
    ],
    fails: ['blocked', /"q" is empty \(0 records were taken\)/],
  },
  {
    name: 'nor can a full one',
    feed: { ...x, z: [[1], [1]] },
    run: [
      ['CreateBlobsQueue', '', 'q'],
      ['SafeEnqueueBlobs', 'q x', 'x status'],
      ['SafeEnqueueBlobs', 'q z', 'z status'],
    ],
    fails: ['blocked', /full: 1 of 1 records/],
  },
  {
    name: 'Safe operators tell that a queue is closed; what is in it is joined',
    feed: {
      x: [
        [1, 2],
        [1, 2],
      ],
      y: [
        [2, 2],
        [3, 4, 5, 6],
      ],
      z: [[1], [0]],
    },
    run: [
      ['CreateBlobsQueue', '', 'q', { capacity: 3 }],
      ['SafeEnqueueBlobs', 'q x', 'x s0'],
      ['SafeEnqueueBlobs', 'q y', 'y s1'],
      ['CloseBlobsQueue', 'q', ''],
      ['SafeEnqueueBlobs', 'q z', 'z s2'],
      ['SafeDequeueBlobs', 'q', 'a s3', { num_records: 5 }],
      ['SafeDequeueBlobs', 'q', 'b s4'],
    ],
    leaves: {
      s1: [[], [0], 'bool'],
      s2: [[], [1], 'bool'],
      a: [
        [3, 2],
        [1, 2, 3, 4, 5, 6],
      ],
      s3: [[], [0], 'bool'],
      s4: [[], [1], 'bool'],
    },
  },
  {
    name: 'a closed and empty one fails',
    run: [
      ['CreateBlobsQueue', '', 'q'],
      ['CloseBlobsQueue', 'q', ''],
      ['DequeueBlobs', 'q', 'a'],
    ],
    fails: ['value', /closed and empty/],
  },
  {
    name: 'cannot be put into itself',
    run: [
      ['CreateBlobsQueue', '', 'q'],
      ['EnqueueBlobs', 'q q', 'q'],
    ],
    fails: ['argument', /nor in itself/],
  },
  {
    name: 'a queue of weight 0 is never chosen',
    feed: { x: [[1], [1]], y: [[1], [2]] },
    run: [
      ['CreateBlobsQueue', '', 'p'],
      ['CreateBlobsQueue', '', 'q'],
      ['EnqueueBlobs', 'p x', 'x'],
      ['EnqueueBlobs', 'q y', 'y'],
      ['WeightedSampleDequeueBlobs', 'p q', 'a status', { weights: [0, 0.5] }],
    ],
    leaves: { a: [[1], [2]], status: [[], [0], 'bool'] },
  },
])

steps('rebatching queues', [
  {
    name: 'batches of another length, the last one shorter',
    feed: {
      x: [
        [3, 2],
        [1, 2, 3, 4, 5, 6],
      ],
      s: [[3], ['a', 'b', 'c'], 'string'],
    },
    run: [
      ['CreateRebatchingQueue', '', 'q', { capacity: 3, num_blobs: 2 }],
      ['EnqueueRebatchingQueue', 'q x s', '', { enqueue_batch: 1 }],
      ['CloseRebatchingQueue', 'q', ''],
      ['DequeueRebatchingQueue', 'q', 'a b', { num_elements: 2 }],
      ['DequeueRebatchingQueue', 'q', 'c d', { num_elements: 2 }],
    ],
    leaves: {
      a: [
        [2, 2],
        [1, 2, 3, 4],
      ],
      b: [[2], ['a', 'b'], 'string'],
      c: [
        [1, 2],
        [5, 6],
      ],
      d: [[1], ['c'], 'string'],
    },
  },
  {
    name: 'one tensor as it is',
    feed: { x: [[], [3]] },
    run: [
      ['CreateRebatchingQueue', '', 'q'],
      ['EnqueueRebatchingQueue', 'q x', ''],
      ['DequeueRebatchingQueue', 'q', 'y'],
    ],
    leaves: { y: [[1], [3]] },
  },
  {
    name: 'batches of different lengths',
    feed: { x: [[2], [1, 2]], y: [[1], [1]] },
    run: [
      ['CreateRebatchingQueue', '', 'q', { num_blobs: 2, capacity: 9 }],
      ['EnqueueRebatchingQueue', 'q x y', '', { enqueue_batch: 1 }],
    ],
    fails: ['shape', /equally long/],
  },
])
