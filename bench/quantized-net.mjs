// SPDX-License-Identifier: Apache-2.0
// Layers of architectures.mjs as quantized nets: ranges of activations are those of a run of the float net.
import { encodeNetDef, netDef, operatorDef } from 'portafilter'

const nhwc = { order: 'NHWC' }

/** Scale and zero point under which a byte spans from the least to the greatest, 0 among them. */
function spanning(values) {
  let low = 0
  let high = 0
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  const scale = Math.fround((high - low) / 255 || 1)
  return { scale, zero: Math.round(-low / scale) }
}

const target = ({ scale, zero }) => ({ Y_scale: { float: scale }, Y_zero_point: zero })

/** [M, C, kernel, kernel] as bytes [M, kernel, kernel, C]. */
function packFilter({ dims: [outs, channels, height, width], data }, { scale, zero }) {
  const taps = height * width
  const bytes = new Uint8Array(data.length)
  for (let m = 0; m < outs; m++) {
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < taps; t++) {
        const value = Math.round(data[(m * channels + c) * taps + t] / scale) + zero
        bytes[(m * taps + t) * channels + c] = Math.min(255, Math.max(0, value))
      }
    }
  }
  return { bytes, shape: [outs, height, width, channels] }
}

/**
 * The pair of nets of a classifier. `activations`: the float outputs of all layers, by name. A convolution takes the
 * clip or relu behind it; the softmax at the end is of floats.
 */
export function toQuantizedNetDefs({ layers, weights }, name, data, activations) {
  const weight = new Map(weights.map((each) => [each.name, each]))
  const quantizedAs = new Map([['data', spanning(data)]])
  const init = []
  const op = [operatorDef('Int8Quantize', ['data'], ['data_q'], target(quantizedAs.get('data')))]
  const sameAs = new Map()
  const of = (blob) => `${sameAs.get(blob) ?? blob}_q`

  const convolve = (layer, output, fused) => {
    const [x, w, b] = layer.inputs
    const from = quantizedAs.get(x)
    const kind = spanning(weight.get(w).data)
    const to = spanning(activations[output])
    const { bytes, shape } = packFilter(weight.get(w), kind)
    init.push(operatorDef('Int8GivenTensorFill', [], [of(w)], { values: bytes, shape, ...target(kind) }))
    const scale = Math.fround(from.scale * kind.scale)
    const bias = Int32Array.from(weight.get(b).data, (value) => Math.round(value / scale))
    const biasArgs = { values: bias, shape: [bias.length], Y_scale: { float: scale } }
    init.push(operatorDef('Int8GivenIntTensorFill', [], [of(b)], biasArgs))
    const { kernel, stride, pad, group } = layer
    const single = activations[x].length === shape[3] && shape[1] * shape[2] === 1
    const type = `${single ? 'Int8FC' : 'Int8Conv'}${fused ? 'Relu' : ''}`
    const window = single ? {} : { kernel, stride, pad, group }
    op.push(operatorDef(type, [of(x), of(w), of(b)], [of(output)], { ...window, ...nhwc, ...target(to) }))
    quantizedAs.set(output, to)
  }

  for (let i = 0; i < layers.length; i++) {
    const { kind, inputs, output } = layers[i]
    if (kind === 'conv') {
      const fused = ['clip', 'relu'].includes(layers[i + 1]?.kind)
      convolve(layers[i], fused ? layers[++i].output : output, fused)
    } else if (kind === 'sum') {
      quantizedAs.set(output, spanning(activations[output]))
      op.push(operatorDef('Int8Sum', inputs.map(of), [of(output)], target(quantizedAs.get(output))))
    } else if (kind === 'globalAverage' && activations[output].length === activations[inputs[0]].length) {
      sameAs.set(output, inputs[0]) // the mean of a single pixel
    } else if (kind === 'globalAverage') {
      quantizedAs.set(output, quantizedAs.get(inputs[0]))
      const args = { global_pooling: 1, ...nhwc, ...target(quantizedAs.get(output)) }
      op.push(operatorDef('Int8AveragePool', inputs.map(of), [of(output)], args))
    } else if (kind === 'flatten') {
      op.push(operatorDef('Int8Dequantize', [of(inputs[0])], [output]))
    } else if (kind === 'softmax') {
      op.push(operatorDef('Softmax', inputs, [output]))
    } else throw new Error(`${kind} is not among the layers that are quantized here`)
  }
  const externalInput = ['data', ...init.flatMap((each) => each.output)]
  const predict = netDef({ name: `${name}_int8`, op, externalInput, externalOutput: [layers.at(-1).output] })
  const filled = netDef({ name: `${name}_int8_init` })
  filled.op = init
  return { init: encodeNetDef(filled), predict: encodeNetDef(predict) }
}
