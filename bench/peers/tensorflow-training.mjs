// SPDX-License-Identifier: Apache-2.0
// The step of LeNet in TensorFlow.js on the fastest of its backends that can train here. (Its WebAssembly backend has no
// gradient of a convolution's filter; what is left in Node without other downloads is its plain JavaScript.)
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-layers' // brings the gradients
import * as tf from '@tensorflow/tfjs-core'
import { startWasm } from './tensorflow.mjs'

const kBatch = 64

function lenet() {
  const values = (shape) => tf.variable(tf.randomUniform(shape, -0.05, 0.05, 'float32', 1))
  const weights = [[5, 5, 1, 20], [20], [5, 5, 20, 50], [50], [800, 500], [500], [500, 10], [10]].map(values)
  const [w1, b1, w2, b2, w3, b3, w4, b4] = weights
  return (x) => {
    const pool1 = tf.maxPool(tf.add(tf.conv2d(x, w1, 1, 'valid'), b1), 2, 2, 'valid')
    const pool2 = tf.maxPool(tf.add(tf.conv2d(pool1, w2, 1, 'valid'), b2), 2, 2, 'valid')
    const hidden = tf.relu(tf.add(tf.matMul(tf.reshape(pool2, [kBatch, 800]), w3), b3))
    return tf.add(tf.matMul(hidden, w4), b4)
  }
}

function trainer() {
  const forward = lenet()
  const values = new Float32Array(kBatch * 784).map((_, i) => Math.abs(Math.sin(i)))
  const data = tf.tensor(values, [kBatch, 28, 28, 1])
  const labels = Int32Array.from({ length: kBatch }, (_, i) => i % 10)
  const label = tf.oneHot(tf.tensor1d(labels, 'int32'), 10)
  const optimizer = tf.train.sgd(0.01)
  const loss = () => tf.losses.softmaxCrossEntropy(label, forward(data))
  const run = async () => {
    const value = optimizer.minimize(loss, true)
    await value.data()
    value.dispose()
  }
  return run
}

export async function open() {
  const version = await startWasm(1)
  let run = trainer()
  try {
    await run()
  } catch {
    await tf.setBackend('cpu')
    run = trainer() // seconds a step: the first counts too
  }
  return { info: { version, build: tf.getBackend() }, run }
}
