// SPDX-License-Identifier: Apache-2.0
// What tests/ops/gradients.test.ts knows of single operators: points beside the recorded ones, and, each with its reason,
// what differences cannot show.
import { type DType, type Tensor, tensor } from '../../src/core/tensor.ts'
import type { ArgumentValue, OperatorDef } from '../../src/net/net-def.ts'

/** An operator of these inputs, in order, at these values. */
export interface OwnPoint {
  readonly feed: Readonly<Record<string, Tensor>>
  /** How many outputs; one unless told. */
  readonly outputs?: number
  readonly args?: Readonly<Record<string, ArgumentValue>>
}

/** Numbers between -1 and 1, no two alike, the same in each run. */
function waves(shape: readonly number[], seed = 1, dtype: DType = 'float32'): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1)
  return tensor(
    Array.from({ length: size }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed)),
    shape,
    dtype,
  )
}

/** Numbers between 0 and 1. */
const chances = (shape: readonly number[]): Tensor => {
  const { data, ...rest } = waves(shape, 3)
  return { ...rest, data: (data as Float32Array).map((x) => Math.abs(x)) }
}

/** Pads that differ on each side. */
const window = { pad_t: 1, pad_l: 0, pad_b: 2, pad_r: 1, kernel_h: 3, kernel_w: 2, stride: 1 }

const ints = (...values: number[]): Tensor => tensor(values, [values.length], 'int32')
const arg = ({ arg = [] }: OperatorDef, name: string) => arg.find((one) => one.name === name)

