// SPDX-License-Identifier: Apache-2.0
// Weights for a net of which only the graph is known. The net runs operator by operator, and what an operator finds
// missing is made of a shape that suits what is there and what the operators behind will want.
import type { Backend } from '../../src/backend/backend.ts'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { encodeOperatorDef, getArgument, type NetDef, type OperatorDef, operatorDef } from '../../src/net/net-def.ts'

const anchors = 3
const classes = 5
const width = 24 // a multiple of all small groups, of what nothing else decides

/** Operators that leave the count of channels as it is. */
const keep =
  /^(Int8)?(Relu|SpatialBN|LRN|Dropout|MaxPool|AveragePool|ChannelShuffle|ResizeNearest|Mul|Add|Sigmoid|Dequantize)$|^NHWC2NCHW$/

/** Runs the net in `ws` and leaves its inputs there. */
export async function giveWeights(backend: Backend, ws: number, net: NetDef): Promise<void> {
  await new Weights(backend, ws, net.op).run(net.op)
}

class Weights {
  readonly #backend: Backend
  readonly #ws: number
  #ops: readonly OperatorDef[]
  readonly #there: Set<string>
  #seed = 1

  constructor(backend: Backend, ws: number, ops: readonly OperatorDef[]) {
    this.#backend = backend
    this.#ws = ws
    this.#ops = ops
    this.#there = new Set()
  }

  async run(ops: readonly OperatorDef[]): Promise<void> {
    for (const name of await this.#backend.blobs(this.#ws)) this.#there.add(name)
    const outside = this.#ops
    this.#ops = ops
    for (const [i, op] of ops.entries()) {
      const type = (op.type ?? '').replace(/^Int8/, '')
      for (const [k, name] of op.input.entries()) {
        if (this.#there.has(name)) continue
        await this.#make(op, type, i, k, name)
        this.#there.add(name)
      }
      for (const { n } of op.arg) if (n) await this.run(n.op)
      await this.#backend.runOperator(this.#ws, encodeOperatorDef(op))
      for (const name of op.output) this.#there.add(name)
    }
    this.#ops = outside
  }

  async #make(op: OperatorDef, type: string, i: number, k: number, name: string): Promise<void> {
    const int8 = op.type?.startsWith('Int8') === true
    if (name === 'im_info') return this.#feed(name, tensor([[64, 96, 1]]))
    if (k === 0 || /data$/.test(name)) return this.#feed(name, this.#noise([1, 3, ...this.#picture()], 50))
    const shape = await this.#shapeOf(op.input[0], int8)
    if (type === 'GenerateProposals')
      return this.#feed(name, tensor([...Array(anchors)].map((_, a) => [-8 * a, -8, 8, 8 + a])))
    if (type === 'Div') return this.#feed(name, tensor([2]))
    if (/^(Conv|ConvRelu|ConvTranspose|FC)$/.test(type)) return this.#layer(op, type, i, k, name, shape, int8)
    const channels = shape[1]
    await this.#feed(
      name,
      /riv|var/.test(name) ? tensor(new Float32Array(channels).fill(1)) : this.#noise([channels], 1),
    )
  }

