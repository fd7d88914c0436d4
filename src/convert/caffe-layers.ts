// SPDX-License-Identifier: Apache-2.0
// A row per layer type: the operators that do what it does. Names of parameters and helper blobs, and the order of
// arguments, are caffe_translator's wherever it knew the layer.
import { convolution, deconvolution, pooling } from './caffe-geometry.ts'
import type { LayerContext } from './caffe-model.ts'
import * as shape from './caffe-shape-layers.ts'
import type { Weight } from './caffe-weights.ts'

type Row = (c: LayerContext) => void

const kFloatType = 1
const kInt32Type = 2

const flat = (weight: Weight): Weight => ({ shape: [weight.data.length], data: weight.data })

/** A layer that is one operator and keeps its shape. */
const same =
  (type: string): Row =>
  (c) => {
    c.plain(type)
    keepShape(c)
  }

function keepShape(c: LayerContext): void {
  for (const top of c.top) c.setShape(top, c.shape(c.bottom[0]))
}

function relu(c: LayerContext): void {
  const { negativeSlope = 0 } = c.param<{ negativeSlope: number }>('reluParam')
  if (negativeSlope === 0) c.plain('Relu')
  else c.plain('LeakyRelu', { alpha: { float: negativeSlope } })
  keepShape(c)
}

function prelu(c: LayerContext): void {
  c.emit('PRelu', [c.bottom[0], c.addParam('_Slope', flat(c.blobs(1)[0]))], c.top)
  keepShape(c)
}

function innerProduct(c: LayerContext): void {
  const { axis = 1, transpose = false } = c.param<{ axis: number; transpose: boolean }>('innerProductParam')
  const [stored, bias] = c.blobs(1)
  const rows = matrix(c, stored)
  const weight = transpose ? transposed(rows) : rows
  const [outputs] = weight.shape
  const zero = { shape: [outputs], data: new Float32Array(outputs) }
  const inputs = [c.bottom[0], c.addParam('_w', weight), c.addParam('_b', bias ? flat(bias) : zero)]
  c.emit('FC', inputs, c.top, axis === 1 ? {} : { axis })
  const input = c.shape(c.bottom[0])
  c.setShape(c.top[0], axis < 0 ? undefined : input && [...input.slice(0, axis), outputs])
}

// Old files keep the matrix as (1, 1, outputs, inputs).
function matrix(c: LayerContext, { shape: dims, data }: Weight): Weight {
  const [columns, rows] = [dims[dims.length - 1], dims[dims.length - 2]]
  if (dims.length < 2 || columns * rows !== data.length)
    c.fail(`its weights have the shape [${dims}], not that of a matrix`)
  return { shape: [rows, columns], data }
}

function transposed({ shape: [rows, columns], data }: Weight): Weight {
  const out = new Float32Array(data.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]
  return { shape: [columns, rows], data: out }
}

function lrn(c: LayerContext): void {
  const { localSize = 5, alpha = 1, beta = 0.75, k = 1, normRegion = 0 } = c.param<Record<string, number>>('lrnParam')
  if (normRegion !== 0) c.fail('normalisation within a channel is not supported')
  const numbers = { alpha: { float: alpha }, beta: { float: beta }, bias: { float: k } }
  c.emit('LRN', c.bottom, [c.top[0], `_${c.top[0]}_scale`], { size: localSize, ...numbers, order: 'NCHW' })
  keepShape(c)
}

function dropout(c: LayerContext): void {
  const { dropoutRatio = 0.5 } = c.param<{ dropoutRatio: number }>('dropoutParam')
  const args = { ratio: { float: dropoutRatio }, is_test: c.isTest ? 1 : undefined }
  c.emit('Dropout', c.bottom, [c.top[0], `_${c.top[0]}_mask`], args)
  keepShape(c)
}

