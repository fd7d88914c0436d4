// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ConvertCaffeOptions,
  type ConvertedModel,
  convertCaffe,
  readBinaryProto,
} from '../../src/convert/caffe.ts'
import { argumentValue, getArgument, type OperatorDef } from '../../src/net/net-def.ts'
import { fixture, fixtureText } from '../kit/data.ts'
import { onlyPf, throwsPf } from '../kit/throws.ts'
import { type BlobSpec, blob, caffemodel, encodeBlob, ramp } from './caffe-files.ts'

type Layers = Record<string, readonly BlobSpec[]>

/** Converts layers that follow an input `x`. */
function convert(
  layers: string,
  weights: Layers = {},
  options: Partial<ConvertCaffeOptions> = {},
  dims = [1, 2, 4, 4],
) {
  const shape = dims.map((dim) => `dim: ${dim}`).join(' ')
  const prototxt = `name: "t" input: "x" input_shape { ${shape} } ${layers}`
  return convertCaffe({ prototxt, caffemodel: caffemodel(weights), ...options })
}

const layer = (type: string, more = '', names = 'bottom: "x" top: "y"') =>
  `layer { name: "l" type: "${type}" ${names} ${more} }`

/** `Type(in, in; name=value) -> out` for each operator. */
function shown({ predictNet }: ConvertedModel): string[] {
  return predictNet.op.map((op) => {
    const args = op.arg.map((arg) => `; ${arg.name}=${argumentValue(arg)}`).join('')
    return `${op.type}(${op.input.join(', ')}${args}) -> ${op.output.join(', ')}`
  })
}

const fillOf = ({ initNet }: ConvertedModel, name: string) =>
  initNet.op.find((op) => op.output[0] === name) as OperatorDef

const values = (model: ConvertedModel, name: string) => getArgument(fillOf(model, name), 'values')

test('a small net: in-place layers, phases and parameters of one name', async () => {
  const model = await convertCaffe({
    prototxt: await fixtureText('caffe/tiny.prototxt'),
    caffemodel: await fixture('caffe/tiny.caffemodel'),
  })
  assert.equal(shown(model), [
    'Conv(data, conv_w, conv_b; stride=1; pad=1; kernel=3) -> conv',
    `SpatialBN(conv, conv_scale, conv_bias, conv_mean, conv_var; is_test=1; epsilon=${1e-5}; order=NCHW) -> conv`,
    'Mul(conv, conv/scale_w; axis=1; broadcast=1) -> conv_internal',
    'Add(conv_internal, conv/scale_b; axis=1; broadcast=1) -> conv',
    'LeakyRelu(conv; alpha=0.125) -> conv',
    'MaxPool(conv; stride=2; pad=0; kernel=2; order=NCHW; legacy_pad=3) -> pool',
    'Dropout(pool; ratio=0.5; is_test=1) -> pool, _pool_mask',
    'FC(pool, fc_w, fc_b) -> fc',
    'Softmax(fc) -> prob',
  ])
  // The factor of the statistics is 2.
  assert.equal(values(model, 'conv_mean'), [0, 0.5, 1])
  assert.equal(values(model, 'conv_var'), [1, 1.5, 2])
  assert.equal(getArgument(fillOf(model, 'conv_w'), 'shape'), [3, 2, 3, 3])
  assert.equal(getArgument(fillOf(model, 'data'), 'shape'), [1])
  assert.is(fillOf(model, 'data').type, 'ConstantFill')
  assert.equal(model.predictNet.externalInput.slice(0, 3), ['data', 'conv_w', 'conv_b'])
  assert.equal(model.predictNet.externalOutput, ['prob'])
  assert.equal(model.inputs, [{ name: 'data', shape: [1, 2, 6, 6] }])
  assert.equal(model.warnings, [])
})

test('V1 layers, old blob shapes and data layers', async () => {
  const model = await convertCaffe({
    prototxt: await fixtureText('caffe/tiny-v1.prototxt'),
    caffemodel: await fixture('caffe/tiny-v1.caffemodel'),
  })
  assert.equal(shown(model), [
    'Conv(data, conv_w, conv_b; stride=1; pad=0; kernel=3) -> conv',
    'Relu(conv) -> conv',
    'FC(conv, ip_w, ip_b) -> ip',
    'Softmax(ip) -> prob',
  ])
  assert.equal(getArgument(fillOf(model, 'ip_w'), 'shape'), [3, 8])
  assert.equal(getArgument(fillOf(model, 'conv_b'), 'shape'), [2])
})

