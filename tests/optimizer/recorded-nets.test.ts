// SPDX-License-Identifier: Apache-2.0
// Training nets recorded from Caffe2: from their forward part we must make the same gradient and update operators.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ModelHelper } from '../../src/net/model-helper.ts'
import { type Argument, decodeNetDef, type OperatorDef } from '../../src/net/net-def.ts'
import { buildAdagrad } from '../../src/optimizer/adagrad.ts'
import { buildAdam } from '../../src/optimizer/adam.ts'
import { buildSgd } from '../../src/optimizer/sgd.ts'
import { platform } from '../../src/platform/index.ts'
import { testBackend } from '../kit/backend.ts'
import { settings, skip } from '../kit/settings.ts'

const backend = testBackend(test)

type Build = (model: ModelHelper) => unknown

const recorded: Record<string, Build> = {
  mlp_sgd: (model) => buildSgd(model, { baseLearningRate: 0.1, policy: 'step', stepsize: 2, gamma: 0.5 }),
  mlp_momentum: (model) => buildSgd(model, { baseLearningRate: 0.05, momentum: 0.9 }),
  mlp_adagrad: (model) => buildAdagrad(model, { baseLearningRate: 0.1 }),
  mlp_adam: (model) => buildAdam(model, { baseLearningRate: 0.01 }),
  lenet_NCHW: (model) => buildSgd(model, { baseLearningRate: 0.1, policy: 'step', stepsize: 1, gamma: 0.9 }),
  resblock_bn_train: (model) => buildSgd(model, { baseLearningRate: 0.1, momentum: 0.9 }),
}

if (settings.data === undefined) skip('no shared test data', Object.keys(recorded).length + 1)
else {
  const folder = `${settings.data}golden/`
  for (const [name, build] of Object.entries(recorded)) {
    test(name, async () => {
      const { nets } = JSON.parse(await platform.readText(`${folder}nets/${name}.json`)) as { nets: RecordedOp[][] }
      await compare(nets[0].map(fromJson), build)
    })
  }
  test('train_lenet_sgd', async () => {
    const bytes = await platform.read(`${folder}models/train_lenet_sgd/train_net.pb`)
    const model = await compare(decodeNetDef(bytes).op, (made) =>
      buildSgd(made, { baseLearningRate: 0.05, policy: 'step', stepsize: 5, gamma: 0.5 }),
    )
    const init = decodeNetDef(await platform.read(`${folder}models/train_lenet_sgd/init_net.pb`))
    assert.equal(comparable(model.paramInitNet.proto().op), comparable(init.op))
  })
}

interface RecordedOp extends Omit<OperatorDef, 'arg'> {
  arg?: (Omit<Argument, 's'> & { s?: string })[]
  is_gradient_op?: boolean
}

function fromJson({ arg = [], is_gradient_op, ...op }: RecordedOp): OperatorDef {
  const text = new TextEncoder()
  const args = arg.map(({ s, ...others }) => (s === undefined ? others : { ...others, s: text.encode(s) }))
  return { ...op, arg: args, ...(is_gradient_op && { isGradientOp: true }) }
}

async function compare(ops: readonly OperatorDef[], build: Build): Promise<ModelHelper> {
  const forward = ops.findIndex((op) => op.output[0].endsWith('_autogen_grad'))
  const model = new ModelHelper({ name: 'recorded', initParams: false })
  model.net.addOperators(structuredClone(ops.slice(0, forward)))
  for (const blob of new Set(ops.slice(0, forward).flatMap((op) => op.input))) {
    if (/_[wbs]$/.test(blob)) model.addParameter(blob)
  }
  await model.addGradientOperators(['loss'], { backend: await backend() })
  build(model)
  assert.equal(comparable(model.net.proto().op), comparable(ops))
  return model
}

// One line per operator, arguments by name. Caffe2 numbers the optimizers of a process, we those of a model. Devices were
// recorded only where they are the CPU, engines only in some files.
function comparable(ops: readonly OperatorDef[]): string[] {
  return ops.map(({ type, input, output, arg, isGradientOp }) => {
    const args = arg.map(readable).sort().join(' ')
    const line = `${type} ${input.join(' ')} -> ${output.join(' ')} {${args}}${isGradientOp ? ' gradient' : ''}`
    return line.replace(/Optimizer_\d+_lr_/g, 'Optimizer_0_lr_')
  })
}

function readable({ name, f, i, s, ints }: Argument): string {
  if (f !== undefined) return `${name}=${Math.fround(f)}f`
  return `${name}=${s ? new TextDecoder().decode(s) : (i ?? `[${ints}]`)}`
}

test.run()