function batchNorm(c: LayerContext): void {
  const { eps = 1e-5, useGlobalStats } = c.param<{ eps: number; useGlobalStats: boolean }>('batchNormParam')
  if (useGlobalStats === false && c.isTest) c.warn('it asks for statistics of the batch; the stored ones are used')
  const [mean, variance, factor] = c.blobs(3)
  const scale = factor.data[0] === 0 ? 0 : 1 / factor.data[0]
  const one = { shape: [mean.data.length], data: new Float32Array(mean.data.length).fill(1) }
  const zero = { shape: [mean.data.length], data: new Float32Array(mean.data.length) }
  const scaled = ({ data }: Weight) => ({ shape: [data.length], data: data.map((value) => value * scale) })
  const params = [
    c.addParam('_scale', one),
    c.addParam('_bias', zero),
    c.addParam('_mean', scaled(mean)),
    c.addParam('_var', scaled(variance)),
  ]
  const args = { is_test: c.isTest ? 1 : 0, epsilon: { float: eps }, order: 'NCHW' }
  const statistics = c.isTest ? [] : [params[2], params[3], `_${c.top[0]}_saved_mean`, `_${c.top[0]}_saved_var`]
  c.emit('SpatialBN', [c.bottom[0], ...params], [c.top[0], ...statistics], args)
  keepShape(c)
}

function scale(c: LayerContext): void {
  const { axis = 1, numAxes = 1 } = c.param<{ axis: number; numAxes: number }>('scaleParam')
  const args = { axis, broadcast: 1 }
  if (c.bottom.length > 1) c.emit('Mul', c.bottom, c.top, args)
  else {
    const [weight, bias] = c.blobs(1).map((blob) => (numAxes === 1 ? flat(blob) : scalarOr(blob)))
    const steps = [{ type: 'Mul', more: [c.addParam('_w', weight)], args }]
    if (bias !== undefined) steps.push({ type: 'Add', more: [c.addParam('_b', bias)], args })
    c.chain(steps)
  }
  keepShape(c)
}

const scalarOr = (weight: Weight) => (weight.data.length === 1 ? flat(weight) : weight)

function bias(c: LayerContext): void {
  const { axis = 1, numAxes = 1 } = c.param<{ axis: number; numAxes: number }>('biasParam')
  const args = { axis, broadcast: 1 }
  if (c.bottom.length > 1) c.emit('Add', c.bottom, c.top, args)
  else {
    const [weight] = c.blobs(1).map((blob) => (numAxes === 1 ? flat(blob) : scalarOr(blob)))
    c.emit('Add', [c.bottom[0], c.addParam('_b', weight)], c.top, args)
  }
  keepShape(c)
}

function eltwise(c: LayerContext): void {
  const { operation = 1, coeff = [] } = c.param<{ operation: number; coeff: number[] }>('eltwiseParam')
  if (operation === 2) c.plain('Max')
  else if (operation === 0) c.chain(c.bottom.slice(1).map((bottom) => ({ type: 'Mul', more: [bottom] })))
  else if (coeff.every((value) => value === 1)) c.plain('Sum')
  else if (coeff.length !== c.bottom.length) c.fail(`it has ${coeff.length} coeff for ${c.bottom.length} bottoms`)
  else if (coeff.length === 2 && coeff[0] === 1 && coeff[1] === -1) c.plain('Sub')
  else {
    const weighted = c.bottom.flatMap((bottom, i) => [bottom, c.scalar(`_coeff${i}`, coeff[i])])
    c.emit('WeightedSum', weighted, c.top)
  }
  keepShape(c)
}

interface Affine {
  power: number
  base: number
  scale: number
  shift: number
}

const scaleBy = (factor: number) => (factor === 1 ? [] : [{ type: 'Scale', args: { scale: { float: factor } } }])

const shiftBy = (c: LayerContext, offset: number) =>
  offset === 0 ? [] : [{ type: 'Add', more: [c.scalar('_shift', offset)], args: { broadcast: 1 } }]

// y = (shift + scale x) ^ power
function power(c: LayerContext): void {
  const p = c.param<Affine>('powerParam')
  const steps = [...scaleBy(p.scale ?? 1), ...shiftBy(c, p.shift ?? 0)]
  const last = (p.power ?? 1) === 1 ? [] : [{ type: 'Pow', args: { exponent: { float: p.power ?? 1 } } }]
  c.chain(orCopy([...steps, ...last]))
  keepShape(c)
}