const plain: [name: string, layers: string, expected: string[], weights?: Layers][] = [
  ['AbsVal', layer('AbsVal'), ['Abs(x) -> y']],
  ['AbsVal in place', layer('AbsVal', '', 'bottom: "x" top: "x"'), ['Abs(x) -> x_internal', 'Copy(x_internal) -> x']],
  ['BNLL', layer('BNLL'), ['Softplus(x) -> y']],
  ['ELU', layer('ELU', 'elu_param { alpha: 0.5 }'), ['Elu(x; alpha=0.5) -> y']],
  ['Clip', layer('Clip', 'clip_param { min: 0 max: 6 }'), ['Clip(x; min=0; max=6) -> y']],
  ['TanH', layer('TanH'), ['Tanh(x) -> y']],
  ['Permute', layer('Permute', 'permute_param { order: 0 order: 2 }'), ['Transpose(x; axes=0,2,1,3) -> y']],
  ['Flatten', layer('Flatten'), ['Flatten(x) -> y']],
  ['Flatten to one', layer('Flatten', 'flatten_param { axis: 0 }'), ['FlattenToVec(x) -> y']],
  [
    'Flatten inner',
    layer('Flatten', 'flatten_param { axis: 1 end_axis: 2 }'),
    ['Reshape(x; shape=0,-1,4) -> y, _x_dims'],
  ],
  ['Reshape', layer('Reshape', 'reshape_param { shape { dim: 0 dim: -1 } }'), ['Reshape(x; shape=0,-1) -> y, _x_dims']],
  [
    'Reshape of a part',
    layer('Reshape', 'reshape_param { shape { dim: 8 } axis: 1 num_axes: 2 }'),
    ['Reshape(x; shape=0,8,4) -> y, _x_dims'],
  ],
  [
    'Power',
    layer('Power', 'power_param { power: 2 scale: 3 shift: 1 }'),
    [
      'Scale(x; scale=3) -> y_internal',
      'Add(y_internal, y_shift; broadcast=1) -> l_internal',
      'Pow(l_internal; exponent=2) -> y',
    ],
  ],
  ['Power of nothing', layer('Power'), ['Copy(x) -> y']],
  ['Exp', layer('Exp'), ['Exp(x) -> y']],
  [
    'Exp with base',
    layer('Exp', 'exp_param { base: 2 }'),
    [`Scale(x; scale=${Math.log(2)}) -> y_internal`, 'Exp(y_internal) -> y'],
  ],
  ['Log', layer('Log'), ['Log(x) -> y']],
  ['Slice', layer('Slice', '', 'bottom: "x" top: "y" top: "z"'), ['Split(x; axis=1) -> y, z']],
  [
    'Slice at points',
    layer('Slice', 'slice_param { axis: 2 slice_point: 1 }', 'bottom: "x" top: "y" top: "z"'),
    ['Split(x; axis=2; split=1,3) -> y, z'],
  ],
  ['Eltwise', layer('Eltwise', '', 'bottom: "x" bottom: "x" top: "y"'), ['Sum(x, x) -> y']],
  [
    'Eltwise MAX',
    layer('Eltwise', 'eltwise_param { operation: MAX }', 'bottom: "x" bottom: "x" top: "y"'),
    ['Max(x, x) -> y'],
  ],
  [
    'Eltwise PROD',
    layer('Eltwise', 'eltwise_param { operation: PROD }', 'bottom: "x" bottom: "x" top: "y"'),
    ['Mul(x, x) -> y'],
  ],
  [
    'Eltwise with coefficients',
    layer('Eltwise', 'eltwise_param { coeff: 0.5 coeff: 2 }', 'bottom: "x" bottom: "x" top: "y"'),
    ['WeightedSum(x, y_coeff0, x, y_coeff1) -> y'],
  ],
  ['Concat', layer('Concat', '', 'bottom: "x" bottom: "x" top: "y"'), ['Concat(x, x; order=NCHW) -> y, _y_dims']],
  [
    'Concat elsewhere',
    layer('Concat', 'concat_param { axis: -1 }', 'bottom: "x" bottom: "x" top: "y"'),
    ['Concat(x, x; axis=3) -> y, _y_dims'],
  ],
  [
    'LRN',
    layer('LRN', 'lrn_param { alpha: 1 }'),
    ['LRN(x; size=5; alpha=1; beta=0.75; bias=1; order=NCHW) -> y, _y_scale'],
  ],
  [
    'Reduction',
    layer('Reduction', 'reduction_param { axis: 2 operation: MEAN }'),
    ['ReduceBackMean(x; num_reduce_dim=2) -> y'],
  ],
  ['Tile', layer('Tile', 'tile_param { tiles: 3 }'), ['Tile(x; tiles=3; axis=1) -> y']],
  ['Silence', `${layer('ReLU')} layer { name: "s" type: "Silence" bottom: "y" }`, ['Relu(x) -> y']],
  ['Bias', layer('Bias'), ['Add(x, y_b; axis=1; broadcast=1) -> y'], { l: [blob([2])] }],
  ['PReLU', layer('PReLU'), ['PRelu(x, y_Slope) -> y'], { l: [blob([2])] }],
  [
    'a scale of one number',
    layer('Scale', 'scale_param { num_axes: 0 }'),
    ['Mul(x, y_w; axis=1; broadcast=1) -> y'],
    { l: [blob([])] },
  ],
  [
    'a pooling that rounds down',
    layer('Pooling', 'pooling_param { pool: AVE global_pooling: true round_mode: FLOOR }'),
    ['AveragePool(x; stride=1; pad=0; kernel=0; order=NCHW; global_pooling=1) -> y'],
  ],
  [
    'a convolution with everything',
    layer(
      'Convolution',
      'convolution_param { kernel_h: 3 kernel_w: 1 pad_h: 1 pad_w: 0 stride: 2 group: 2 dilation: 1 bias_term: false }',
    ),
    ['Conv(x, y_w; stride=2; pad_t=1; pad_b=1; pad_l=0; pad_r=0; kernel_h=3; kernel_w=1; group=2; dilation=1) -> y'],
    { l: [blob([2, 1, 3, 1])] },
  ],
]

