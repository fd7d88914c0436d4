// SPDX-License-Identifier: Apache-2.0
// Puts the pieces together: layers in order, each by its row of the table; then the two nets.
import { argument, type ArgumentValue, netDef, type OperatorDef, operatorDef } from '../net/net-def.ts'
import type { TextTables } from '../net/text-format.ts'
import { PfError } from '../util/error.ts'
import { didYouMean } from '../util/nearest.ts'
import type { ConvertCaffeOptions, ConvertedModel } from './caffe.ts'
import { layerTable } from './caffe-layers.ts'
import { type CaffeNet, type Layer, type Param, readCaffeNet } from './caffe-net.ts'
import { readWeights, type Weight } from './caffe-weights.ts'

type Args = Record<string, ArgumentValue | undefined>

// Operators that may write their first input (CAFFE2's schemas); any other gets a blob between.
const inPlace = new Set([
  ...[
    'Relu',
    'LeakyRelu',
    'Elu',
    'PRelu',
    'Sigmoid',
    'Tanh',
    'Softplus',
    'Dropout',
    'SpatialBN',
    'InstanceNorm',
    'Clip',
  ],
  ...['Mul', 'Add', 'Sub', 'Sum', 'Max', 'Scale', 'Exp', 'Log', 'Pow', 'Reshape'],
])

export function convert(options: ConvertCaffeOptions, tables: TextTables): ConvertedModel {
  const warnings: string[] = []
  const { phase = 'TEST', level = 0, stages = [], drop = [], inputShapes = {} } = options
  const net = readCaffeNet(options.prototxt, tables, { phase, level, stages }, warnings)
  for (const [name, shape] of Object.entries(inputShapes)) net.inputs.set(name, [...shape])
  net.layers = net.layers.filter((layer) => !drop.includes(layer.name))
  refuseUnknown(net.layers)
  const model = new Model(net, readWeights(options.caffemodel), phase === 'TEST', warnings)
  const problems = net.layers.flatMap((layer) => model.add(layer))
  if (problems.length > 0) {
    const list = problems.map((problem) => `\n  ${problem.message}`).join('')
    throw new PfError(problems[0].code, `${count(problems.length, 'layer')} cannot be converted:${list}`)
  }
  return model.finish()
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`

function refuseUnknown(layers: Layer[]): void {
  const unknown = new Map<string, string[]>()
  for (const { type, name } of layers) {
    if (!layerTable.has(type)) unknown.set(type, [...(unknown.get(type) ?? []), `"${name}"`])
  }
  if (unknown.size === 0) return
  const lines = [...unknown].map(([type, names]) => {
    const shown = names.length > 4 ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more` : names.join(', ')
    return `\n  ${type || '(none)'}: ${shown}${didYouMean(type, layerTable.keys())}`
  })
  const hint = 'layers that the result can do without may be named in `drop`'
  throw new PfError(
    'unsupported',
    `${count(unknown.size, 'layer type')} not known to the converter:${lines.join('')}\n${hint}`,
  )
}

function requireBlobs({ type, bottom, top }: Layer): void {
  if (bottom.length === 0) throw new PfError('net', 'it has no bottom')
  if (top.length === 0 && type !== 'Silence') throw new PfError('net', 'it has no top')
}

/** The nets while they grow. */
class Model {
  readonly isTest: boolean
  readonly weights: Map<string, Weight[]>
  readonly shapes = new Map<string, number[] | undefined>()
  readonly ops: OperatorDef[] = []
  readonly params = new Map<string, Weight>()
  readonly warnings: string[]
  private readonly net: CaffeNet
  private readonly produced = new Set<string>()
  private readonly consumed = new Set<string>()
  private readonly inputs = new Set<string>()
  private readonly tops = new Set<string>()

  constructor(net: CaffeNet, weights: Map<string, Weight[]>, isTest: boolean, warnings: string[]) {
    this.net = net
    this.weights = weights
    this.isTest = isTest
    this.warnings = warnings
    for (const [name, shape] of net.inputs) this.shapes.set(name, shape)
  }

  /** Converts a layer; what is wrong with it comes back, so that all layers are heard. */
  add(layer: Layer): PfError[] {
    const context = new LayerContext(this, layer)
    try {
      requireBlobs(layer)
      for (const bottom of layer.bottom) this.read(bottom)
      layerTable.get(layer.type)?.(context)
    } catch (error) {
      if (!(error instanceof PfError)) throw error
      return [new PfError(error.code, `${layer.type} "${layer.name}": ${error.message}`, { cause: error })]
    } finally {
      // Even a layer that failed has its tops: those after it are not to blame.
      for (const top of layer.top) this.produced.add(top)
    }
    for (const bottom of layer.bottom) if (!layer.top.includes(bottom)) this.consumed.add(bottom)
    for (const top of layer.top) this.tops.add(top)
    return []
  }

  /** A name that nothing else has, `wanted` if it is free. */
  unused(wanted: string, otherwise: string): string {
    const taken = (name: string) => this.params.has(name) || this.produced.has(name) || this.net.inputs.has(name)
    let name = taken(wanted) ? otherwise : wanted
    for (let i = 2; taken(name); i++) name = `${otherwise}_${i}`
    return name
  }

