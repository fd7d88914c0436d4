// SPDX-License-Identifier: Apache-2.0
// Nets to train, and how many operations a step needs: what convolutions and layers multiply going forward, the same for
// the gradient of the weights and, but for the first layer, for that of the input.
import { brew, buildSgd, ModelHelper } from 'portafilter'

class Trained {
  constructor(name) {
    this.model = new ModelHelper({ name })
    this.flops = 0
  }
  /** Counts a layer of `products` multiply-adds for one picture. */
  count(products) {
    this.flops += 2 * products * (this.flops ? 3 : 2)
  }
  conv(x, y, dimIn, dimOut, size, options) {
    this.count(dimIn * dimOut * options.kernel ** 2 * size ** 2)
    return brew.conv(this.model, x, y, { dimIn, dimOut, ...options })
  }
  fc(x, y, dimIn, dimOut) {
    this.count(dimIn * dimOut)
    return brew.fc(this.model, x, y, { dimIn, dimOut })
  }
  async finish(scores, backend, sgd) {
    this.model.net.add('SoftmaxWithLoss', [scores, 'label'], ['softmax', 'loss'])
    await this.model.addGradientOperators(['loss'], { backend })
    buildSgd(this.model, sgd)
  }
}

/** LeNet with 20, 50 and 500 channels on digits of 28 x 28. */
async function lenet(backend) {
  const net = new Trained('lenet')
  const { model } = net
  net.conv('data', 'conv1', 1, 20, 24, { kernel: 5 })
  brew.maxPool(model, 'conv1', 'pool1', { kernel: 2, stride: 2 })
  net.conv('pool1', 'conv2', 20, 50, 8, { kernel: 5 })
  brew.maxPool(model, 'conv2', 'pool2', { kernel: 2, stride: 2 })
  net.fc('pool2', 'fc3', 50 * 4 * 4, 500)
  brew.relu(model, 'fc3', 'relu3')
  net.fc('relu3', 'pred', 500, 10)
  await net.finish('pred', backend, { baseLearningRate: 0.01 })
  return net
}

/** The residual net of 20 layers for pictures of 32 x 32 with 16, 32 and 64 channels, batch normalisation included. */
async function resnet20(backend) {
  const net = new Trained('resnet20')
  const { model } = net
  let blob = 'data'
  let size = 32
  const normal = (name, channels) =>
    brew.spatialBn(model, name, `${name}_bn`, { dimIn: channels, epsilon: 1e-3, momentum: 0.9 })
  const conv = (x, name, from, to, kernel, stride) => {
    net.conv(x, name, from, to, size, { kernel, stride, pad: (kernel - 1) / 2, noBias: true })
    return normal(name, to)
  }
  const relu = (x) => brew.relu(model, x, x)
  blob = relu(conv(blob, 'conv1', 3, 16, 3, 1))
  let channels = 16
  for (const [stage, to] of [16, 32, 64].entries()) {
    for (let i = 0; i < 3; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1
      size /= stride
      const name = `block${stage}_${i}`
      const first = relu(conv(blob, `${name}_a`, channels, to, 3, stride))
      const second = conv(first, `${name}_b`, to, to, 3, 1)
      const shortcut = channels === to ? blob : conv(blob, `${name}_shortcut`, channels, to, 1, stride)
      blob = relu(brew.sum(model, [second, shortcut], `${name}_sum`))
      channels = to
    }
  }
  brew.averagePool(model, blob, 'pool', { kernel: 8 })
  net.fc('pool', 'pred', 64, 10)
  await net.finish('pred', backend, { baseLearningRate: 0.01, momentum: 0.9 })
  return net
}

/** Each with the pictures of a step. */
export const trainedNets = {
  lenet: { make: lenet, batch: 64, shape: [1, 28, 28] },
  resnet20: { make: resnet20, batch: 16, shape: [3, 32, 32] },
}
