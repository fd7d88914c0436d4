// SPDX-License-Identifier: Apache-2.0
// Residual nets (He et al. 2015) with Caffe2's names of blobs: ResNet-50 with its stride in the 3x3 convolutions, and the
// nets for pictures of 32 x 32.
import { brew } from '../net/brew.ts'
import type { ModelHelper } from '../net/model-helper.ts'

export interface ResNetOptions {
  /** Blob of the pictures, NCHW. */
  data?: string
  numInputChannels?: number
  numLabels: number
  /** true in nets that are not trained. */
  isTest?: boolean
  /** Convolutions without biases, of which the normalisation after them leaves nothing. */
  noBias?: boolean
  /** Of batch normalisation: what is kept of the running mean and variance with each step. */
  bnMomentum?: number
  bnEpsilon?: number
}

export interface ResNet50Options extends ResNetOptions {
  conv1Kernel?: number
  conv1Stride?: number
  /** Of the first pooling; Caffe2 has 0, others 1. */
  poolPad?: number
}

interface Builder {
  readonly model: ModelHelper
  readonly options: ResNetOptions
  blob: string
  unit: number
}

/** Adds ResNet-50 up to the scores; answers their blob, `last_out_L` and the number of labels. */
export function resnet50(model: ModelHelper, options: ResNet50Options): string {
  const { conv1Kernel = 7, conv1Stride = 2, poolPad = 0, numLabels } = options
  const builder = begin(model, options, 'conv1_spatbn_relu', 64, conv1Kernel, conv1Stride)
  builder.blob = brew.maxPool(model, builder.blob, 'pool1', { kernel: 3, stride: 2, pad: poolPad })
  let from = 64
  for (const [base, count] of [
    [64, 3],
    [128, 4],
    [256, 6],
    [512, 3],
  ]) {
    for (let i = 0; i < count; i++) {
      bottleneck(builder, from, base, 4 * base, i === 0 && base > 64 ? 2 : 1)
      from = 4 * base
    }
  }
  return end(builder, from, `last_out_L${numLabels}`)
}

/** Adds a net for small pictures with 12 * `groups` + 2 layers up to the scores; answers their blob, `last_out`. */
export function resnet32x32(model: ModelHelper, groups: number, options: ResNetOptions): string {
  const builder = begin(model, options, 'conv1_spatbn', 16, 3, 1)
  let from = 16
  for (const to of [16, 32, 64]) {
    for (let i = 0; i < 2 * groups; i++) {
      simple(builder, from, to, i === 0 && to > 16 ? 2 : 1)
      from = to
    }
  }
  return end(builder, from, 'last_out')
}

function begin(
  model: ModelHelper,
  options: ResNetOptions,
  norm: string,
  dimOut: number,
  kernel: number,
  stride: number,
): Builder {
  const { data = 'data', numInputChannels = 3 } = options
  const builder: Builder = { model, options, blob: data, unit: 0 }
  // Nobody wants the gradient of the pictures.
  conv(builder, 'conv1', numInputChannels, dimOut, kernel, stride, { no_gradient_to_input: true })
  normalise(builder, norm, dimOut)
  relu(builder)
  return builder
}

// Caffe2 takes the mean of 7 x 7 (or 8 x 8) positions, which are all there are at the usual size of pictures.
function end({ model, blob, options }: Builder, dimIn: number, scores: string): string {
  const mean = brew.averagePool(model, blob, 'final_avg', { global_pooling: true })
  return brew.fc(model, mean, scores, { dimIn, dimOut: options.numLabels })
}

function conv(
  builder: Builder,
  name: string,
  dimIn: number,
  dimOut: number,
  kernel: number,
  stride = 1,
  args: { no_gradient_to_input?: boolean } = {},
): void {
  const { model, options } = builder
  const geometry = { kernel, stride, pad: (kernel - 1) >> 1 }
  const made = { dimIn, dimOut, noBias: options.noBias ?? false, weightInit: ['MSRAFill'] as const }
  builder.blob = brew.conv(model, builder.blob, name, { ...geometry, ...made, ...args })
}

function normalise(builder: Builder, name: string, dimIn: number): void {
  const { isTest = false, bnMomentum = 0.1, bnEpsilon = 1e-3 } = builder.options
  const options = { dimIn, isTest, momentum: bnMomentum, epsilon: bnEpsilon }
  builder.blob = brew.spatialBn(builder.model, builder.blob, name, options)
}

function relu(builder: Builder): void {
  brew.relu(builder.model, builder.blob, builder.blob)
}

function bottleneck(builder: Builder, from: number, base: number, to: number, stride: number): void {
  residual(builder, from, to, stride, (layer) => {
    layer(from, base, 1, 1)
    relu(builder)
    layer(base, base, 3, stride)
    relu(builder)
    layer(base, to, 1, 1)
  })
}

function simple(builder: Builder, from: number, to: number, stride: number): void {
  residual(builder, from, to, stride, (layer) => {
    layer(from, to, 3, stride)
    relu(builder)
    layer(to, to, 3, 1)
  })
}

type Layer = (dimIn: number, dimOut: number, kernel: number, stride: number) => void

function residual(builder: Builder, from: number, to: number, stride: number, body: (layer: Layer) => void): void {
  const { model, unit, blob: input } = builder
  let layers = 0
  body((dimIn, dimOut, kernel, step) => {
    layers++
    conv(builder, `comp_${unit}_conv_${layers}`, dimIn, dimOut, kernel, step)
    normalise(builder, `comp_${unit}_spatbn_${layers}`, dimOut)
  })
  const last = builder.blob
  builder.blob = input
  if (from !== to) {
    conv(builder, `shortcut_projection_${unit}`, from, to, 1, stride)
    normalise(builder, `shortcut_projection_${unit}_spatbn`, to)
  }
  builder.blob = brew.sum(model, [builder.blob, last], `comp_${unit}_sum_${layers}`)
  relu(builder)
  builder.unit++
}