  emit(op: OperatorDef): void {
    this.ops.push(op)
    for (const output of op.output) this.produced.add(output)
  }

  private read(bottom: string): void {
    if (this.produced.has(bottom)) return
    if (!this.net.inputs.has(bottom)) {
      const near = didYouMean(bottom, [...this.produced, ...this.net.inputs.keys()])
      throw new PfError('net', `it reads the blob "${bottom}", which no layer before it makes and no input is${near}`)
    }
    this.inputs.add(bottom)
  }

  finish(): ConvertedModel {
    const name = this.net.name || 'net'
    const written = new Set(this.ops.flatMap((op) => op.output))
    const outputs = [...this.tops].filter((top) => written.has(top) && !this.consumed.has(top))
    const initNet = netDef({ name: `${name}_init`, op: [...this.params].map(([blob, weight]) => fill(blob, weight)) })
    for (const input of this.inputs) initNet.op.push(operatorDef('ConstantFill', [], [input], { shape: [1] }))
    initNet.externalOutput = [...this.params.keys(), ...this.inputs]
    const predictNet = netDef({
      name,
      op: this.ops,
      externalInput: [...this.inputs, ...this.params.keys()],
      externalOutput: outputs,
    })
    const inputs = [...this.inputs].map((input) => {
      const shape = this.net.inputs.get(input)
      return shape === undefined ? { name: input } : { name: input, shape }
    })
    return { initNet, predictNet, inputs, warnings: this.warnings }
  }
}

function fill(blob: string, { shape, data }: Weight): OperatorDef {
  const op = operatorDef('GivenTensorFill', [], [blob])
  op.arg = [argument('shape', shape), argument('values', data)]
  return op
}

/** What a row of the table sees of the model: one layer. */
export class LayerContext {
  readonly layer: Layer
  readonly bottom: readonly string[]
  readonly top: readonly string[]
  readonly isTest: boolean
  private readonly model: Model

  constructor(model: Model, layer: Layer) {
    this.model = model
    this.layer = layer
    this.bottom = layer.bottom
    this.top = layer.top
    this.isTest = model.isTest
  }

  param<P extends object = Param>(name: string): Partial<P> {
    return this.layer.param(name) as Partial<P>
  }

  /** The layer's weights; at least `least` of them, or an error. */
  blobs(least = 0): Weight[] {
    const found = this.model.weights.get(this.layer.name) ?? []
    if (found.length >= least) return found
    const what = found.length === 0 ? 'has no weights for it' : `has ${found.length} of its ${least} weights`
    return this.fail(`the caffemodel ${what}`)
  }

  /** Adds a parameter named after the layer's top, as caffe_translator does, and returns its name. */
  addParam(suffix: string, weight: Weight): string {
    // In-place layers share their top's name, so the wanted name may be that of another layer's parameter.
    const name = this.model.unused(`${this.top[0]}${suffix}`, `${this.layer.name}${suffix}`)
    this.model.params.set(name, weight)
    return name
  }

  scalar(suffix: string, value: number): string {
    return this.addParam(suffix, { shape: [1], data: Float32Array.of(value) })
  }

  /** Adds an operator. If it may not work in place but would, its result goes through another blob. */
  emit(type: string, inputs: readonly string[], outputs: readonly string[], args: Args = {}): void {
    // A row takes bottoms and tops by their place; one that the layer lacks is undefined here.
    if ([...inputs, ...outputs].some((name) => name === undefined)) this.fail('it has too few bottoms or tops')
    if (!inputs.includes(outputs[0]) || (inPlace.has(type) && inputs[0] === outputs[0])) {
      this.model.emit(operatorDef(type, inputs, outputs, args))
      return
    }
    const between = this.between()
    this.model.emit(operatorDef(type, inputs, [between, ...outputs.slice(1)], args))
    this.model.emit(operatorDef('Copy', [between], [outputs[0]]))
  }

  /** The whole layer as one operator from its bottoms to its tops. */
  plain(type: string, args: Args = {}): void {
    this.emit(type, this.bottom, this.top, args)
  }

  /** Operators in a row, the first on `bottom[0]`, the last to `top[0]`; `more` are further inputs. */
  chain(steps: readonly { type: string; more?: readonly string[]; args?: Args }[]): void {
    let input = this.bottom[0]
    steps.forEach(({ type, more = [], args }, index) => {
      const output = index === steps.length - 1 ? this.top[0] : this.between()
      this.emit(type, [input, ...more], [output], args)
      input = output
    })
  }

  /** A name for a blob inside the layer. */
  between(): string {
    return this.model.unused(`${this.top[0]}_internal`, `${this.layer.name}_internal`)
  }

  shape(blob: string): readonly number[] | undefined {
    return this.model.shapes.get(blob)
  }

  setShape(blob: string, shape: readonly number[] | undefined): void {
    this.model.shapes.set(blob, shape && [...shape])
  }

  warn(text: string): void {
    this.model.warnings.push(`${this.layer.type} "${this.layer.name}": ${text}`)
  }

  fail(text: string): never {
    throw new PfError('unsupported', text)
  }
}
