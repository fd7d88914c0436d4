// SPDX-License-Identifier: Apache-2.0
// Layers: operators together with the parameters they need. Parameters are named after the output (`conv1_w`) and
// filled as Caffe2 does, weights by XavierFill and biases by zeros.
//
// Each helper takes the model, the input and the name of the output; options of its own are in camelCase, all others
// are the operator's arguments under Caffe2's names, such as `stride`, `pad` or `epsilon`.
import { PfError } from '../util/error.ts'
import type { Initializer, ModelHelper } from './model-helper.ts'
import type { Blobs } from './net.ts'
import type { OperatorArguments } from './operators.ts'

export type LayerArguments = OperatorArguments

/** Options of layers that have weights. */
export interface WeightOptions {
  weightInit?: Initializer
  biasInit?: Initializer
  noBias?: boolean
}

export interface ConvOptions extends WeightOptions {
  dimIn: number
  dimOut: number
  /** Height and width when it is not square. */
  kernel: number | readonly [number, number]
  group?: number
  args?: LayerArguments
}

export interface FcOptions extends WeightOptions {
  dimIn: number
  dimOut: number
  args?: LayerArguments
}

export interface NormOptions {
  dimIn: number
  initScale?: number
  initBias?: number
  /** true in nets that are not trained. */
  isTest?: boolean
  args?: LayerArguments
}

export interface DropoutOptions {
  ratio?: number
  isTest?: boolean
  args?: LayerArguments
}

const xavier: Initializer = ['XavierFill']
const zeros: Initializer = ['ConstantFill', { value: 0 }]
const constant = (value: number): Initializer => ['ConstantFill', { value }]

type Simple = (model: ModelHelper, blobIn: string, blobOut: string, args?: LayerArguments) => string

// A layer that is its operator and nothing else.
function simple(type: string): Simple {
  return (model, blobIn, blobOut, args) =>
    model.net.addUntyped(type, [blobIn], [blobOut], { ...model.argScope, ...args })[0]
}

function conv(model: ModelHelper, blobIn: string, blobOut: string, options: ConvOptions): string {
  const { dimIn, dimOut, group = 1 } = options
  if (dimIn % group !== 0 || dimOut % group !== 0) {
    throw new PfError('argument', `conv "${blobOut}": group ${group} must divide dimIn ${dimIn} and dimOut ${dimOut}`)
  }
  const shape = filterShape(model, options, dimOut, dimIn / group)
  return convolve(model, 'Conv', blobIn, blobOut, shape, options, group > 1 ? { group } : {})
}

/** The transposed convolution; its weights have the input channels first. */
function convTranspose(model: ModelHelper, blobIn: string, blobOut: string, options: ConvOptions): string {
  const { dimIn, dimOut, group = 1 } = options
  const shape = filterShape(model, options, dimIn, dimOut / group)
  return convolve(model, 'ConvTranspose', blobIn, blobOut, shape, options, group > 1 ? { group } : {})
}

function convolve(
  model: ModelHelper,
  type: string,
  blobIn: string,
  blobOut: string,
  shape: number[],
  options: ConvOptions,
  extra: LayerArguments,
): string {
  const inputs = [blobIn, ...weights(model, blobOut, shape, options)]
  const args = { ...kernelArguments(options.kernel), ...model.argScope, ...extra, ...options.args }
  return model.net.addUntyped(type, inputs, [blobOut], args)[0]
}

// `outer` and `inner` are the two channel dimensions of the filter.
function filterShape(model: ModelHelper, { kernel, args }: ConvOptions, outer: number, inner: number): number[] {
  const size = typeof kernel === 'number' ? [kernel, kernel] : kernel
  const order = args?.order ?? model.argScope.order
  return order === 'NHWC' ? [outer, ...size, inner] : [outer, inner, ...size]
}

function kernelArguments(kernel: ConvOptions['kernel']): LayerArguments {
  return typeof kernel === 'number' ? { kernel } : { kernel_h: kernel[0], kernel_w: kernel[1] }
}

/** Fully connected: flattens what follows the first axis. */
function fc(model: ModelHelper, blobIn: string, blobOut: string, options: FcOptions): string {
  const inputs = [blobIn, ...weights(model, blobOut, [options.dimOut, options.dimIn], { ...options, noBias: false })]
  return model.net.addUntyped('FC', inputs, [blobOut], { ...model.argScope, ...options.args })[0]
}

function weights(
  model: ModelHelper,
  blobOut: string,
  shape: number[],
  { weightInit = xavier, biasInit = zeros, noBias = false, dimOut }: WeightOptions & { dimOut: number },
): string[] {
  const weight = model.createParam(`${blobOut}_w`, shape, weightInit, 'weight')
  return noBias ? [weight] : [weight, model.createParam(`${blobOut}_b`, [dimOut], biasInit, 'bias')]
}

