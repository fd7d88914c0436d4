// SPDX-License-Identifier: Apache-2.0
// Layers of architectures.mjs as an ONNX model (opset 13): enough of protobuf's wire format for the few messages it takes.

const utf8 = new TextEncoder()

function varint(value) {
  const bytes = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest)]
}

const concat = (parts) => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const integer = (field, value) => Uint8Array.from([...varint(field << 3), ...varint(value)])
const bytes = (field, value) => concat([Uint8Array.from([...varint((field << 3) | 2), ...varint(value.length)]), value])
const text = (field, value) => bytes(field, utf8.encode(value))
const message = (field, ...parts) => bytes(field, concat(parts))

const kInt = 2
const kInts = 7
const kFloat = 1

/** AttributeProto: a whole number or a list of them. */
function attribute([name, value]) {
  const type = (n) => integer(20, n)
  if (Array.isArray(value)) return message(5, text(1, name), ...value.map((v) => integer(8, v)), type(kInts))
  return message(5, text(1, name), integer(3, value), type(kInt))
}

const node = (opType, inputs, output, attributes = {}) =>
  message(
    1,
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(4, opType),
    ...Object.entries(attributes).map(attribute),
  )

const tensor = ({ name, dims, data }) => {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return message(5, ...dims.map((dim) => integer(1, dim)), integer(2, kFloat), text(8, name), bytes(9, raw))
}

const valueInfo = (field, name, dims) => {
  const shape = message(2, ...dims.map((dim) => message(1, integer(1, dim))))
  return message(field, text(1, name), message(2, message(1, integer(1, kFloat), shape)))
}

const four = (n) => [n, n, n, n]
const nodes = {
  conv: (l) =>
    node('Conv', l.inputs, l.output, {
      kernel_shape: [l.kernel, l.kernel],
      strides: [l.stride, l.stride],
      pads: four(l.pad),
      group: l.group,
    }),
  relu: (l) => node('Relu', l.inputs, l.output),
  clip: (l) => node('Clip', [...l.inputs, `min${l.min}`, `max${l.max}`], l.output),
  maxPool: (l) =>
    node('MaxPool', l.inputs, l.output, {
      kernel_shape: [l.kernel, l.kernel],
      strides: [l.stride, l.stride],
      pads: [l.pad, l.pad, l.pad, l.pad],
    }),
  globalAverage: (l) => node('GlobalAveragePool', l.inputs, l.output),
  concat: (l) => node('Concat', l.inputs, l.output, { axis: 1 }),
  sum: (l) => node('Add', l.inputs, l.output),
  flatten: (l) => node('Flatten', l.inputs, l.output, { axis: 1 }),
  softmax: (l) => node('Softmax', l.inputs, l.output, { axis: 1 }),
}

const scalar = (name, value) => tensor({ name, dims: [], data: Float32Array.of(value) })

export function toOnnx({ layers, weights, shape }, name) {
  const bounds = layers.filter(({ kind }) => kind === 'clip')
  const scalars = new Map(
    bounds.flatMap(({ min, max }) => [
      [`min${min}`, min],
      [`max${max}`, max],
    ]),
  )
  const graph = message(
    7,
    ...layers.map((layer) => nodes[layer.kind](layer)),
    text(2, name),
    ...weights.map(tensor),
    ...[...scalars].map(([key, value]) => scalar(key, value)),
    valueInfo(11, 'data', shape),
    valueInfo(12, layers.at(-1).output, [shape[0], 1000]),
  )
  return concat([integer(1, 8), graph, message(8, text(1, ''), integer(2, 13))])
}
