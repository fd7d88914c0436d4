// SPDX-License-Identifier: Apache-2.0
// A model while it is built: the net, the net that initialises its parameters, and which parameters there are.
import { PfError } from '../util/error.ts'
import { addGradientOperators, type BlobGradient, type GradientOptions, type Losses } from './gradient.ts'
import { scopedName } from './names.ts'
import { Net } from './net.ts'
import type { OperatorArguments } from './operators.ts'

/** What a parameter is: weights may decay, biases may not, computed ones are no business of an optimizer. */
export type ParameterKind = 'weight' | 'bias' | 'computed' | 'other'

/** The operator that fills a parameter before training, and its arguments. */
export type Initializer = readonly [operator: string, args?: OperatorArguments]

export interface ModelOptions {
  name?: string
  /** false: parameters are expected in the workspace, as in a net that tests what another one trained. */
  initParams?: boolean
  /** Arguments that brew gives to all operators; the order is NCHW unless it says otherwise. */
  argScope?: OperatorArguments
}

interface Parameter {
  readonly blob: string
  readonly kind: ParameterKind
}

/** A parameter and its gradient. */
export interface ParameterGradient {
  readonly blob: string
  readonly gradient: BlobGradient
  readonly kind: ParameterKind
}

/** Where the gradient operators stand in the net: those from `begin` to before `end`. */
export interface Backward {
  readonly losses: readonly string[]
  readonly begin: number
  readonly end: number
}

export class ModelHelper {
  readonly name: string
  readonly net: Net
  readonly paramInitNet: Net
  readonly argScope: OperatorArguments
  readonly #initParams: boolean
  readonly #parameters: Parameter[] = []
  readonly #optimizers = new Map<string, number>()
  #gradients: Map<string, BlobGradient> | undefined
  #backward: Backward | undefined

  constructor({ name = 'model', initParams = true, argScope = {} }: ModelOptions = {}) {
    this.name = name
    this.net = new Net(name)
    this.paramInitNet = new Net(`${name}_init`)
    this.argScope = { order: 'NCHW', ...argScope }
    this.#initParams = initParams
  }

  /** The parameters to be trained, in the order they were made. */
  get params(): string[] {
    return this.#parameters.filter(({ kind }) => kind !== 'computed').map(({ blob }) => blob)
  }

  /** Parameters that the forward pass itself updates, such as running means. */
  get computedParams(): string[] {
    return this.#parameters.filter(({ kind }) => kind === 'computed').map(({ blob }) => blob)
  }

  /** All that must be saved with the model. */
  get allParams(): string[] {
    return this.#parameters.map(({ blob }) => blob)
  }

  /** Makes a parameter and answers its name; one made before is shared. */
  createParam(name: string, shape: readonly number[], initializer: Initializer, kind: ParameterKind = 'other'): string {
    const blob = scopedName(name)
    if (this.#parameters.some((parameter) => parameter.blob === blob)) return blob
    const [operator, args] = initializer
    if (this.#initParams) this.paramInitNet.addUntyped(operator, [], [blob], { shape: [...shape], ...args })
    return this.addParameter(blob, kind)
  }

  /** Enters a blob that is filled elsewhere as a parameter. */
  addParameter(blob: string, kind: ParameterKind = 'other'): string {
    if (this.#parameters.some((parameter) => parameter.blob === blob)) {
      throw new PfError('exists', `model "${this.name}" already has a parameter "${blob}"`)
    }
    this.#parameters.push({ blob, kind })
    return blob
  }

  /** Adds the gradient operators of the net, once; see `addGradientOperators`. */
  async addGradientOperators(losses: Losses, options?: GradientOptions): Promise<ReadonlyMap<string, BlobGradient>> {
    if (this.#gradients) throw new PfError('net', `model "${this.name}" already has its gradient operators`)
    const begin = this.net.proto().op.length
    this.#gradients = await addGradientOperators(this.net, losses, options)
    const names: readonly string[] = Array.isArray(losses) ? losses : Object.keys(losses)
    this.#backward = { losses: names, begin, end: this.net.proto().op.length }
    return this.#gradients
  }

  /** The gradient operators, once they are there. */
  get backward(): Backward | undefined {
    return this.#backward
  }

  /** The gradient of a parameter, or undefined when the losses do not depend on it. */
  getParamGrad(blob: string): BlobGradient | undefined {
    if (this.#gradients) return this.#gradients.get(blob)
    throw new PfError('net', `model "${this.name}" has no gradients yet: call addGradientOperators first`)
  }

  /** What an optimizer works on: the parameters that have gradients. */
  parameterGradients(): ParameterGradient[] {
    return this.#parameters.flatMap(({ blob, kind }) => {
      const gradient = kind === 'computed' ? undefined : this.getParamGrad(blob)
      return gradient === undefined ? [] : [{ blob, kind, gradient }]
    })
  }

  /** How many optimizers of this kind were built before: their blobs are numbered. */
  nextOptimizer(kind: string): number {
    const count = this.#optimizers.get(kind) ?? 0
    this.#optimizers.set(kind, count + 1)
    return count
  }
}