export const ownPoints: Readonly<Record<string, readonly OwnPoint[]>> = {
  AffineChannel: [
    { feed: { x: waves([2, 3, 2, 2]), scale: waves([3], 2), bias: waves([3], 3) }, args: { is_learnable: 1 } },
    {
      feed: { x: waves([1, 2, 3, 4]), scale: waves([4], 2), bias: waves([4], 3) },
      args: { is_learnable: 1, order: 'NHWC' },
    },
    { feed: { x: waves([3, 2, 5]), scale: waves([2], 2), bias: waves([2], 3) } },
  ],
  AveragePool: [
    { feed: { x: waves([1, 2, 5, 6]) }, args: { kernel: 3, stride: 2, legacy_pad: 3 } },
    { feed: { x: waves([1, 5, 6, 2]) }, args: { ...window, kernel_h: 3, kernel_w: 3, pad_t: 0, order: 'NHWC' } },
    { feed: { x: waves([2, 2, 3, 3]) }, args: { global_pooling: 1 } },
  ],
  Cast: [
    { feed: { x: waves([2, 3]) }, args: { from_type: 1, to: 1 } },
    { feed: { x: waves([5]) }, args: { from_type: 1, to: 13 } },
    { feed: { x: waves([2, 2, 2], 1, 'float64') }, args: { from_type: 'DOUBLE', to: 'FLOAT' } },
  ],
  Conv: [
    { feed: { x: waves([2, 4, 5, 4]), w: waves([6, 2, 3, 2], 2), b: waves([6], 3) }, args: { ...window, group: 2 } },
    { feed: { x: waves([1, 4, 6, 5]), w: waves([4, 1, 3, 3], 2) }, args: { kernel: 3, pad: 1, stride: 2, group: 4 } },
    {
      feed: { x: waves([1, 7, 6, 3]), w: waves([2, 3, 2, 3], 2), b: waves([2], 3) },
      args: { ...window, kernel_h: 3, kernel_w: 2, dilation_h: 2, dilation_w: 3, order: 'NHWC' },
    },
    { feed: { x: waves([1, 2, 6, 6]), w: waves([3, 2, 3, 3], 2) }, args: { kernel: 3, stride: 2, legacy_pad: 2 } },
  ],
  ConvTranspose: [
    {
      feed: { x: waves([2, 2, 3, 4]), w: waves([2, 3, 3, 2], 2), b: waves([3], 3) },
      args: { ...window, kernel_h: 3, kernel_w: 2, stride: 3, adj_h: 1, adj_w: 2 },
    },
    { feed: { x: waves([1, 3, 3, 2]), w: waves([2, 2, 2, 3], 2) }, args: { kernel: 2, stride: 2, order: 'NHWC' } },
  ],
  ElementwiseLinear: [
    { feed: { x: waves([2, 3, 4]), w: waves([4], 2), b: waves([4], 3) }, args: { axis: 2 } },
    { feed: { x: waves([2, 3]), w: waves([6], 2), b: waves([6], 3) }, args: { axis: 0 } },
  ],
  FC: [
    { feed: { x: waves([2, 3, 4]), w: waves([2, 3, 4], 2), b: waves([6], 3) }, args: { axis: 2, axis_w: 2 } },
    { feed: { x: waves([2, 3, 2]), w: waves([5, 3, 2], 2), b: waves([5], 3) } },
  ],
  FCTransposed: [
    { feed: { x: waves([2, 3, 4]), w: waves([4, 5], 2), b: waves([5], 3) }, args: { axis: 2 } },
    { feed: { x: waves([3, 2, 2]), w: waves([2, 2, 5], 2), b: waves([5], 3) }, args: { axis_w: 2 } },
  ],
  Im2Col: [
    { feed: { x: waves([1, 2, 5, 4]) }, args: { ...window, kernel_h: 2, kernel_w: 3, stride: 2 } },
    { feed: { x: waves([2, 4, 5, 2]) }, args: { kernel: 2, pad: 1, stride: 2, order: 'NHWC' } },
  ],
  LC: [
    {
      feed: { x: waves([2, 2, 4, 3]), w: waves([3, 3, 3, 2, 2, 2], 2), b: waves([3, 3, 3], 3) },
      args: { kernel: 2, pad_t: 0, pad_l: 1, pad_b: 0, pad_r: 0 },
    },
  ],
  LC3D: [
    {
      feed: { x: waves([2, 1, 2, 3, 3]), w: waves([1, 2, 2, 2, 1, 2, 2, 2], 2), b: waves([1, 2, 2, 2], 3) },
      args: { kernels: [2, 2, 2] },
    },
    {
      feed: { x: waves([1, 2, 2, 2, 2]), w: waves([2, 2, 2, 3, 2, 1, 1, 1], 2) },
      args: { kernels: [1, 1, 1] },
    },
  ],
  MaxPool: [
    { feed: { x: waves([1, 2, 6, 5]) }, args: { kernel: 3, stride: 2, legacy_pad: 3 } },
    { feed: { x: waves([1, 6, 5, 2]) }, args: { kernel: 2, stride: 2, order: 'NHWC' } },
    { feed: { x: waves([2, 2, 3, 3]) }, args: { global_pooling: 1 } },
  ],
  PadImage: [
    { feed: { x: waves([1, 2, 4, 3]) }, args: { pads: [1, 2, 0, 1], mode: 'reflect' } },
    { feed: { x: waves([1, 3, 3, 2]) }, args: { pad: 1, mode: 'edge', order: 'NHWC' } },
  ],
  ReduceBackMax: [{ feed: { x: waves([4, 5]) } }, { feed: { x: waves([3, 2, 4]) }, args: { num_reduce_dim: 2 } }],
  ReduceFrontWeightedSum: [
    { feed: { x: waves([3, 5]), w: waves([3], 2) } },
    { feed: { x: waves([2, 3, 4]), w: waves([6], 2) }, args: { num_reduce_dim: 2 } },
  ],
  ReversePackedSegs: [
    { feed: { x: waves([3, 2, 4]), lengths: ints(3, 1) } },
    { feed: { x: waves([4, 3, 1]), lengths: ints(2, 4, 0) } },
  ],
  RoIPool: [
    {
      feed: { x: waves([1, 2, 5, 4]), rois: tensor([0, 0, 0, 3, 4, 0, 1, 1, 2, 3], [2, 5]) },
      outputs: 2,
      args: { pooled_h: 2, pooled_w: 2 },
    },
  ],
  SigmoidCrossEntropyWithLogits: [
    { feed: { x: waves([3, 4]), t: chances([3, 4]) }, args: { log_D_trick: 1 } },
    { feed: { x: waves([2, 5]), t: chances([2, 5]) }, args: { unjoined_lr_loss: 1 } },
  ],
  SoftmaxWithLoss: [
    { feed: { x: waves([3, 4]), label: ints(2, 0, 3) }, outputs: 2, args: { scale: { float: 2.5 } } },
    {
      feed: { x: waves([2, 5]), label: ints(4, 1), weight: chances([2]) },
      outputs: 2,
      args: { scale: { float: 0.5 } },
    },
  ],
  SpaceToBatch: [
    { feed: { x: waves([1, 2, 4, 3]) }, args: { block_size: 2, pad: 0, pad_t: 0, pad_l: 0, pad_b: 0, pad_r: 1 } },
  ],
  SpatialSoftmaxWithLoss: [
    {
      feed: { x: waves([1, 3, 2, 2]), label: tensor([0, 2, 1, -1], [1, 2, 2], 'int32') },
      outputs: 2,
      args: { scale: { float: 3 } },
    },
  ],
  SmoothL1Loss: [
    {
      feed: { found: waves([3, 4], 1), wanted: waves([3, 4], 2), inside: waves([3, 4], 3), outside: waves([3, 4], 4) },
    },
    {
      feed: {
        found: waves([2, 2, 3], 5),
        wanted: waves([2, 2, 3], 6),
        inside: waves([2, 2, 3], 7),
        outside: waves([2, 2, 3], 8),
      },
      args: { beta: 0.3, scale: 2 },
    },
  ],
  UnpackSegments: [
    { feed: { lengths: ints(2, 3), packed: waves([2, 3, 2]) } },
    { feed: { lengths: tensor([1n, 0n, 2n], [3], 'int64'), packed: waves([3, 2]) } },
  ],
  UpsampleNearest: [{ feed: { x: waves([1, 2, 2, 3]) } }, { feed: { x: waves([2, 3, 2]) }, args: { scale: 3 } }],
  WeightedSum: [
    {
      feed: { a: waves([2, 3]), wa: waves([1], 2), b: waves([2, 3], 3), wb: waves([1], 4) },
      args: { grad_on_w: 1 },
    },
  ],
}

