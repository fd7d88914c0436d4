// SPDX-License-Identifier: Apache-2.0
// ResNet-50 (stride in the 3x3 convolutions, as torchvision's and the later Caffe2 trainers' have it) as nets of ours.
import { addWeightDecay, brew, buildSgd, ModelHelper } from 'portafilter'
import { resnet50 } from 'portafilter/train'

/** Adds the layers up to the logits; answers their blob. */
function layers(model, isTest) {
  // As torchvision has them.
  return resnet50(model, { numLabels: 1000, isTest, noBias: true, bnMomentum: 0.9, bnEpsilon: 1e-5, poolPad: 1 })
}

// Planned: operators are fused, and only what is named can be fetched.
function planned(net, outputs) {
  const def = net.proto()
  def.externalOutput = outputs
  const strings = outputs.map((name) => new TextEncoder().encode(name))
  def.arg = [...(def.arg ?? []), { name: 'pf.optimize', i: 1 }, { name: 'pf.keep', strings }]
  return def
}

/** {init, net, output}: inference. */
export function inferenceNets() {
  const model = new ModelHelper({ name: 'resnet50' })
  brew.softmax(model, layers(model, true), 'softmax')
  return { init: model.paramInitNet, net: planned(model.net, ['softmax']), output: 'softmax' }
}

/** {init, net, output}: a step of training with momentum and weight decay. */
export async function trainingNets({ learningRate = 0.01 } = {}) {
  const model = new ModelHelper({ name: 'resnet50_train' })
  model.net.add('SoftmaxWithLoss', [layers(model, false), 'label'], ['softmax', 'loss'])
  await model.addGradientOperators(['loss'])
  addWeightDecay(model, 1e-4)
  buildSgd(model, { baseLearningRate: learningRate, momentum: 0.9, nesterov: false })
  const kept = model.net.proto().op.flatMap((op) => (op.type === 'MomentumSGDUpdate' ? op.output.slice(1) : []))
  return { init: model.paramInitNet, net: planned(model.net, ['loss', ...kept]), output: 'loss', params: model.params }
}
