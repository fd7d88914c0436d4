// SPDX-License-Identifier: Apache-2.0
// Layers: operators together with the parameters they need. Parameters are named after the output (`conv1_w`) and
// filled as Caffe2 does, weights by XavierFill and biases by zeros.
//
// Each helper takes the model, the input and the name of the output. Options of its own are in camelCase, all others are
// the operator's arguments under Caffe2's names, such as `stride`, `pad` or `epsilon`.
import type { OperatorType } from '../gen/operators.ts'
import { PfError } from '../util/error.ts'
import type { Initializer, ModelHelper } from './model-helper.ts'
import type { Blobs } from './net.ts'
import type { ArgumentsOf, OperatorArguments } from './operators.ts'

interface Channels {
  dimIn: number
  dimOut: number
  weightInit?: Initializer
  biasInit?: Initializer
}

export type ConvOptions = Omit<ArgumentsOf<'Conv'>, 'kernel' | 'kernel_h' | 'kernel_w' | 'kernels'> &
  Channels & {
    /** Height and width when it is not square. */
    kernel: number | readonly [number, number]
    noBias?: boolean
  }

export type FcOptions = ArgumentsOf<'FC'> & Channels

interface NormChannels {
  dimIn: number
  initScale?: number
  initBias?: number
  /** true in nets that are not trained. */
  isTest?: boolean
}

export type SpatialBnOptions = Omit<ArgumentsOf<'SpatialBN'>, 'is_test'> & NormChannels

export type InstanceNormOptions = ArgumentsOf<'InstanceNorm'> & NormChannels

export type DropoutOptions = Omit<ArgumentsOf<'Dropout'>, 'is_test'> & { isTest?: boolean }

export interface PReluOptions {
  /** One slope for all channels, or one each. */
  numChannels?: number
  slopeInit?: Initializer
}

const xavier: Initializer = ['XavierFill']
const constant = (value: number): Initializer => ['ConstantFill', { value }]

type Simple<T extends OperatorType> = (
  model: ModelHelper,
  blobIn: string,
  blobOut: string,
  args?: ArgumentsOf<T>,
) => string

// A layer that is its operator and nothing else.
function simple<T extends OperatorType>(type: T): Simple<T> {
  return (model, blobIn, blobOut, args) => add(model, type, [blobIn], [blobOut], args)
}

function add(model: ModelHelper, type: OperatorType, inputs: Blobs, outputs: string[], args: object = {}): string {
  return model.net.addUntyped(type, inputs, outputs, { ...model.argScope, ...args })[0]
}

function conv(model: ModelHelper, blobIn: string, blobOut: string, options: ConvOptions): string {
  const { dimIn, dimOut, group = 1 } = options
  if (dimIn % group !== 0 || dimOut % group !== 0) {
    throw new PfError('argument', `conv "${blobOut}": group ${group} must divide dimIn ${dimIn} and dimOut ${dimOut}`)
  }
  return convolve(model, 'Conv', blobIn, blobOut, filterShape(model, options, dimOut, dimIn / group), options)
}

/** The transposed convolution; its weights have the input channels first. */
function convTranspose(model: ModelHelper, blobIn: string, blobOut: string, options: ConvOptions): string {
  const { dimIn, dimOut, group = 1 } = options
  return convolve(model, 'ConvTranspose', blobIn, blobOut, filterShape(model, options, dimIn, dimOut / group), options)
}

/** A convolution whose channels are cut into groups. */
function groupConv(
  model: ModelHelper,
  blobIn: string,
  blobOut: string,
  options: ConvOptions & { group: number },
): string {
  return conv(model, blobIn, blobOut, options)
}

function convolve(
  model: ModelHelper,
  type: OperatorType,
  blobIn: string,
  blobOut: string,
  shape: number[],
  options: ConvOptions,
): string {
  const { dimIn, dimOut, weightInit, biasInit, noBias, kernel, ...args } = options
  const inputs = [blobIn, weights(model, blobOut, shape, weightInit)]
  if (!noBias) inputs.push(bias(model, blobOut, dimOut, biasInit))
  return model.net.addUntyped(type, inputs, [blobOut], { ...kernelArguments(kernel), ...model.argScope, ...args })[0]
}

// `outer` and `inner` are the two channel dimensions of the filter.
function filterShape(model: ModelHelper, { kernel, order }: ConvOptions, outer: number, inner: number): number[] {
  const size = typeof kernel === 'number' ? [kernel, kernel] : kernel
  return (order ?? model.argScope.order) === 'NHWC' ? [outer, ...size, inner] : [outer, inner, ...size]
}

