// SPDX-License-Identifier: Apache-2.0
// Small objects: counters, atomic bools, maps, indices, statistics.
import { steps } from '../kit/steps.ts'

steps('counters', [
  {
    name: 'counts up and down and is done at 0',
    run: [
      ['CreateCounter', '', 'c', { init_count: 1 }],
      ['CountUp', 'c', 'before'],
      ['CountDown', 'c', 'd1'],
      ['CountDown', 'c', 'd2'],
      ['CheckCounterDone', 'c', 'done'],
      ['CountDown', 'c', 'd3'],
      ['RetrieveCount', 'c', 'left'],
      ['ResetCounter', 'c', 'was', { init_count: 5 }],
      ['RetrieveCount', 'c', 'now'],
      ['ResetCounter', 'c', ''],
      ['RetrieveCount', 'c', 'zero'],
    ],
    leaves: {
      before: [[], [1], 'int64'],
      d1: [[], [0], 'bool'],
      d2: [[], [0], 'bool'],
      done: [[], [1], 'bool'],
      d3: [[], [1], 'bool'],
      left: [[], [-1], 'int64'],
      was: [[], [-1], 'int64'],
      now: [[], [5], 'int64'],
      zero: [[], [0], 'int64'],
    },
  },
  {
    name: 'begins at 0 or above',
    run: [['CreateCounter', '', 'c', { init_count: -1 }]],
    fails: ['argument', /0 or more, is -1/],
  },
  {
    name: 'another object is no counter',
    run: [
      ['CreateMutex', '', 'm'],
      ['CountUp', 'm', 'x'],
    ],
    fails: ['no_blob', /"m" is no counter; CreateCounter makes one/],
  },
])

steps('atomic bools', [
  {
    name: 'is set once the condition holds, and stays so',
    feed: { yes: [[1], [1], 'bool'], no: [[], [0], 'bool'] },
    run: [
      ['CreateAtomicBool', '', 'b'],
      ['ConditionalSetAtomicBool', 'b no', ''],
      ['CheckAtomicBool', 'b', 'before'],
      ['ConditionalSetAtomicBool', 'b yes', ''],
      ['ConditionalSetAtomicBool', 'b no', ''],
      ['CheckAtomicBool', 'b', 'after'],
    ],
    leaves: { before: [[1], [0], 'bool'], after: [[1], [1], 'bool'] },
  },
])

steps('maps', [
  {
    name: 'the last value of a key counts; mixed types',
    feed: { k: [[3], [4, -9, 4], 'int64'], v: [[3], [1, 2, 3], 'int32'] },
    run: [
      ['KeyValueToMap', 'k v', 'm'],
      ['MapToKeyValue', 'm', 'keys values'],
    ],
    leaves: { keys: [[2], [-9, 4], 'int64'], values: [[2], [2, 3], 'int32'] },
  },
  {
    name: 'empty',
    run: [
      ['CreateMap', '', 'm', { key_dtype: 10 }],
      ['MapToKeyValue', 'm', 'keys values'],
    ],
    leaves: { keys: [[0], [], 'int64'], values: [[0], [], 'int32'] },
  },
  {
    name: 'of floats',
    run: [['CreateMap', '', 'm', { key_dtype: 1 }]],
    fails: ['argument', /key_dtype must be 2/],
  },
])

steps('indices', [
  {
    name: 'strings are numbered as they come, unknown ones are 0 once frozen',
    feed: { k: [[2, 2], ['x', 'y', 'x', 'z'], 'string'], l: [[2], ['z', 'new'], 'string'] },
    run: [
      ['StringIndexCreate', '', 'i'],
      ['IndexGet', 'i k', 'a'],
      ['IndexFreeze', 'i', 'i'],
      ['IndexGet', 'i l', 'b'],
      ['IndexSize', 'i', 'n'],
      ['IndexStore', 'i', 'all'],
    ],
    leaves: {
      a: [[2, 2], [1, 2, 1, 3], 'int64'],
      b: [[2], [3, 0], 'int64'],
      n: [[], [4], 'int64'],
      all: [[3], ['x', 'y', 'z'], 'string'],
    },
  },
  {
    name: 'loads keys, without the first when asked',
    feed: { k: [[3], [0, 70, 50], 'int64'], q: [[2], [50, 1], 'int64'] },
    run: [
      ['LongIndexCreate', '', 'i'],
      ['IndexLoad', 'i k', 'i', { skip_first_entry: 1 }],
      ['IndexGet', 'i q', 'a'],
    ],
    leaves: { a: [[2], [2, 3], 'int64'] },
  },
  {
    name: 'is full',
    feed: { k: [[3], [1, 2, 3], 'int32'] },
    run: [
      ['IntIndexCreate', '', 'i', { max_elements: 3 }],
      ['IndexGet', 'i k', 'a'],
    ],
    fails: ['value', /full: max_elements is 3/],
  },
  {
    name: 'keys of another type',
    feed: { k: [[1], [1], 'int64'] },
    run: [
      ['IntIndexCreate', '', 'i'],
      ['IndexGet', 'i k', 'a'],
    ],
    fails: ['type', /keys of type int32, found int64/],
  },
])

steps('statistics', [
  {
    name: 'sums, the newest name first, and starts again',
    feed: { k: [[3], ['a', 'b', 'a'], 'string'], v: [[3], [1, 2, 3], 'int64'], u: [[1], [12.345]] },
    run: [
      ['StatRegistryUpdate', 'k v', ''],
      ['CpuUtilizationReport', 'u', '', { stats_name: 'cpu' }],
      ['StatRegistryExport', '', 'names values times', { reset: 1 }],
      ['StatRegistryExport', '', 'names2 values2 times2'],
      ['StatRegistryCreate', '', 'own'],
      ['StatRegistryExport', 'own', 'names3 values3 times3'],
    ],
    leaves: {
      names: [[3], ['cpu/cpu_utilization', 'b', 'a'], 'string'],
      values: [[3], [1234, 2, 4], 'int64'],
      values2: [[3], [0, 0, 0], 'int64'],
      names3: [[0], [], 'string'],
    },
  },
])

steps('names and strings', [
  {
    name: 'a string, and the names of all blobs',
    run: [
      ['FeedBlob', '', 'b', { value: 'ärger\0!' }],
      ['GetAllBlobNames', '', 'all'],
    ],
    leaves: { b: [[], ['ärger\0!'], 'string'], all: [[2], ['all', 'b'], 'string'] },
  },
])
