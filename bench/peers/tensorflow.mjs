// SPDX-License-Identifier: Apache-2.0
// A net of architectures.mjs in TensorFlow.js on its WebAssembly backend (XNNPACK), operation by operation. Images and
// filters are in its own order, channels last, and what it can fuse is fused, as its converter does.
import { setThreadsCount, setWasmPaths, version_wasm } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import { architectures, picture } from '../architectures.mjs'

export async function startWasm(threads) {
  const folder = new URL('.', import.meta.resolve('@tensorflow/tfjs-backend-wasm'))
  setWasmPaths(folder.protocol === 'file:' ? decodeURIComponent(folder.pathname) : folder.href)
  setThreadsCount(threads)
  if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js cannot open its WebAssembly backend')
  await tf.ready()
  return version_wasm
}

/** Values and dims in another order of dimensions. */
function permuted(data, dims, order) {
  const rank = dims.length
  const strides = dims.map((_, i) => dims.slice(i + 1).reduce((a, b) => a * b, 1))
  const shape = order.map((i) => dims[i])
  const steps = order.map((i) => strides[i])
  const out = new Float32Array(data.length)
  const at = new Array(rank).fill(0)
  let from = 0
  for (let i = 0; i < out.length; i++) {
    out[i] = data[from]
    for (let d = rank - 1; d >= 0; d--) {
      from += steps[d]
      if (++at[d] < shape[d]) break
      from -= steps[d] * shape[d]
      at[d] = 0
    }
  }
  return { data: out, shape }
}

const activationOf = ({ kind, min, max }) => {
  if (kind === 'relu') return 'relu'
  return kind === 'clip' && min === 0 && max === 6 ? 'relu6' : undefined
}

/** The layers with each activation inside the convolution that it alone follows. */
function fused(layers) {
  const readers = new Map()
  for (const layer of layers) {
    for (const input of layer.inputs) readers.set(input, [...(readers.get(input) ?? []), layer])
  }
  const absorbed = new Set()
  const result = layers.map((layer) => {
    if (absorbed.has(layer)) return undefined
    const [next, more] = readers.get(layer.output) ?? []
    if (layer.kind !== 'conv' || !next || more || !activationOf(next)) return layer
    absorbed.add(next)
    return { ...layer, output: next.output, activation: activationOf(next) }
  })
  return result.filter(Boolean)
}

const operations = {
  conv([x, filter, bias], { stride, pad, group, activation }) {
    const options = { x, filter, bias, strides: stride, pad, activation }
    return group === 1 ? tf.fused.conv2d(options) : tf.fused.depthwiseConv2d(options)
  },
  relu: ([x]) => tf.relu(x),
  clip: ([x], { min, max }) => tf.clipByValue(x, min, max),
  maxPool: ([x], { kernel, stride, pad }) => tf.maxPool(x, kernel, stride, pad),
  globalAverage: ([x]) => tf.mean(x, [1, 2], true),
  concat: (inputs) => tf.concat(inputs, 3),
  sum: ([a, b]) => tf.add(a, b),
  flatten: ([x]) => tf.reshape(x, [x.shape[0], -1]),
  softmax: ([x]) => tf.softmax(x),
}

/** Filters are [height, width, in, out], those of depthwise convolutions [height, width, channels, 1]. */
function weightTensor({ dims, data }) {
  if (dims.length !== 4) return tf.tensor(data, dims)
  const { data: values, shape } = permuted(data, dims, dims[1] === 1 ? [2, 3, 0, 1] : [2, 3, 1, 0])
  return tf.tensor(values, shape)
}

export async function open({ model, batch, size, threads }) {
  const version = await startWasm(threads)
  const net = architectures[model]({ batch, size })
  const weights = net.weights.map((weight) => [weight.name, weightTensor(weight)])
  const layers = fused(net.layers)
  const { data, shape } = permuted(picture(net.shape), net.shape, [0, 2, 3, 1])
  const forward = () => {
    const blobs = new Map([...weights, ['data', tf.tensor(data, shape)]])
    for (const layer of layers) {
      const inputs = layer.inputs.map((name) => blobs.get(name))
      blobs.set(layer.output, operations[layer.kind](inputs, layer))
    }
    return blobs.get(layers.at(-1).output)
  }
  const run = async () => {
    const result = tf.tidy(forward)
    const values = await result.data()
    result.dispose()
    return values
  }
  return { info: { version, threads }, run }
}
