// SPDX-License-Identifier: Apache-2.0
// Windows: kernel, stride and pad of convolutions and poolings, as arguments and as the shapes they lead to.
import type { ArgumentValue } from '../net/net-def.ts'
import type { LayerContext } from './caffe-model.ts'
import type { Weight } from './caffe-weights.ts'

interface Window {
  kernelSize?: number | number[]
  stride?: number | number[]
  pad?: number | number[]
  kernelH?: number
  kernelW?: number
  strideH?: number
  strideW?: number
  padH?: number
  padW?: number
}

interface Convolution extends Window {
  group: number
  dilation: number[]
  axis: number
}

interface Pooling extends Window {
  pool: number
  globalPooling: boolean
  roundMode: number
}

/** Sizes per spatial dimension; one value serves every dimension. */
interface Sizes {
  kernel: number[]
  stride: number[]
  pad: number[]
  dilation: number[]
}

const kFloor = 1
const kCaffeLegacyPooling = 3

function sizesOf(window: Partial<Window>, dilation: number[] = []): Sizes {
  const pick = (both: number | number[] | undefined, h: number | undefined, w: number | undefined, missing: number) => {
    if (h !== undefined || w !== undefined) return [h ?? missing, w ?? missing]
    const list = both === undefined ? [] : [both].flat()
    return list.length === 0 ? [missing] : list
  }
  return {
    kernel: pick(window.kernelSize, window.kernelH, window.kernelW, 0),
    stride: pick(window.stride, window.strideH, window.strideW, 1),
    pad: pick(window.pad, window.padH, window.padW, 0),
    dilation: dilation.length === 0 ? [1] : dilation,
  }
}

// In caffe_translator's order: stride, pad, kernel. More than two dimensions take Caffe2's list form.
function windowArguments(sizes: Sizes): Record<string, ArgumentValue> {
  const rank = Math.max(sizes.kernel.length, sizes.stride.length, sizes.pad.length)
  if (rank > 2) {
    const pads = spread(sizes.pad, rank)
    return { strides: spread(sizes.stride, rank), pads: [...pads, ...pads], kernels: spread(sizes.kernel, rank) }
  }
  return { ...pair('stride', sizes.stride), ...padArguments(sizes.pad), ...pair('kernel', sizes.kernel) }
}

function pair(name: string, values: number[]): Record<string, number> {
  return values.length === 1 ? { [name]: values[0] } : { [`${name}_h`]: values[0], [`${name}_w`]: values[1] }
}

function padArguments([h, w = h]: number[]): Record<string, number> {
  return h === w ? { pad: h } : { pad_t: h, pad_b: h, pad_l: w, pad_r: w }
}

const spread = (values: number[], rank: number) => (values.length === rank ? values : new Array(rank).fill(values[0]))

/** N, C, then each spatial size through `size`; unknown stays unknown. */
function spatialShape(
  c: LayerContext,
  channels: number | undefined,
  size: (input: number, axis: number) => number,
): number[] | undefined {
  const input = c.shape(c.bottom[0])
  if (input === undefined) return undefined
  return [input[0], channels ?? input[1], ...input.slice(2).map(size)]
}

const at = (values: number[], axis: number) => values[axis] ?? values[0]

const flat = (weight: Weight): Weight => ({ shape: [weight.data.length], data: weight.data })

export function convolution(c: LayerContext): void {
  const { param, sizes, group } = convolutionParam(c)
  const [weight, bias] = c.blobs(1)
  const inputs = [c.bottom[0], c.addParam('_w', weight)]
  if (bias !== undefined) inputs.push(c.addParam('_b', flat(bias)))
  const dilation = param.dilation?.length ? pair('dilation', param.dilation) : {}
  const dilations = sizes.dilation.length > 2 ? { dilations: sizes.dilation } : dilation
  c.emit('Conv', inputs, c.top, { ...windowArguments(sizes), ...(group === 1 ? {} : { group }), ...dilations })
  const reach = (axis: number) => at(sizes.dilation, axis) * (at(sizes.kernel, axis) - 1) + 1
  const size = (input: number, axis: number) =>
    Math.floor((input + 2 * at(sizes.pad, axis) - reach(axis)) / at(sizes.stride, axis)) + 1
  c.setShape(c.top[0], spatialShape(c, weight.shape[0], size))
}

