// SPDX-License-Identifier: Apache-2.0
// A prototxt as a list of layers of one kind: V1 layers become new ones, layers of other phases are gone, and inputs are
// known whether they came as `input:` lines, as Input layers or as the tops of layers that feed data.
import { parseText, type TextTables } from '../net/text-format.ts'
import { PfError } from '../util/error.ts'
import { kUpgrade } from './caffe-weights.ts'

/** A parameter message of a layer; which fields it has is for the layer's row of the table to know. */
export type Param = Record<string, unknown>

export interface Layer {
  name: string
  type: string
  bottom: string[]
  top: string[]
  param(name: string): Param
}

export interface Rules {
  phase: 'TEST' | 'TRAIN'
  level: number
  stages: readonly string[]
}

export interface CaffeNet {
  name: string
  layers: Layer[]
  /** Inputs with their shapes, if given. */
  inputs: Map<string, number[] | undefined>
}

interface Rule {
  phase?: number
  minLevel?: number
  maxLevel?: number
  stage: string[]
  notStage: string[]
}

interface LayerMessage {
  name?: string
  type?: string | number
  bottom: string[]
  top: string[]
  include: Rule[]
  exclude: Rule[]
  layer?: { name?: string; type?: string }
}

interface NetMessage {
  name?: string
  input: string[]
  inputDim: number[]
  inputShape: { dim: number[] }[]
  layer: LayerMessage[]
  layers: LayerMessage[]
}

const kTrain = 0

// The type names that replaced the numbers of V1LayerParameter.LayerType. The others follow from their spelling.
const v1Names: Record<string, string> = {
  ABSVAL: 'AbsVal',
  ARGMAX: 'ArgMax',
  BNLL: 'BNLL',
  HDF5_DATA: 'HDF5Data',
  HDF5_OUTPUT: 'HDF5Output',
  IM2COL: 'Im2col',
  LRN: 'LRN',
  MVN: 'MVN',
  RELU: 'ReLU',
  SOFTMAX_LOSS: 'SoftmaxWithLoss',
  TANH: 'TanH',
}

const dataTypes = new Set([
  ...['Input', 'Data', 'VideoData', 'ImageData', 'HDF5Data', 'MemoryData', 'WindowData', 'DummyData', 'AnnotatedData'],
])

export function readCaffeNet(text: string, tables: TextTables, rules: Rules, warnings: string[]): CaffeNet {
  const message = parseText<NetMessage>(text, tables, 'NetParameter', { file: 'prototxt', warnings })
  if (message.layer.length === 0 && message.layers.length === 0) {
    throw new PfError('format', 'the prototxt has no layers (neither `layer` nor `layers`)')
  }
  const all = [...message.layer, ...message.layers.map((layer) => upgraded(layer, tables))]
  const kept = all.filter((layer) => isIncluded(layer, rules)).map(layerOf)
  const net: CaffeNet = { name: message.name ?? '', layers: [], inputs: headerInputs(message) }
  for (const layer of kept) {
    if (!dataTypes.has(layer.type)) net.layers.push(layer)
    else for (const [index, top] of layer.top.entries()) net.inputs.set(top, dataShape(layer, index))
  }
  return net
}

function upgraded(layer: LayerMessage, tables: TextTables): LayerMessage {
  if (layer.layer !== undefined) {
    throw new PfError('unsupported', `layer "${layer.layer.name ?? ''}" is in Caffe's V0 format; ${kUpgrade}`)
  }
  const names = tables.enums['V1LayerParameter.LayerType'].split(' ').map((pair) => pair.split('='))
  const old = names.find(([, number]) => Number(number) === (layer.type ?? 0))?.[0] ?? 'NONE'
  const spelled = old.replace(/_?([A-Z0-9])([A-Z0-9]*)/g, (_, first, rest) => first + rest.toLowerCase())
  return { ...layer, type: v1Names[old] ?? spelled }
}

function layerOf(message: LayerMessage): Layer {
  const fields = message as unknown as Record<string, Param | undefined>
  const { name = '', bottom, top } = message
  const type = String(message.type ?? '')
  return {
    name,
    type,
    bottom,
    // A loss need not name its top.
    top: top.length === 0 && type.endsWith('Loss') ? [name] : top,
    param: (name) => fields[name] ?? {},
  }
}

// With include rules a layer is there if one of them holds; otherwise if no exclude rule does.
function isIncluded(layer: LayerMessage, rules: Rules): boolean {
  if (layer.include.length > 0) return layer.include.some((rule) => holds(rule, rules))
  return !layer.exclude.some((rule) => holds(rule, rules))
}

function holds(rule: Rule, { phase, level, stages }: Rules): boolean {
  if (rule.phase !== undefined && (rule.phase === kTrain) !== (phase === 'TRAIN')) return false
  if (level < (rule.minLevel ?? level) || level > (rule.maxLevel ?? level)) return false
  return rule.stage.every((stage) => stages.includes(stage)) && !rule.notStage.some((stage) => stages.includes(stage))
}

function headerInputs({ input, inputDim, inputShape }: NetMessage): Map<string, number[] | undefined> {
  return new Map(
    input.map((name, index) => {
      const dims = inputDim.slice(4 * index, 4 * index + 4)
      return [name, inputShape[index]?.dim ?? (dims.length === 4 ? dims : undefined)]
    }),
  )
}

function dataShape(layer: Layer, index: number): number[] | undefined {
  const shapes = (layer.param('inputParam').shape ?? layer.param('dummyDataParam').shape ?? []) as { dim: number[] }[]
  const memory = layer.param('memoryDataParam') as Record<string, number | undefined>
  if (index === 0 && memory.batchSize !== undefined) {
    return [memory.batchSize, memory.channels ?? 1, memory.height ?? 1, memory.width ?? 1]
  }
  // One shape serves every top.
  return (shapes[index] ?? shapes[0])?.dim
}
