// SPDX-License-Identifier: Apache-2.0
import { type Value, vectors } from '../kit/vectors.ts'

// TreeProtos: a root "r" at row 0 with the words 7 and 9; and with a child "c" of the words 5 and 6, and the word 9.
const flat = '\x0a\x09\x10\x07\x10\x09\x18\x00\x22\x01r'
const deep = '\x0a\x12\x0a\x09\x10\x05\x10\x06\x18\x02\x22\x01c\x10\x09\x18\x00\x22\x01r'
const X: Value = [[1, 1], [1]]
const W: Value = [
  [4, 1],
  [0, 1, 0, 1],
]
const b: Value = [[4], [0, 0, 0, 0]]

vectors('HSoftmaxSearch', {
  cases: [
    {
      name: 'words',
      in: { X, W, b },
      args: { tree: flat, beam: 5, topN: 3 },
      out: {
        names: [
          [1, 3],
          ['9', '7', ''],
        ],
        scores: [
          [1, 3],
          [0.313261688, 1.31326169, 0],
        ],
      },
    },
    {
      name: 'nodes and words below them',
      in: { X, W, b },
      args: { tree: deep, beam: 5, topN: 4 },
      out: {
        names: [
          [1, 4],
          ['9', 'c', '6', '5'],
        ],
        scores: [
          [1, 4],
          [0.313261688, 1.31326169, 1.62652338, 2.62652338],
        ],
      },
    },
    {
      name: 'a narrow beam',
      in: { X, W, b },
      args: { tree: flat, beam: 1, topN: 2 },
      out: {
        names: [
          [1, 2],
          ['9', ''],
        ],
        scores: [
          [1, 2],
          [0.313261688, 0],
        ],
      },
    },
  ],
  refuses: [
    {
      name: 'half a tree',
      in: { X, W, b },
      args: { tree: '\x0a\x09\x10' },
      out: ['names', 'scores'],
      code: 'argument',
      says: /TreeProto/,
    },
    {
      name: 'a tree of more rows than there are',
      in: { X, W: [[1, 1], [1]], b: [[1], [0]] },
      args: { tree: flat },
      out: ['names', 'scores'],
      code: 'argument',
      says: /takes 2 rows/,
    },
  ],
})

vectors('HuffmanTreeHierarchy', {
  cases: [
    {
      name: 'two classes',
      in: { labels: [[3], [0, 1, 1], 'int64'] },
      args: { num_classes: 2 },
      out: { tree: [[1], ['\x0a\x06\x10\x00\x10\x01\x18\x00']] },
    },
    {
      name: 'the rarest two lie deepest',
      in: { labels: [[6], [0, 0, 0, 1, 2, 2], 'int64'] },
      args: { num_classes: 3 },
      out: { tree: [[1], ['\x0a\x0c\x0a\x06\x10\x01\x10\x02\x18\x02\x10\x00\x18\x00']] },
    },
  ],
  refuses: [
    {
      name: 'a label that there is not',
      in: { labels: [[1], [2], 'int64'] },
      args: { num_classes: 2 },
      out: ['tree'],
      code: 'value',
      says: /label 0 is 2/,
    },
    {
      name: 'no number of classes',
      in: { labels: [[1], [0], 'int64'] },
      out: ['tree'],
      code: 'argument',
      says: /num_classes/,
    },
  ],
})
