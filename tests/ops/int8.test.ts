// SPDX-License-Identifier: Apache-2.0
// Quantized operators against numbers worked out by hand, and against the float operators on what the elements stand for.
import { steps } from '../kit/steps.ts'

const image = { order: 'NHWC' } as const
const half = { Y_scale: 0.5, Y_zero_point: 10 } as const
const q = (name: string): readonly [string, string, string, typeof half] => ['Int8Quantize', `${name}f`, name, half]
const out = (name: string): readonly [string, string, string] => ['Int8Dequantize', name, `${name}d`]

// Elements that a scale of 0.5 holds exactly.
const pixels = [
  [1, 3, 3, 2],
  [0, 1, 2, -3, 4, 5, -1, 0.5, 1.5, 2, 3, -2, 1, 1, 0, 0, 2.5, -0.5],
] as const
const kernel = [
  [2, 2, 2, 2],
  [1, 0, 0.5, 1, -1, 0, 2, 1, 0, 1, 1, -1, 0.5, 0, 0, 2],
] as const

steps('int8', [
  {
    name: 'halves go to even, the rest is clamped',
    feed: { xf: [[7], [0.25, 0.75, -0.25, 1000, -1000, Number.NaN, 0]] },
    run: [q('x'), out('x')],
    leaves: { xd: [[7], [0, 1, 0, 122.5, -5, 0, 0]] },
  },
  {
    name: 'convolution: sums are exact, then rounded',
    feed: { xf: pixels, wf: kernel },
    run: [
      q('x'),
      q('w'),
      ['Int8GivenIntTensorFill', '', 'b', { values: [4, -8], shape: [2], Y_scale: 0.25 }],
      ['Int8Conv', 'x w b', 'y', { kernel: 2, ...image, Y_scale: 0.25, Y_zero_point: 100 }],
      out('y'),
      out('b'),
      ['Conv', 'xf wf bd', 'want', { kernel: 2, ...image }],
      ['Sub', 'yd want', 'off'],
      ['Int8ConvRelu', 'x w b', 'r', { kernel: 2, ...image, Y_scale: 0.25, Y_zero_point: 100 }],
      out('r'),
      ['Relu', 'want', 'positive'],
      ['Sub', 'rd positive', 'off2'],
    ],
    leaves: { off: [[1, 2, 2, 2], Array(8).fill(0)], off2: [[1, 2, 2, 2], Array(8).fill(0)] },
  },
  {
    name: 'padding stands for 0, also depthwise and in groups',
    feed: {
      xf: pixels,
      wf: [
        [2, 3, 3, 1],
        [1, 2, 0, 0.5, 1, 0, 0, 1, -1, 1, 0, 0, 1, 2, 1, 0, 0, 1],
      ],
    },
    run: [
      q('x'),
      q('w'),
      ['Int8Conv', 'x w', 'y', { kernel: 3, pad: 1, group: 2, ...image, Y_scale: 0.25, Y_zero_point: 100 }],
      out('y'),
      ['ConstantFill', '', 'zero', { shape: [2] }],
      ['Conv', 'xf wf zero', 'want', { kernel: 3, pad: 1, group: 2, ...image }],
      ['Sub', 'yd want', 'off'],
    ],
    leaves: { off: [[1, 3, 3, 2], Array(18).fill(0)] },
  },
  {
    name: 'transposed convolution',
    feed: { xf: pixels, wf: kernel },
    run: [
      q('x'),
      q('w'),
      ['Int8ConvTranspose', 'x w', 'y', { kernel: 2, stride: 2, ...image, Y_scale: 0.25, Y_zero_point: 100 }],
      out('y'),
      ['ConvTranspose', 'xf wf', 'want', { kernel: 2, stride: 2, ...image }],
      ['Sub', 'yd want', 'off'],
    ],
    leaves: { off: [[1, 6, 6, 2], Array(72).fill(0)] },
  },
  {
    name: 'fully connected',
    feed: {
      xf: [
        [2, 3],
        [1, 2, 3, -1, 0.5, 0],
      ],
      wf: [
        [2, 3],
        [1, 0, 2, 0.5, 1, -1],
      ],
    },
    run: [
      q('x'),
      q('w'),
      ['Int8GivenIntTensorFill', '', 'b', { values: [1, 2], shape: [2], Y_scale: 0.25 }],
      ['Int8FC', 'x w b', 'y', { Y_scale: 0.25, Y_zero_point: 20 }],
      out('y'),
    ],
    leaves: {
      yd: [
        [2, 2],
        [7.25, 0, -0.75, 0.5],
      ],
    },
  },
  {
    name: 'sums of different scales, with and without Relu',
    feed: { xf: [[3], [1, -2, 3]], wf: [[3], [0.5, 0.25, -4]] },
    run: [
      q('x'),
      ['Int8Quantize', 'wf', 'w', { Y_scale: 0.25, Y_zero_point: 16 }],
      ['Int8Sum', 'x w', 'y', { Y_scale: 0.25, Y_zero_point: 50 }],
      out('y'),
      ['Int8SumRelu', 'x w', 'r', { Y_scale: 0.25, Y_zero_point: 50 }],
      out('r'),
    ],
    leaves: { yd: [[3], [1.5, -1.75, -1]], rd: [[3], [1.5, 0, 0]] },
  },
  {
    name: 'the mean of a window rounds, padding takes no part; the largest',
    feed: { xf: pixels },
    run: [
      q('x'),
      ['Int8AveragePool', 'x', 'a', { kernel: 2, pad: 1, stride: 2, ...image, ...half }],
      out('a'),
      ['Int8MaxPoolRelu', 'x', 'm', { kernel: 3, ...image, ...half }],
      out('m'),
    ],
    leaves: {
      ad: [
        [1, 2, 2, 2],
        [0, 1, 3, 1, 0, 1, 2, 0],
      ],
      md: [
        [1, 1, 1, 2],
        [4, 5],
      ],
    },
  },
  {
    name: 'tables: Relu in place, LeakyRelu, Sigmoid',
    feed: { xf: [[3], [-4, 0, 3]] },
    run: [
      q('x'),
      ['Int8LeakyRelu', 'x', 'l', { alpha: 0.25, Y_scale: 0.5, Y_zero_point: 7 }],
      out('l'),
      ['Int8Sigmoid', 'x', 's', { Y_scale: 1 / 256 }],
      out('s'),
      ['Int8Relu', 'x', 'x', half],
      out('x'),
    ],
    leaves: { ld: [[3], [-1, 0, 3]], sd: [[3], [5 / 256, 0.5, 244 / 256]], xd: [[3], [0, 0, 3]] },
  },
  {
    name: 'Softmax: rows sum to about 1',
    feed: {
      xf: [
        [2, 2],
        [0, 0, 0, 1],
      ],
    },
    run: [q('x'), ['Int8Softmax', 'x', 's', { Y_scale: 1 / 256 }], out('s')],
    leaves: {
      sd: [
        [2, 2],
        [0.5, 0.5, 69 / 256, 187 / 256],
      ],
    },
  },
  {
    name: 'moves: Slice, Concat, Transpose, ChannelShuffle, Reshape, Flatten, ResizeNearest',
    feed: {
      xf: [
        [1, 1, 2, 4],
        [0, 1, 2, 3, 4, 5, 6, 7],
      ],
    },
    run: [
      q('x'),
      ['Int8Slice', 'x', 's', { starts: [0, 0, 1, 1], ends: [-1, -1, -1, -2], ...half }],
      out('s'),
      ['Int8Concat', 'x x', 'c', { axis: 2, ...half }],
      out('c'),
      ['Int8Transpose', 'x', 't', { axes: [0, 3, 1, 2], ...half }],
      out('t'),
      ['Int8ChannelShuffle', 'x', 'h', { group: 2, ...image, ...half }],
      out('h'),
      ['Int8ResizeNearest', 'x', 'n', { width_scale: 0.5, height_scale: 2, ...half }],
      out('n'),
      ['Int8Reshape', 'x', 'r old', { shape: [0, -1, 4], ...half }],
      out('r'),
      ['Int8Flatten', 'x', 'x', { axis: 3, ...half }],
      out('x'),
    ],
    leaves: {
      sd: [
        [1, 1, 1, 2],
        [5, 6],
      ],
      cd: [
        [1, 1, 4, 4],
        [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7],
      ],
      td: [
        [1, 4, 1, 2],
        [0, 4, 1, 5, 2, 6, 3, 7],
      ],
      hd: [
        [1, 1, 2, 4],
        [0, 2, 1, 3, 4, 6, 5, 7],
      ],
      nd: [
        [1, 2, 1, 4],
        [0, 1, 2, 3, 0, 1, 2, 3],
      ],
      rd: [
        [1, 2, 4],
        [0, 1, 2, 3, 4, 5, 6, 7],
      ],
      old: [[4], [1, 1, 2, 4], 'int64'],
      xd: [
        [2, 4],
        [0, 1, 2, 3, 4, 5, 6, 7],
      ],
    },
  },
  {
    name: 'RoIAlign',
    feed: {
      xf: pixels,
      rois: [
        [1, 5],
        [0, 0, 0, 2, 2],
      ],
    },
    run: [
      q('x'),
      ['Int8RoIAlign', 'x rois', 'y', { ...image, Y_scale: 0.03125, Y_zero_point: 100 }],
      out('y'),
      ['RoIAlign', 'xf rois', 'want', image],
      ['Sub', 'yd want', 'off'],
    ],
    close: 0.016,
    leaves: {
      off: [
        [1, 1, 1, 2],
        [0, 0],
      ],
    },
  },
  {
    name: 'channels first are refused',
    feed: { xf: pixels, wf: kernel },
    run: [q('x'), q('w'), ['Int8Conv', 'x w', 'y', { kernel: 2 }]],
    fails: ['argument', /order must be "NHWC"/],
  },
  {
    name: 'a float blob is no int8 tensor',
    feed: { xf: pixels },
    run: [['Int8Relu', 'xf', 'y']],
    fails: ['no_blob', /where an object is expected/],
  },
  {
    name: 'pooling cannot change the scale',
    feed: { xf: pixels },
    run: [q('x'), ['Int8MaxPool', 'x', 'y', { kernel: 2, ...image, Y_scale: 0.25, Y_zero_point: 10 }]],
    fails: ['value', /must be the same/],
  },
])