const orCopy = <T>(steps: T[]): (T | { type: string })[] => (steps.length > 0 ? steps : [{ type: 'Copy' }])

// The base -1 stands for e.
const lnOf = (base = -1) => (base === -1 ? 1 : Math.log(base))

// y = base ^ (shift + scale x) = base^shift * exp(ln(base) * scale * x)
function exp(c: LayerContext): void {
  const { base, scale: factor = 1, shift = 0 } = c.param<Affine>('expParam')
  c.chain([...scaleBy(factor * lnOf(base)), { type: 'Exp' }, ...scaleBy(Math.exp(shift * lnOf(base)))])
  keepShape(c)
}

// y = ln(shift + scale x) / ln(base)
function log(c: LayerContext): void {
  const { base, scale: factor = 1, shift = 0 } = c.param<Affine>('logParam')
  c.chain([...scaleBy(factor), ...shiftBy(c, shift), { type: 'Log' }, ...scaleBy(1 / lnOf(base))])
  keepShape(c)
}

function elu(c: LayerContext): void {
  c.plain('Elu', { alpha: { float: c.param<{ alpha: number }>('eluParam').alpha ?? 1 } })
  keepShape(c)
}

function clip(c: LayerContext): void {
  const { min, max } = c.param<{ min: number; max: number }>('clipParam')
  if (min === undefined || max === undefined) c.fail('clip_param needs min and max')
  c.plain('Clip', { min: { float: min }, max: { float: max } })
  keepShape(c)
}

// x * sigmoid(beta x)
function swish(c: LayerContext): void {
  const { beta = 1 } = c.param<{ beta: number }>('swishParam')
  if (beta === 1) c.plain('Swish')
  else {
    const gate = `${c.between()}_gate`
    c.emit('Scale', [c.bottom[0]], [gate], { scale: { float: beta } })
    c.emit('Sigmoid', [gate], [gate])
    c.emit('Mul', [c.bottom[0], gate], c.top)
  }
  keepShape(c)
}

function threshold(c: LayerContext): void {
  const limit = c.scalar('_threshold', c.param<{ threshold: number }>('thresholdParam').threshold ?? 0)
  const over = `${c.between()}_over`
  c.emit('GT', [c.bottom[0], limit], [over], { broadcast: 1 })
  c.emit('Cast', [over], c.top, { to: kFloatType })
  keepShape(c)
}

function instanceNorm(c: LayerContext): void {
  const [weight, offset] = c.blobs(2).map(flat)
  c.emit('InstanceNorm', [c.bottom[0], c.addParam('_w', weight), c.addParam('_b', offset)], c.top, { order: 'NCHW' })
  keepShape(c)
}

// Zero mean and unit variance per image and channel: an InstanceNorm without learnt parameters.
function mvn(c: LayerContext): void {
  const p = c.param<{ normalizeVariance: boolean; acrossChannels: boolean; eps: number }>('mvnParam')
  const channels = c.shape(c.bottom[0])?.[1]
  if (p.normalizeVariance === false || p.acrossChannels) c.fail('only variance normalisation per channel is supported')
  if (channels === undefined) c.fail('the number of its channels is not known: give the shapes of the inputs')
  const one = c.addParam('_w', { shape: [channels], data: new Float32Array(channels).fill(1) })
  const zero = c.addParam('_b', { shape: [channels], data: new Float32Array(channels) })
  // Caffe adds eps to the deviation, InstanceNorm to the variance.
  const epsilon = (p.eps ?? 1e-9) ** 2
  c.emit('InstanceNorm', [c.bottom[0], one, zero], c.top, { order: 'NCHW', epsilon: { float: epsilon } })
  keepShape(c)
}

function normalize(c: LayerContext): void {
  const { acrossSpatial = true } = c.param<{ acrossSpatial: boolean }>('normParam')
  if (acrossSpatial) c.fail('normalisation across spatial positions is not supported')
  const weight = c.addParam('_w', flat(c.blobs(1)[0]))
  c.chain([
    { type: 'Normalize', args: { axis: 1 } },
    { type: 'Mul', more: [weight], args: { axis: 1, broadcast: 1 } },
  ])
  keepShape(c)
}