function convolutionParam(c: LayerContext) {
  const param = c.param<Convolution>('convolutionParam')
  if ((param.axis ?? 1) !== 1) c.fail('axis must be 1')
  if (c.bottom.length !== 1) c.fail(`one bottom is supported, it has ${c.bottom.length}`)
  return { param, sizes: sizesOf(param, param.dilation), group: param.group ?? 1 }
}

export function deconvolution(c: LayerContext): void {
  const { sizes, group } = convolutionParam(c)
  if (sizes.dilation.some((dilation) => dilation !== 1)) c.fail('ConvTranspose has no dilation')
  const [weight, bias] = c.blobs(1)
  const dense = group === 1 ? weight : ungrouped(weight, group)
  if (group !== 1) c.warn(`${group} groups were written as one, the other weights zero: ConvTranspose has no groups`)
  const inputs = [c.bottom[0], c.addParam('_w', dense)]
  if (bias !== undefined) inputs.push(c.addParam('_b', flat(bias)))
  c.emit('ConvTranspose', inputs, c.top, { ...windowArguments(sizes), order: 'NCHW' })
  const size = (input: number, axis: number) =>
    (input - 1) * at(sizes.stride, axis) + at(sizes.kernel, axis) - 2 * at(sizes.pad, axis)
  c.setShape(c.top[0], spatialShape(c, dense.shape[1], size))
}

// (Cin, Cout / group, h, w) to (Cin, Cout, h, w): an input channel reaches only the outputs of its own group.
function ungrouped({ shape, data }: Weight, group: number): Weight {
  const [inputs, perGroup, ...window] = shape
  const block = perGroup * window.reduce((size, dim) => size * dim, 1)
  const out = new Float32Array(data.length * group)
  for (let i = 0; i < inputs; i++) {
    const own = Math.floor(i / (inputs / group))
    out.set(data.subarray(i * block, (i + 1) * block), (i * group + own) * block)
  }
  return { shape: [inputs, perGroup * group, ...window], data: out }
}

export function pooling(c: LayerContext): void {
  const param = c.param<Pooling>('poolingParam')
  const { pool = 0, globalPooling = false } = param
  if (pool > 1) c.fail('stochastic pooling is not supported')
  const sizes = sizesOf(param)
  const legacy = param.roundMode === kFloor ? {} : { legacy_pad: kCaffeLegacyPooling }
  const args = { ...windowArguments(sizes), order: 'NCHW', ...legacy, ...(globalPooling ? { global_pooling: 1 } : {}) }
  const [bottom, [top, mask]] = [c.bottom, c.top]
  if (mask !== undefined) c.fail('the mask of a pooling (a second top) is not supported')
  if (pool === 1 && sizes.pad.some((pad) => pad > 0)) {
    c.warn('Caffe divides by the padded window, Caffe2 by the pixels in it: values at the border differ')
  }
  c.emit(pool === 0 ? 'MaxPool' : 'AveragePool', bottom, [top], args)
  const size = (input: number, axis: number) => (globalPooling ? 1 : pooledSize(input, axis, sizes, param.roundMode))
  c.setShape(top, spatialShape(c, undefined, size))
}

// Caffe rounds up, then drops a last window that would begin in the padding.
function pooledSize(input: number, axis: number, sizes: Sizes, roundMode: number | undefined): number {
  const [kernel, stride, pad] = [at(sizes.kernel, axis), at(sizes.stride, axis), at(sizes.pad, axis)]
  const steps = (input + 2 * pad - kernel) / stride
  if (roundMode === kFloor) return Math.floor(steps) + 1
  const size = Math.ceil(steps) + 1
  return pad > 0 && (size - 1) * stride >= input + pad ? size - 1 : size
}