const crowded = {
  when: ({ input }: OperatorDef, feed: Readonly<Record<string, Tensor>>) => feed[input[0]].data.length > 600,
  why: 'of so many numbers some change places with the smallest step that shows',
}

/** Points of an operator that are passed over. */
export const leftOut: Readonly<
  Record<string, { when: (op: OperatorDef, feed: Readonly<Record<string, Tensor>>) => boolean; why: string }>
> = {
  BatchDenseToSparse: {
    when: (op) => arg(op, 'default_value') !== undefined,
    why: 'the operator does not read the argument, but hands it to its gradient, which fills with it',
  },
  Cast: { when: (op) => arg(op, 'from_type') === undefined, why: 'the gradient needs the argument' },
  Concat: {
    when: (op) => arg(op, 'split') !== undefined,
    why: 'the operator does not read the argument, but hands it to its gradient, a Split that is given the sizes already',
  },
  ReduceBackMax: crowded,
  SpatialBN: {
    when: (op) => Boolean(arg(op, 'is_test')?.i),
    why: 'with is_test the gradient operator takes the running variance for an inverse deviation, as in Caffe2 (recorded)',
  },
  WeightedSum: {
    when: (op) => op.input.length > 4,
    why: 'the same over and over, with weights that get no gradient unless grad_on_w is set',
  },
  TopK: crowded,
  UnpackSegments: {
    when: (op, feed) =>
      arg(op, 'pad_minf') !== undefined ||
      Math.max(...Array.from(feed[op.input[0]].data, Number)) < feed[op.input[1]].shape[1],
    why: 'the gradient is a PackSegments of the same arguments, which pads with -inf if told and not beyond the longest',
  },
}