for (const [name, layers, expected, weights] of plain) {
  test(name, async () => {
    assert.equal(shown(await convert(layers, weights)), expected)
  })
}

test('double weights and a transposed inner product', async () => {
  const weights = { l: [blob([32, 2], undefined, { double: true })] }
  const model = await convert(
    layer('InnerProduct', 'inner_product_param { num_output: 2 transpose: true bias_term: false }'),
    weights,
  )
  assert.equal(getArgument(fillOf(model, 'y_w'), 'shape'), [2, 32])
  assert.equal((values(model, 'y_w') as number[]).slice(0, 3), [0, 2, 4])
  assert.equal(values(model, 'y_b'), [0, 0])
})

test('a deconvolution in groups becomes a dense one', async () => {
  const more = 'convolution_param { kernel_size: 2 stride: 2 group: 2 bias_term: false }'
  const model = await convert(layer('Deconvolution', more), { l: [blob([2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])] })
  assert.equal(shown(model), ['ConvTranspose(x, y_w; stride=2; pad=0; kernel=2; order=NCHW) -> y'])
  assert.equal(values(model, 'y_w'), [1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, 6, 7, 8])
  assert.is(model.warnings.length, 1)
})

test('Softmax is over one axis only', async () => {
  const maps = await convert(layer('Softmax'))
  assert.equal(shown(maps), [
    'Transpose(x; axes=0,2,3,1) -> y_internal',
    'Softmax(y_internal; axis=3) -> l_internal',
    'Transpose(l_internal; axes=0,3,1,2) -> y',
  ])
  const dots = await convert(layer('Softmax'), {}, { inputShapes: { x: [1, 2, 1, 1] } })
  assert.equal(shown(dots), ['Softmax(x) -> y'])
  assert.match(dots.warnings[0], 'inputShapes')
})

test('Crop follows the shapes', async () => {
  const layers = `${layer('Pooling', 'pooling_param { kernel_size: 2 stride: 2 }', 'bottom: "x" top: "p"')}
    layer { name: "c" type: "Crop" bottom: "x" bottom: "p" top: "y" crop_param { offset: 1 } }`
  assert.equal(shown(await convert(layers)).slice(1), [
    'Slice(x; starts=0,0,1,0; ends=-1,-1,3,-1) -> y_internal',
    'Slice(y_internal; starts=0,0,0,1; ends=-1,-1,-1,3) -> y',
  ])
})

