// SPDX-License-Identifier: Apache-2.0
// What update rules share: the iteration counter, the learning rate, and the walk over the parameters.
import type { BlobGradient, GradientSlice } from '../net/gradient.ts'
import type { ModelHelper, ParameterGradient } from '../net/model-helper.ts'
import { currentDevice } from '../net/names.ts'
import type { Net } from '../net/net.ts'
import type { OperatorArguments } from '../net/operators.ts'
import { PfError } from '../util/error.ts'

export const iterationBlob = 'optimizer_iteration'
const mutexBlob = 'iteration_mutex'
const kInt64 = 10 // TensorProto.DataType

/** How the learning rate changes: the arguments of the operator LearningRate. */
export interface LearningRate {
  /** fixed, step, exp, inv, poly, linearWarmup, constantWarmup, alter, ...; fixed unless given. */
  policy?: string
  [argument: string]: OperatorArguments[string]
}

/** An update rule: adds the operators that change one parameter. */
export type UpdateRule = (context: UpdateContext, parameter: ParameterGradient) => void

export interface UpdateContext {
  readonly net: Net
  readonly init: Net
  /** The blob with the learning rate; its operators are added with the first call. `sign` -1 gives it negated. */
  learningRate(base: number, sign: 1 | -1, options: LearningRate): string
  /** A blob that holds 1. Caffe2 fills it anew for every parameter. */
  one(): string
  /** A blob shaped like the parameter, filled with zeros: `parameter` + `suffix`. */
  state(parameter: string, suffix: string): string
}

/** What a build function answers. */
export interface Optimizer {
  /** The blob with the current learning rate. */
  readonly learningRate: string
  readonly iteration: string
  /** Blobs to save with the parameters when training is to go on later. */
  readonly state: readonly string[]
}

/** Adds an update of every parameter that has a gradient. `kind` names the learning rate's blob. */
export function buildOptimizer(model: ModelHelper, kind: string, update: UpdateRule): Optimizer {
  const context = new Context(model, `${kind}_${model.nextOptimizer(kind)}_lr_${deviceSuffix()}`)
  const parameters = model.parameterGradients()
  if (parameters.length === 0) {
    throw new PfError('net', `model "${model.name}" has no parameter with a gradient; does its loss depend on one?`)
  }
  for (const parameter of parameters) update(context, parameter)
  return { learningRate: context.learningRateBlob, iteration: iterationBlob, state: context.stateBlobs }
}

class Context implements UpdateContext {
  readonly net: Net
  readonly init: Net
  readonly learningRateBlob: string
  readonly stateBlobs: string[] = []

  constructor(model: ModelHelper, learningRateBlob: string) {
    this.net = model.net
    this.init = model.paramInitNet
    this.learningRateBlob = learningRateBlob
  }

  learningRate(base: number, sign: 1 | -1, { policy = 'fixed', ...others }: LearningRate): string {
    countIterations(this.net, this.init)
    if (!this.net.isDefined(this.learningRateBlob)) {
      const args = { base_lr: sign * base, policy, ...others }
      this.net.addUntyped('LearningRate', [iterationBlob], [this.learningRateBlob], args)
    }
    return this.learningRateBlob
  }

  one(): string {
    return fillOne(this.init)
  }

  state(parameter: string, suffix: string): string {
    const blob = parameter + suffix
    this.init.addUntyped('ConstantFill', [parameter], [blob], { value: 0 })
    this.stateBlobs.push(blob)
    return blob
  }
}

/** ONE_0_0: device type and number are in the name, so that every device has its own. */
export function fillOne(init: Net): string {
  return fillScalar(init, 'ONE', 1)
}

export function fillScalar(init: Net, name: string, value: number): string {
  const { deviceType = 0, cudaGpuId = 0 } = currentDevice() ?? {}
  return init.addUntyped('ConstantFill', [], [`${name}_${deviceType}_${cudaGpuId}`], { shape: [1], value })[0]
}

/** The gradient of a rule that has no sparse form. */
export function denseOnly(rule: string, { blob, gradient }: ParameterGradient): string {
  if (typeof gradient === 'string') return gradient
  throw new PfError(
    'unsupported',
    `${rule} has no update for the sparse gradient of "${blob}"; use SGD, Adagrad or Adam`,
  )
}

export function isSparse(gradient: BlobGradient): gradient is GradientSlice {
  return typeof gradient !== 'string'
}

export function positiveRate(rule: string, rate: number): number {
  if (rate > 0) return rate
  throw new PfError('argument', `${rule}: the base learning rate must be positive, is ${rate}`)
}

// One counter per net, whatever the number of optimizers.
function countIterations(net: Net, init: Net): void {
  if (init.isDefined(iterationBlob)) return
  init.addUntyped('ConstantFill', [], [iterationBlob], { shape: [1], value: 0, dtype: kInt64 })
  init.addUntyped('CreateMutex', [], [mutexBlob])
  net.addUntyped('AtomicIter', [mutexBlob, iterationBlob], [iterationBlob])
}

function deviceSuffix(): string {
  const { deviceType = 0, cudaGpuId = 0 } = currentDevice() ?? {}
  return deviceType === 0 ? 'cpu' : `gpu${cudaGpuId}`
}
