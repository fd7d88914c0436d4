// SPDX-License-Identifier: Apache-2.0
// Gradients of a few operators without a core: what a Backend would answer, as far as walking a net needs it.
import type { GradientSource } from '../../src/net/gradient.ts'
import { argument, decodeNetDef, encodeNetDef, netDef, type OperatorDef } from '../../src/net/net-def.ts'

interface Reply {
  ops: OperatorDef[]
  /** One per input of the forward operator, as it crosses the border. */
  inputs: string[]
}

/** I, O, GO, GI as in Caffe2's makers. */
class Names {
  readonly op: OperatorDef
  readonly #outputs: readonly string[]

  constructor(op: OperatorDef, outputs: readonly string[]) {
    this.op = op
    this.#outputs = outputs
  }

  I = (i: number) => this.op.input[i]
  O = (i: number) => this.op.output[i]
  GO = (i: number) => this.#outputs[i]
  GI = (i: number) => `${this.op.input[i]}_grad`

  reply(type: string, input: string[], output: string[], inputs = this.op.input.map(() => '')): Reply {
    for (const name of output) {
      const i = this.op.input.findIndex((_, k) => this.GI(k) === name)
      if (i >= 0) inputs[i] = name
    }
    return { ops: [{ type, input, output, arg: this.op.arg, isGradientOp: true }], inputs }
  }
}

type Maker = (names: Names) => Reply

const makers: Record<string, Maker> = {
  Relu: (n) => n.reply('ReluGradient', [n.O(0), n.GO(0)], [n.GI(0)]),
  Softmax: (n) => n.reply('SoftmaxGradient', [n.O(0), n.GO(0)], [n.GI(0)]),
  Sqr: (n) => n.reply('SqrGradient', [n.I(0), n.GO(0)], [n.GI(0)]),
  FC: (n) => n.reply('FCGradient', [n.I(0), n.I(1), n.GO(0)], [n.GI(1), n.GI(2), n.GI(0)]),
  Conv: (n) => {
    const bias = n.op.input.length > 2 ? [n.GI(2)] : []
    const reply = n.reply('ConvGradient', [n.I(0), n.I(1), n.GO(0)], [n.GI(1), ...bias, n.GI(0)])
    if (bias.length === 0) reply.ops[0].arg = [argument('no_bias', 1), ...n.op.arg]
    return reply
  },
  MaxPool: (n) => n.reply('MaxPoolGradient', [n.I(0), n.O(0), n.GO(0)], [n.GI(0)]),
  AveragePool: (n) => n.reply('AveragePoolGradient', [n.I(0), n.O(0), n.GO(0)], [n.GI(0)]),
  SpatialBN: (n) =>
    n.reply('SpatialBNGradient', [n.I(0), n.I(1), n.GO(0), n.O(3), n.O(4)], [n.GI(0), n.GI(1), n.GI(2)]),
  AveragedLoss: (n) => n.reply('AveragedLossGradient', [n.I(0), n.GO(0)], [n.GI(0)]),
  LabelCrossEntropy: (n) => n.reply('LabelCrossEntropyGradient', [n.I(0), n.I(1), n.GO(0)], [n.GI(0)]),
  SoftmaxWithLoss: (n) => n.reply('SoftmaxWithLossGradient', [n.I(0), n.I(1), n.O(0), n.GO(1)], [n.GI(0)]),
  // Handed through: one name for all.
  Sum: (n) => ({ ops: [], inputs: n.op.input.map(() => n.GO(0)) }),
  Gather: (n) => ({ ops: [], inputs: [`${n.I(1)}\0${n.GO(0)}`, ''] }),
  SparseLengthsSum: (n) => {
    const values = `${n.I(0)}_grad_values`
    const type = 'SparseLengthsIndicesInGradientSumGradient'
    return n.reply(type, [n.GO(0), n.I(2), n.I(1)], [values], [`${n.I(1)}\0${values}`, '', ''])
  },
  StopGradient: (n) => ({ ops: [], inputs: n.op.input.map(() => '') }),
  Accuracy: (n) => ({ ops: [], inputs: n.op.input.map(() => '') }),
}

export const scriptedGradients: GradientSource = {
  async gradient(request) {
    const { op, externalInput } = decodeNetDef(request)
    const maker = makers[op[0].type as string]
    if (!maker) throw new Error(`no scripted gradient of ${op[0].type}`)
    const { ops, inputs } = maker(new Names(op[0], externalInput))
    return encodeNetDef(netDef({ op: ops, externalOutput: inputs }))
  },
}