test('rules choose the layers', async () => {
  const rule = (text: string) =>
    convert(`${layer('ReLU')} layer { name: "m" type: "Sigmoid" bottom: "y" top: "z" ${text} }`)
  const isThere = async (text: string) => (await rule(text)).predictNet.op.length === 2
  assert.ok(await isThere(''))
  assert.ok(await isThere('include { phase: TEST }'))
  assert.not(await isThere('include { phase: TRAIN }'))
  assert.ok(await isThere('include { phase: TRAIN } include { stage: "deploy" } include { phase: TEST }'))
  assert.not(await isThere('exclude { phase: TEST }'))
  assert.ok(await isThere('exclude { phase: TEST min_level: 1 }'))
  assert.not(await isThere('include { stage: "deploy" }'))
  assert.ok(await isThere('include { not_stage: "deploy" }'))
  const train = await convert(layer('Dropout', 'include { phase: TRAIN }'), {}, { phase: 'TRAIN' })
  assert.equal(shown(train), ['Dropout(x; ratio=0.5) -> y, _y_mask'])
})

test('all unknown layers are in one error', async () => {
  const layers = `${layer('PriorBox')} layer { name: "m" type: "Convolutionn" bottom: "y" top: "z" }`
  const words = ['2 layer types', 'PriorBox: "l"', 'Convolutionn: "m"', 'did you mean "Convolution"?', '`drop`']
  await throwsPf(() => convert(layers), 'unsupported', ...words)
  await throwsPf(() => convert(layer('Permut')), 'unsupported', '1 layer type ', 'did you mean "Permute"')
})

test('all layers that fail are in one error', async () => {
  const layers = `${layer('PReLU')} layer { name: "m" type: "Pooling" bottom: "y" top: "z" pooling_param { pool: STOCHASTIC } }`
  await throwsPf(
    () => convert(layers),
    'unsupported',
    '2 layers',
    'PReLU "l": the caffemodel has no weights',
    'stochastic',
  )
})

test('layers can be dropped', async () => {
  const model = await convert(
    `${layer('ReLU')} layer { name: "m" type: "PriorBox" bottom: "y" top: "z" }`,
    {},
    { drop: ['m'] },
  )
  assert.equal(model.predictNet.externalOutput, ['y'])
})

test('a blob that nothing makes', () =>
  throwsPf(
    () => convert(`${layer('ReLU', '', 'bottom: "x" top: "conv1"')} ${layer('ReLU', '', 'bottom: "conv2" top: "y"')}`),
    'net',
    'reads the blob "conv2"',
    'did you mean "conv1"',
  ))

test('layers without what they need', async () => {
  await throwsPf(() => convert(layer('EuclideanLoss')), 'unsupported', 'too few bottoms')
  await throwsPf(() => convert(layer('ReLU', '', 'bottom: "x"')), 'net', 'no top')
  await throwsPf(() => convert(layer('ReLU', '', 'top: "y"')), 'net', 'no bottom')
})

test('V0 models are refused with advice', async () => {
  const prototxt = 'layers { layer { name: "conv1" type: "conv" } bottom: "data" top: "conv1" }'
  await throwsPf(
    () => convertCaffe({ prototxt, caffemodel: new Uint8Array(0) }),
    'unsupported',
    'V0 format',
    'upgrade_net_proto',
  )
})

test('unknown fields are noted', async () => {
  const model = await convert(layer('ReLU', 'relu_param { negative_slop: 0.1 }'))
  assert.match(model.warnings[0], 'ReLUParameter has no field "negative_slop" (did you mean "negative_slope"?)')
})

test('weights that are not what their shape says', () =>
  throwsPf(() => convert(layer('PReLU'), { l: [blob([3], [1, 2])] }), 'parse', 'blob 0 of layer "l" has 2 values'))

test('a mean image', async () => {
  const mean = await readBinaryProto(encodeBlob(blob([1, 2, 1, 2], undefined, { legacy: true })))
  assert.equal(mean, { dtype: 'float32', shape: [1, 2, 1, 2], data: Float32Array.from(ramp([4])) })
})

test('damaged models are converted or refused', async () => {
  const prototxt = await fixtureText('caffe/tiny.prototxt')
  const bytes = await fixture('caffe/tiny.caffemodel')
  const run = (text: string, model: Uint8Array) => onlyPf(() => convertCaffe({ prototxt: text, caffemodel: model }))
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), async (at, value) => {
      const damaged = bytes.slice()
      damaged[at] = value
      await run(prototxt, damaged)
      await run(prototxt, bytes.subarray(0, at))
    }),
    { numRuns: 100 },
  )
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: prototxt.length - 1 }), fc.string({ maxLength: 3 }), (at, text) =>
      run(prototxt.slice(0, at) + text + prototxt.slice(at + text.length), bytes),
    ),
    { numRuns: 200 },
  )
})

test.run()