/** Batch normalisation over images; keeps a running mean and variance while training. */
function spatialBn(model: ModelHelper, blobIn: string, blobOut: string, options: NormOptions): string {
  const { dimIn, isTest = false, args } = options
  const mean = model.createParam(`${blobOut}_rm`, [dimIn], constant(0), 'computed')
  const variance = model.createParam(`${blobOut}_riv`, [dimIn], constant(1), 'computed')
  const inputs = [blobIn, ...scaleAndBias(model, blobOut, options), mean, variance]
  const outputs = isTest ? [blobOut] : [blobOut, mean, variance, `${blobOut}_sm`, `${blobOut}_siv`]
  return model.net.addUntyped('SpatialBN', inputs, outputs, { ...model.argScope, is_test: isTest ? 1 : 0, ...args })[0]
}

function instanceNorm(model: ModelHelper, blobIn: string, blobOut: string, options: NormOptions): string {
  const inputs = [blobIn, ...scaleAndBias(model, blobOut, options)]
  const outputs = options.isTest ? [blobOut] : [blobOut, `${blobOut}_sm`, `${blobOut}_siv`]
  return model.net.addUntyped('InstanceNorm', inputs, outputs, { ...model.argScope, ...options.args })[0]
}

function scaleAndBias(
  model: ModelHelper,
  blobOut: string,
  { dimIn, initScale = 1, initBias = 0 }: NormOptions,
): string[] {
  const scale = model.createParam(`${blobOut}_s`, [dimIn], constant(initScale), 'weight')
  return [scale, model.createParam(`${blobOut}_b`, [dimIn], constant(initBias), 'bias')]
}

function dropout(model: ModelHelper, blobIn: string, blobOut: string, options: DropoutOptions = {}): string {
  const { ratio = 0.5, isTest = false, args } = options
  const outputs = isTest ? [blobOut] : [blobOut, `_${blobOut}_mask`]
  return model.net.addUntyped('Dropout', [blobIn], outputs, { ratio, is_test: isTest ? 1 : 0, ...args })[0]
}

/** Local response normalisation. */
function lrn(model: ModelHelper, blobIn: string, blobOut: string, args?: LayerArguments): string {
  return model.net.addUntyped('LRN', [blobIn], [blobOut, `_${blobOut}_scale`], { ...model.argScope, ...args })[0]
}

/** Relu with a trained slope on the negative side, one for all channels or one each. */
function prelu(
  model: ModelHelper,
  blobIn: string,
  blobOut: string,
  { numChannels = 1, slopeInit = constant(0.25), args = {} as LayerArguments } = {},
): string {
  const slope = model.createParam(`${blobOut}_slope`, [numChannels], slopeInit)
  return model.net.addUntyped('PRelu', [blobIn, slope], [blobOut], { ...model.argScope, ...args })[0]
}

/** Joins blobs along an axis, the channels unless told otherwise. */
function concat(model: ModelHelper, blobsIn: readonly string[], blobOut: string, args?: LayerArguments): string {
  return model.net.addUntyped('Concat', blobsIn, [blobOut, `_${blobOut}_concat_dims`], {
    ...model.argScope,
    ...args,
  })[0]
}

function sum(model: ModelHelper, blobsIn: Blobs, blobOut: string, args?: LayerArguments): string {
  return model.net.addUntyped('Sum', blobsIn, [blobOut], { ...args })[0]
}

/** Counts the runs of the net in an int64 blob, from 1. */
function iter(model: ModelHelper, blobOut: string): string {
  model.paramInitNet.addUntyped('ConstantFill', [], [blobOut], { shape: [1], value: 0, dtype: 10 })
  return model.net.addUntyped('Iter', [blobOut], [blobOut])[0]
}

/** The share of rows whose largest score is that of the label. */
function accuracy(
  model: ModelHelper,
  blobsIn: readonly [string, string],
  blobOut: string,
  args?: LayerArguments,
): string {
  return model.net.addUntyped('Accuracy', blobsIn, [blobOut], { ...args })[0]
}

/** A group convolution: `conv` with a group. */
function groupConv(
  model: ModelHelper,
  blobIn: string,
  blobOut: string,
  options: ConvOptions & { group: number },
): string {
  return conv(model, blobIn, blobOut, options)
}

export const brew = {
  conv,
  groupConv,
  convTranspose,
  fc,
  maxPool: simple('MaxPool'),
  averagePool: simple('AveragePool'),
  relu: simple('Relu'),
  leakyRelu: simple('LeakyRelu'),
  elu: simple('Elu'),
  prelu,
  sigmoid: simple('Sigmoid'),
  tanh: simple('Tanh'),
  softmax: simple('Softmax'),
  dropout,
  lrn,
  spatialBn,
  instanceNorm,
  concat,
  sum,
  flatten: simple('Flatten'),
  transpose: simple('Transpose'),
  iter,
  accuracy,
}
