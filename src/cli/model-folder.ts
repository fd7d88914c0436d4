// SPDX-License-Identifier: Apache-2.0
// A model as people keep it: a folder with a Caffe2 pair (init_net.pb, predict_net.pb) or a Caffe pair (.prototxt,
// .caffemodel), perhaps labels, perhaps model.json with what the pictures go through.
import { readLabels } from '../data/labels.ts'
import { getArgument, type NetDef } from '../net/net-def.ts'
import { readNetDef } from '../net/read-net.ts'
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'

/** model.json. A pixel becomes (pixel - mean) * scale. */
export interface Preprocessing {
  /** The blob that takes the picture. */
  input?: string
  /** Height and width, or one number for both. */
  size?: number | readonly number[]
  /** One number, or one per channel in the order of the channels. */
  mean?: number | readonly number[]
  scale?: number
  order?: 'BGR' | 'RGB'
}

export interface Model {
  init: NetDef
  predict: NetDef
  /** Shapes of inputs where the model tells them. */
  shapes: ReadonlyMap<string, readonly number[]>
  preprocessing: Preprocessing
  labels?: readonly string[]
  warnings: readonly string[]
}

type Nets = Pick<Model, 'init' | 'predict' | 'shapes' | 'warnings'>

/** Reads a model from a folder, or the pair that one of its files belongs to. */
export async function readModel(path: string): Promise<Model> {
  const { folder, only } = await split(path)
  const files = (await platform.list(folder)).filter((name) => !name.endsWith('/'))
  const read = (name: string) => platform.read(folder + name)
  const nets = (await caffe2Pair(files, only, read)) ?? (await caffePair(files, only, read))
  if (nets === undefined) {
    const expected = 'init_net.pb and predict_net.pb, or a .prototxt and a .caffemodel'
    throw new PfError('file', `${path} holds no model: expected ${expected}, found ${files.join(', ') || 'nothing'}`)
  }
  return {
    ...nets,
    preprocessing: files.includes('model.json') ? parsePreprocessing(await read('model.json')) : {},
    labels: await readLabels(folder),
  }
}

async function split(path: string): Promise<{ folder: string; only?: string }> {
  if (/\.(pb|pbtxt|prototxt|caffemodel)$/.test(path)) {
    const at = path.lastIndexOf('/') + 1
    return { folder: path.slice(0, at) || './', only: path.slice(at) }
  }
  if (!(await platform.exists(path))) throw new PfError('file', `there is no model at ${path}`)
  return { folder: path.endsWith('/') ? path : `${path}/` }
}

type Read = (name: string) => Promise<Uint8Array>

async function caffe2Pair(files: readonly string[], only: string | undefined, read: Read): Promise<Nets | undefined> {
  const nets = files.filter((name) => /\.(pb|pbtxt)$/.test(name))
  const inits = nets.filter((name) => /init/.test(name))
  const predict = pick(
    nets.filter((name) => !/init/.test(name) && /predict|model|net/.test(name)),
    only,
  )
  if (predict === undefined || inits.length === 0) return undefined
  const init = inits.sort((a, b) => common(b, predict) - common(a, predict))[0]
  const shapes = new Map<string, readonly number[]>()
  if (files.includes('value_info.json')) {
    const info = JSON.parse(new TextDecoder().decode(await read('value_info.json'))) as Record<
      string,
      [number, number[]]
    >
    for (const [name, [, shape]] of Object.entries(info)) shapes.set(name, shape)
  }
  const [initNet, predictNet] = await Promise.all(
    [init, predict].map(async (name) => readNetDef(await read(name), { file: name })),
  )
  return { init: initNet, predict: predictNet, shapes, warnings: [] }
}

async function caffePair(files: readonly string[], only: string | undefined, read: Read): Promise<Nets | undefined> {
  const models = files.filter((name) => name.endsWith('.caffemodel'))
  const texts = files.filter((name) => name.endsWith('.prototxt'))
  if (models.length === 0 || texts.length === 0) return undefined
  const model = pick(models, only)
  if (model === undefined) {
    throw new PfError('argument', `the folder holds several models: name one of ${models.join(', ')}`)
  }
  // lenet_iter_10000.caffemodel belongs to lenet.prototxt; a deploy net says so in its name.
  const score = (name: string) => common(name, model) + (/deploy/.test(name) ? 0.5 : 0) + (name === only ? 1000 : 0)
  const text = texts.sort((a, b) => score(b) - score(a))[0]
  const { convertCaffe } = await import('../convert/caffe.ts')
  const prototxt = new TextDecoder().decode(await read(text))
  const { initNet, predictNet, inputs, warnings } = await convertCaffe({ prototxt, caffemodel: await read(model) })
  const shapes = new Map(inputs.flatMap(({ name, shape }) => (shape === undefined ? [] : [[name, shape] as const])))
  return { init: initNet, predict: predictNet, shapes, warnings }
}

// The one that was named, its nearest relative, or the only one there is.
function pick(names: readonly string[], only: string | undefined): string | undefined {
  if (only === undefined) return names.length === 1 ? names[0] : names.find((name) => /^predict_net\./.test(name))
  return [...names].sort((a, b) => common(b, only) - common(a, only))[0]
}

/** Letters that two names begin with. */
function common(a: string, b: string): number {
  let n = 0
  while (n < a.length && a[n] === b[n]) n++
  return n
}

function parsePreprocessing(bytes: Uint8Array): Preprocessing {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new PfError('format', `model.json is no JSON: ${(error as Error).message}`, { cause: error })
  }
  const { order } = value as Preprocessing
  if (order === undefined || order === 'BGR' || order === 'RGB') return value as Preprocessing
  throw new PfError('format', `model.json: order is "${order}", expected "BGR" or "RGB"`)
}

/** The shape an input must have, as far as the model tells; the caller knows the rest. */
export function inputShape(model: Model, input: string): { channels: number; size?: readonly [number, number] } {
  const shape = model.shapes.get(input) ?? filledShape(model.init, input)
  if (shape?.length === 4) return { channels: shape[1], size: [shape[2], shape[3]] }
  const conv = model.predict.op.find(({ type, input: [x] }) => type === 'Conv' && x === input)
  const weights = conv && filledShape(model.init, conv.input[1])
  return { channels: weights?.length === 4 ? weights[1] : 3 }
}

function filledShape(init: NetDef, blob: string): number[] | undefined {
  const op = init.op.find(({ output }) => output.includes(blob))
  const shape = op && getArgument(op, 'shape')
  return Array.isArray(shape) ? shape.map(Number) : undefined
}
