// SPDX-License-Identifier: Apache-2.0
// ResNet-50 (stride in the 3x3 convolutions, as torchvision's and the later Caffe2 trainers' have it) as nets of ours.
import { addWeightDecay, brew, buildSgd, ModelHelper } from 'portafilter'

const stages = [
  [64, 256, 3, 1],
  [128, 512, 4, 2],
  [256, 1024, 6, 2],
  [512, 2048, 3, 2],
]

/** Adds the layers up to the logits; answers their blob. */
function layers(model, isTest) {
  const conv = (x, name, dimIn, dimOut, kernel, stride = 1) => {
    const pad = (kernel - 1) / 2
    const init = ['MSRAFill']
    // Nobody wants the gradient of the pictures.
    const args = x === 'data' ? { no_gradient_to_input: 1 } : {}
    const y = brew.conv(model, x, `${name}_conv`, {
      ...args,
      dimIn,
      dimOut,
      kernel,
      stride,
      pad,
      noBias: true,
      weightInit: init,
    })
    return brew.spatialBn(model, y, `${name}_bn`, { dimIn: dimOut, epsilon: 1e-5, momentum: 0.9, isTest })
  }
  const relu = (x) => brew.relu(model, x, x)
  const block = (x, name, from, middle, to, stride) => {
    let y = relu(conv(x, `${name}_a`, from, middle, 1))
    y = relu(conv(y, `${name}_b`, middle, middle, 3, stride))
    y = conv(y, `${name}_c`, middle, to, 1)
    const shortcut = from === to && stride === 1 ? x : conv(x, `${name}_d`, from, to, 1, stride)
    return relu(brew.sum(model, [y, shortcut], `${name}_sum`))
  }
  let x = relu(conv('data', 'first', 3, 64, 7, 2))
  x = brew.maxPool(model, x, 'pool1', { kernel: 3, stride: 2, pad: 1 })
  let from = 64
  stages.forEach(([middle, to, count, first], stage) => {
    for (let i = 0; i < count; i++) {
      x = block(x, `s${stage}_${i}`, from, middle, to, i === 0 ? first : 1)
      from = to
    }
  })
  x = brew.averagePool(model, x, 'pool5', { global_pooling: true })
  return brew.fc(model, x, 'logits', { dimIn: 2048, dimOut: 1000 })
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
