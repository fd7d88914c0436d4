// SPDX-License-Identifier: Apache-2.0
// Well-known topologies with generated weights, as plain layers that become a NetDef for us and an ONNX model for peers.
// Only time is measured with them, so the weights need not mean anything; they keep activations near one.

/** Weights that are the same in every run. */
function random(seed) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
}

// What a residual block adds is small beside what it adds to, or sums would grow from block to block until one class had
// all of the probability.
const kBranch = 0.25

class Layers {
  constructor(shape) {
    this.shape = shape
    this.layers = []
    this.weights = []
    this.next = random(1)
  }
  /** A tensor of weights in [offset - scale, offset + scale). */
  weight(dims, scale, offset = 0) {
    const data = new Float32Array(dims.reduce((a, b) => a * b, 1)).map(() => offset + scale * this.next())
    const name = `w${this.weights.length}`
    this.weights.push({ name, dims, data })
    return name
  }
  add(kind, inputs, options = {}) {
    const output = `t${this.layers.length}`
    this.layers.push({ kind, inputs, output, ...options })
    return output
  }
  conv(x, from, to, kernel, { stride = 1, pad = 0, group = 1, scale = 1 } = {}) {
    const fan = (from / group) * kernel * kernel
    const w = this.weight([to, from / group, kernel, kernel], scale * Math.sqrt(6 / fan))
    return this.add('conv', [x, w, this.weight([to], 0.1)], { kernel, stride, pad, group })
  }
  relu(x) {
    return this.add('relu', [x])
  }
  relu6(x) {
    return this.add('clip', [x], { min: 0, max: 6 })
  }
  maxPool(x, pad = 0) {
    return this.add('maxPool', [x], { kernel: 3, stride: 2, pad })
  }
  classify(x) {
    return this.add('softmax', [this.add('flatten', [this.add('globalAverage', [x])])])
  }
}

function squeezenet11({ batch = 1, size = 227 } = {}) {
  const net = new Layers([batch, 3, size, size])
  const fire = (x, from, squeeze, expand) => {
    const s = net.relu(net.conv(x, from, squeeze, 1))
    const wide = net.relu(net.conv(s, squeeze, expand, 3, { pad: 1 }))
    return net.add('concat', [net.relu(net.conv(s, squeeze, expand, 1)), wide])
  }
  let x = net.maxPool(net.relu(net.conv('data', 3, 64, 3, { stride: 2 })))
  x = net.maxPool(fire(fire(x, 64, 16, 64), 128, 16, 64))
  x = net.maxPool(fire(fire(x, 128, 32, 128), 256, 32, 128))
  x = fire(fire(x, 256, 48, 192), 384, 48, 192)
  x = fire(fire(x, 384, 64, 256), 512, 64, 256)
  net.classify(net.relu(net.conv(x, 512, 1000, 1)))
  return net
}

// Batch normalisation is folded into the convolutions, as after training.
function mobilenetV2({ batch = 1, size = 224 } = {}) {
  const net = new Layers([batch, 3, size, size])
  let x = net.relu6(net.conv('data', 3, 32, 3, { stride: 2, pad: 1 }))
  let channels = 32
  const block = (expand, to, stride) => {
    const from = channels
    const middle = from * expand
    let y = expand === 1 ? x : net.relu6(net.conv(x, from, middle, 1))
    y = net.relu6(net.conv(y, middle, middle, 3, { stride, pad: 1, group: middle }))
    y = net.conv(y, middle, to, 1, { scale: kBranch })
    x = stride === 1 && from === to ? net.add('sum', [x, y]) : y
    channels = to
  }
  const stages = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ]
  for (const [expand, to, repeats, first] of stages) {
    for (let i = 0; i < repeats; i++) block(expand, to, i === 0 ? first : 1)
  }
  x = net.relu6(net.conv(x, 320, 1280, 1))
  net.classify(net.conv(net.add('globalAverage', [x]), 1280, 1000, 1))
  return net
}

// Version 1.5: the stride of a block is that of its 3 x 3 convolution.
function resnet50({ batch = 1, size = 224 } = {}) {
  const net = new Layers([batch, 3, size, size])
  let x = net.relu(net.conv('data', 3, 64, 7, { stride: 2, pad: 3 }))
  x = net.maxPool(x, 1)
  let channels = 64
  const block = (middle, stride) => {
    const to = 4 * middle
    let y = net.relu(net.conv(x, channels, middle, 1))
    y = net.relu(net.conv(y, middle, middle, 3, { stride, pad: 1 }))
    y = net.conv(y, middle, to, 1, { scale: kBranch })
    const shortcut = channels === to ? x : net.conv(x, channels, to, 1, { stride })
    x = net.relu(net.add('sum', [y, shortcut]))
    channels = to
  }
  const stages = [
    [64, 3],
    [128, 4],
    [256, 6],
    [512, 3],
  ]
  for (const [i, [middle, repeats]] of stages.entries()) {
    for (let k = 0; k < repeats; k++) block(middle, i > 0 && k === 0 ? 2 : 1)
  }
  net.classify(net.conv(net.add('globalAverage', [x]), 2048, 1000, 1))
  return net
}

/** Each takes {batch, size}: how many pictures, and their height and width. */
export const architectures = { squeezenet11, mobilenetV2, resnet50 }

/** What the nets are fed. */
export const picture = (shape) => new Float32Array(shape.reduce((a, b) => a * b)).map((_, i) => Math.sin(i))

export const bytesOf = ({ weights }) => weights.reduce((sum, { data }) => sum + data.byteLength, 0)