  // A filter or a bias.
  async #layer(op: OperatorDef, type: string, i: number, k: number, name: string, x: number[], int8: boolean) {
    const group = Number(getArgument(op, 'group') ?? 1)
    const last = getArgument(op, 'order') === 'NHWC'
    const channels = x[last ? x.length - 1 : 1]
    if (k === 2) return this.#parameter(name, [await this.#outputs(op)], int8, true)
    const wanted = await this.#wanted(i)
    const out = Math.ceil(wanted / group) * group
    if (type === 'FC') {
      const ones = new Array<number>(Number(getArgument(op, 'axis_w') ?? 1) - 1).fill(1)
      return this.#parameter(name, [wanted, ...ones, x.slice(1).reduce((a, b) => a * b, 1)], int8)
    }
    const [h, w] = kernelOf(op)
    const [first, second] = type === 'ConvTranspose' ? [channels, out] : [out, channels / group]
    return this.#parameter(name, last ? [first, h, w, second] : [first, second, h, w], int8)
  }

  async #outputs(op: OperatorDef): Promise<number> {
    const filter = await this.#shapeOf(op.input[1], op.type?.startsWith('Int8') === true)
    const last = getArgument(op, 'order') === 'NHWC'
    return /ConvTranspose/.test(op.type ?? '') ? filter[last ? 3 : 1] : filter[0]
  }

  /** How many channels the operators behind operator `i` want of it. */
  async #wanted(i: number): Promise<number> {
    let name = this.#ops[i].output[0]
    for (let at = i + 1; at < this.#ops.length; at++) {
      const op = this.#ops[at]
      const type = (op.type ?? '').replace(/^Int8/, '')
      const k = op.input.indexOf(name)
      if (k < 0) {
        if (op.output.includes(name)) return width
        continue
      }
      const group = Number(getArgument(op, 'group') ?? 1)
      if (type === 'GenerateProposals') return k === 0 ? anchors : 4 * anchors
      if (type === 'BBoxTransform') return 4 * classes
      if (type === 'Softmax') return classes
      if (type === 'BoxWithNMSLimit') return classes
      if (type === 'Reshape') return (getArgument(op, 'shape') as number[])[1]
      if (/^Conv/.test(type) && group > 8) return group
      if (type === 'Sum') {
        const other = op.input.find((each) => each !== name && this.#there.has(each))
        if (other === undefined) return width
        const shape = await this.#shapeOf(other, op.type !== type)
        return op.type === type ? shape[1] : shape[3]
      }
      if (!keep.test(op.type ?? '')) return width
      name = op.output[0]
    }
    return width
  }

  async #shapeOf(name: string, int8: boolean): Promise<number[]> {
    let blob = name
    if (int8 && (await this.#backend.blobInfo(this.#ws, name)).kind !== 'tensor') {
      blob = 'floats_of_int8'
      await this.#run(operatorDef('Int8Dequantize', name, blob))
    }
    return [...((await this.#backend.blobInfo(this.#ws, blob)).shape ?? [])]
  }

  async #parameter(name: string, shape: number[], int8: boolean, bias = false): Promise<void> {
    if (!int8) return this.#feed(name, this.#noise(shape, bias ? 0.1 : 0.3))
    const size = shape.reduce((a, b) => a * b, 1)
    const args = { shape, Y_scale: { float: 0.01 }, Y_zero_point: bias ? 0 : 128 }
    const random = Float32Array.from(this.#noise([size], 100).data as Float32Array)
    const values = bias ? [...random].map(Math.round) : Uint8Array.from(random, (x) => x + 128)
    await this.#run(operatorDef(bias ? 'Int8GivenIntTensorFill' : 'Int8GivenTensorFill', [], name, { ...args, values }))
  }

  #picture(): [number, number] {
    const detects = this.#ops.some(({ type }) => type === 'GenerateProposals')
    return detects ? [64, 96] : [224, 224]
  }

  #noise(shape: number[], most: number): Tensor {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
    for (let i = 0; i < data.length; i++) {
      this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0
      data[i] = (this.#seed / 2 ** 31 - 1) * most
    }
    return tensor(data, shape)
  }

  #feed(name: string, value: Tensor): Promise<void> {
    return this.#backend.feed(this.#ws, name, value)
  }

  #run(op: OperatorDef): Promise<void> {
    return this.#backend.runOperator(this.#ws, encodeOperatorDef(op))
  }
}

function kernelOf(op: OperatorDef): [number, number] {
  const list = getArgument(op, 'kernels') as number[] | undefined
  const square = Number(getArgument(op, 'kernel') ?? 1)
  return [
    Number(getArgument(op, 'kernel_h') ?? list?.[0] ?? square),
    Number(getArgument(op, 'kernel_w') ?? list?.[1] ?? square),
  ]
}
