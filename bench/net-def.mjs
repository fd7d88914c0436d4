// SPDX-License-Identifier: Apache-2.0
// Layers of architectures.mjs as the pair of nets that a Predictor loads.
import { encodeNetDef, netDef, operatorDef } from 'portafilter'

const operators = {
  conv: ['Conv', ({ kernel, stride, pad, group }) => ({ kernel, stride, pad, group })],
  relu: ['Relu', () => ({})],
  clip: ['Clip', ({ min, max }) => ({ min: { float: min }, max: { float: max } })],
  maxPool: ['MaxPool', ({ kernel, stride, pad }) => ({ kernel, stride, pad })],
  globalAverage: ['AveragePool', () => ({ global_pooling: 1 })],
  concat: ['Concat', () => ({ axis: 1 })],
  sum: ['Sum', () => ({})],
  flatten: ['Flatten', () => ({})],
  softmax: ['Softmax', () => ({})],
}

export function toNetDefs({ layers, weights }, name) {
  const op = layers.map(({ kind, inputs, output, ...options }) => {
    const [type, args] = operators[kind]
    const outputs = type === 'Concat' ? [output, `${output}_dims`] : [output]
    return operatorDef(type, inputs, outputs, args(options))
  })
  const externalInput = ['data', ...weights.map((weight) => weight.name)]
  const predict = netDef({ name, op, externalInput, externalOutput: [layers.at(-1).output] })
  const init = netDef({ name: `${name}_init` })
  init.op = weights.map(({ name: blob, dims, data }) =>
    operatorDef('GivenTensorFill', [], [blob], { shape: dims, values: data }),
  )
  return { init: encodeNetDef(init), predict: encodeNetDef(predict) }
}