/** Gradients that are a multiple of the slope. */
export const factors: Readonly<Record<string, { factor: number; why: string }>> = {
  LambdaRankNdcg: { factor: 0.5, why: "the loss has each pair twice, its gradient once, as Caffe2's (recorded)" },
  NegateGradient: { factor: -1, why: 'turning the gradient round is what it is for' },
}

const weights = 'the gradient is one of the data; the weights of rows have none here'
const truth = 'what the prediction is compared with'
const measured = 'a by-product for the gradient operator'

/** Float inputs, by place, that have no gradient, as in Caffe2. */
export const constants: Readonly<Record<string, { inputs: readonly number[]; why: string }>> = {
  BatchSparseToDense: { inputs: [3], why: 'only its shape is read' },
  BernoulliJSD: { inputs: [1], why: truth },
  Col2Im: { inputs: [1], why: 'only its shape is read' },
  CrossEntropy: { inputs: [1], why: truth },
  LambdaRankNdcg: { inputs: [1], why: truth },
  MatMul: { inputs: [2], why: 'only its shape is read' },
  NanCheck: { inputs: [1], why: 'it is printed, not passed on' },
  PairWiseLoss: { inputs: [1], why: truth },
  ReduceFrontWeightedSum: { inputs: [1], why: weights },
  RoIAlign: { inputs: [1], why: 'places, which choose pixels' },
  RoIPool: { inputs: [1], why: 'places, which choose pixels' },
  SigmoidCrossEntropyWithLogits: { inputs: [1], why: truth },
  SmoothL1Loss: { inputs: [1, 2, 3], why: `${truth}, and weights` },
  SoftmaxWithLoss: { inputs: [1, 2], why: `${truth}, and weights` },
  SortedSegmentWeightedSum: { inputs: [1], why: weights },
  SparseSortedSegmentWeightedSum: { inputs: [1], why: weights },
  SparseToDense: { inputs: [2], why: 'only its shape is read' },
  SparseToDenseMask: { inputs: [2], why: 'what fills the gaps is a constant' },
  SparseUnsortedSegmentWeightedSum: { inputs: [1], why: weights },
  SpatialBN: { inputs: [3, 4], why: 'running moments, which training only writes' },
  SpatialSoftmaxWithLoss: { inputs: [2], why: 'weights of the losses' },
  SquareRootDivide: { inputs: [1], why: 'counts' },
  UnsortedSegmentWeightedSum: { inputs: [1], why: weights },
  WeightedSigmoidCrossEntropyWithLogits: { inputs: [1, 2], why: `${truth}, and weights` },
}

/** Float outputs, by place, whose gradients are not asked for, as in Caffe2. */
export const unread: Readonly<Record<string, { outputs: readonly number[]; why: string }>> = {
  HSoftmax: { outputs: [1], why: measured },
  InstanceNorm: { outputs: [1, 2], why: measured },
  LRN: { outputs: [1], why: measured },
  LambdaRankNdcg: { outputs: [1], why: 'the gradient itself, computed on the way' },
  LayerNorm: { outputs: [1, 2], why: measured },
  RecurrentNetwork: {
    outputs: Array.from({ length: 16 }, (_, i) => i),
    why: 'the argument outputs_with_grads says which are asked for',
  },
  SoftmaxWithLoss: { outputs: [0], why: 'the gradient is one of the loss' },
  SpatialBN: { outputs: [1, 2, 3, 4], why: 'moments of the batch, and running ones' },
  SpatialSoftmaxWithLoss: { outputs: [0], why: 'the gradient is one of the loss' },
}

/** Operators whose gradient is tested in another way. */
export const elsewhere: Readonly<Record<string, string>> = {
  ZeroGradient: 'it has no output; tests/net/whole-gradients.test.ts',
}