function kernelArguments(kernel: ConvOptions['kernel']): OperatorArguments {
  return typeof kernel === 'number' ? { kernel } : { kernel_h: kernel[0], kernel_w: kernel[1] }
}

/** Fully connected: flattens what follows the first axis. */
function fc(model: ModelHelper, blobIn: string, blobOut: string, options: FcOptions): string {
  const { dimIn, dimOut, weightInit, biasInit, ...args } = options
  const weight = weights(model, blobOut, [dimOut, dimIn], weightInit)
  return add(model, 'FC', [blobIn, weight, bias(model, blobOut, dimOut, biasInit)], [blobOut], args)
}

function weights(model: ModelHelper, blobOut: string, shape: number[], init = xavier): string {
  return model.createParam(`${blobOut}_w`, shape, init, 'weight')
}

function bias(model: ModelHelper, blobOut: string, dimOut: number, init = constant(0)): string {
  return model.createParam(`${blobOut}_b`, [dimOut], init, 'bias')
}

/** Batch normalisation over images; keeps a running mean and variance while training. */
function spatialBn(model: ModelHelper, blobIn: string, blobOut: string, options: SpatialBnOptions): string {
  const { dimIn, initScale, initBias, isTest = false, ...args } = options
  const mean = model.createParam(`${blobOut}_rm`, [dimIn], constant(0), 'computed')
  const variance = model.createParam(`${blobOut}_riv`, [dimIn], constant(1), 'computed')
  const inputs = [blobIn, ...scaleAndBias(model, blobOut, options), mean, variance]
  const outputs = isTest ? [blobOut] : [blobOut, mean, variance, `${blobOut}_sm`, `${blobOut}_siv`]
  return add(model, 'SpatialBN', inputs, outputs, { is_test: isTest, ...args })
}

function instanceNorm(model: ModelHelper, blobIn: string, blobOut: string, options: InstanceNormOptions): string {
  const { dimIn, initScale, initBias, isTest = false, ...args } = options
  const outputs = isTest ? [blobOut] : [blobOut, `${blobOut}_sm`, `${blobOut}_siv`]
  return add(model, 'InstanceNorm', [blobIn, ...scaleAndBias(model, blobOut, options)], outputs, args)
}

function scaleAndBias(
  model: ModelHelper,
  blobOut: string,
  { dimIn, initScale = 1, initBias = 0 }: NormChannels,
): string[] {
  const scale = model.createParam(`${blobOut}_s`, [dimIn], constant(initScale), 'weight')
  return [scale, model.createParam(`${blobOut}_b`, [dimIn], constant(initBias), 'bias')]
}

function dropout(model: ModelHelper, blobIn: string, blobOut: string, options: DropoutOptions = {}): string {
  const { isTest = false, ...args } = options
  const outputs = isTest ? [blobOut] : [blobOut, `_${blobOut}_mask`]
  return model.net.add('Dropout', [blobIn], outputs, { is_test: isTest, ...args })[0]
}

/** Local response normalisation. */
function lrn(model: ModelHelper, blobIn: string, blobOut: string, args?: ArgumentsOf<'LRN'>): string {
  return add(model, 'LRN', [blobIn], [blobOut, `_${blobOut}_scale`], args)
}

/** Relu with a trained slope on the negative side. */
function prelu(model: ModelHelper, blobIn: string, blobOut: string, options: PReluOptions = {}): string {
  const { numChannels = 1, slopeInit = constant(0.25) } = options
  const slope = model.createParam(`${blobOut}_slope`, [numChannels], slopeInit)
  return add(model, 'PRelu', [blobIn, slope], [blobOut])
}

/** Joins blobs along an axis, the channels unless told otherwise. */
function concat(model: ModelHelper, blobsIn: readonly string[], blobOut: string, args?: ArgumentsOf<'Concat'>): string {
  return add(model, 'Concat', blobsIn, [blobOut, `_${blobOut}_concat_dims`], args)
}

function sum(model: ModelHelper, blobsIn: Blobs, blobOut: string): string {
  return model.net.add('Sum', blobsIn, [blobOut])[0]
}

/** Counts the runs of the net in an int64 blob, from 1. */
function iter(model: ModelHelper, blobOut: string): string {
  model.paramInitNet.addUntyped('ConstantFill', [], [blobOut], { shape: [1], value: 0, dtype: 10 })
  return model.net.addUntyped('Iter', [blobOut], [blobOut])[0]
}

/** The share of rows whose label is the largest score, or among the `top_k` largest. */
function accuracy(
  model: ModelHelper,
  blobsIn: readonly [scores: string, label: string],
  blobOut: string,
  args?: ArgumentsOf<'Accuracy'>,
): string {
  return model.net.add('Accuracy', blobsIn, [blobOut], args)[0]
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
