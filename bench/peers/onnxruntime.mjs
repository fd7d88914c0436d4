// SPDX-License-Identifier: Apache-2.0
// A net of architectures.mjs as ONNX in an onnxruntime, which is given.
import { architectures, picture } from '../architectures.mjs'
import { toOnnx } from './onnx.mjs'

export async function openSession(ort, options, { model, batch, size }) {
  const net = architectures[model]({ batch, size })
  const data = picture(net.shape)
  const session = await ort.InferenceSession.create(toOnnx(net, model), options)
  return async () => {
    const outputs = await session.run({ data: new ort.Tensor('float32', data, net.shape) })
    return Object.values(outputs)[0].data
  }
}