function embed(c: LayerContext): void {
  const [table, offset] = c.blobs(1)
  const index = `${c.between()}_index`
  const weight = c.addParam('_w', table)
  c.emit('Cast', c.bottom, [index], { to: kInt32Type })
  if (offset === undefined) c.emit('Gather', [weight, index], c.top)
  else {
    const rows = c.between()
    c.emit('Gather', [weight, index], [rows])
    c.emit('Add', [rows, c.addParam('_b', flat(offset))], c.top, { broadcast: 1 })
  }
}

function roiPooling(c: LayerContext): void {
  const { pooledH, pooledW, spatialScale } = c.param<Record<string, number>>('roiPoolingParam')
  const args = {
    order: 'NCHW',
    is_test: c.isTest ? 1 : undefined,
    pooled_h: pooledH,
    pooled_w: pooledW,
    spatial_scale: spatialScale === undefined ? undefined : { float: spatialScale },
  }
  c.emit('RoIPool', c.bottom, c.isTest ? c.top : [c.top[0], `${c.top[0]}_argmaxes`], args)
}

function softmaxWithLoss(c: LayerContext): void {
  const [scores, label] = c.bottom
  const probabilities = `${scores}_translator_autogen_softmax`
  const losses = `${scores}_translator_autogen_xent`
  c.emit('Softmax', [scores], [probabilities])
  c.emit('LabelCrossEntropy', [probabilities, label], [losses])
  c.emit('AveragedLoss', [losses], [c.top[0]])
}

// 1 / 2N of the summed squares: the ½ is in SquaredL2Distance.
function euclideanLoss(c: LayerContext): void {
  const distances = c.between()
  c.emit('SquaredL2Distance', [c.bottom[0], c.bottom[1]], [distances])
  c.emit('AveragedLoss', [distances], c.top)
}

function accuracy(c: LayerContext): void {
  const { topK = 1 } = c.param<{ topK: number }>('accuracyParam')
  c.plain('Accuracy', topK === 1 ? {} : { top_k: topK })
}

function copies(c: LayerContext): void {
  for (const top of c.top) c.emit('Copy', c.bottom, [top])
  keepShape(c)
}

export const layerTable: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['AbsVal', same('Abs')],
  ['Accuracy', accuracy],
  ['ArgMax', shape.argMax],
  ['BatchNorm', batchNorm],
  ['Bias', bias],
  ['BNLL', same('Softplus')],
  ['Clip', clip],
  ['Concat', shape.concat],
  ['Convolution', convolution],
  ['Convolution3D', convolution],
  ['Crop', shape.crop],
  ['Deconvolution', deconvolution],
  ['Dropout', dropout],
  ['Eltwise', eltwise],
  ['ELU', elu],
  ['Embed', embed],
  ['EuclideanLoss', euclideanLoss],
  ['Exp', exp],
  ['Flatten', shape.flatten],
  ['InnerProduct', innerProduct],
  ['InstanceNorm', instanceNorm],
  ['Log', log],
  ['LRN', lrn],
  ['MVN', mvn],
  ['Normalize', normalize],
  ['Permute', shape.permute],
  ['Pooling', pooling],
  ['Pooling3D', pooling],
  ['Power', power],
  ['PReLU', prelu],
  ['Reduction', shape.reduction],
  ['ReLU', relu],
  ['Reshape', shape.reshape],
  ['ROIPooling', roiPooling],
  ['Scale', scale],
  ['Sigmoid', same('Sigmoid')],
  ['Silence', () => {}],
  ['Slice', shape.slice],
  ['Softmax', shape.softmax],
  ['SoftmaxWithLoss', softmaxWithLoss],
  ['Split', copies],
  ['Swish', swish],
  ['TanH', same('Tanh')],
  ['Threshold', threshold],
  ['Tile', shape.tile],
])
