// SPDX-License-Identifier: Apache-2.0
// Against nets that Caffe2's own caffe_translator wrote: every operator, and the bytes of every weight.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { convertCaffe } from '../../src/convert/caffe.ts'
import { decodeNetDef, getArgument } from '../../src/net/net-def.ts'
import { shared, sharedJson, sharedTest, sharedText } from '../kit/data.ts'

interface Case {
  init_net: {
    prototxt: string
    caffemodel: string
    layers_dropped: string[]
    blobs: { name: string; dims: number[]; sha256: string }[]
  }
}

const models = [
  'lenet',
  'cifar10_quick',
  'squeezenet_1_0',
  'mtcnn_det1',
  'mtcnn_det2',
  'mtcnn_det3',
  'ultraface_rfb_320',
]

const inside = (folder: string, path: string) => new URL(path, `file:///${folder}/`).pathname.slice(1)

async function sha256(data: Float32Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytesOf(data))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const bytesOf = (data: Float32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()

for (const name of models) {
  sharedTest(test, `${name} is what caffe_translator makes of it`, async () => {
    const folder = `golden/models/caffe_${name}`
    const { init_net: source } = await sharedJson<Case>(`${folder}/case.json`)
    const model = await convertCaffe({
      prototxt: await sharedText(inside(folder, source.prototxt)),
      caffemodel: await shared(inside(folder, source.caffemodel)),
      drop: source.layers_dropped,
    })
    const golden = decodeNetDef(await shared(`${folder}/predict_net.pb`))
    assert.is(model.predictNet.op.length, golden.op.length)
    const fields = ({ input, output, type, arg }: (typeof golden.op)[number]) => ({
      input,
      output,
      type,
      arg: arg.map(set),
    })
    for (const [i, op] of golden.op.entries()) assert.equal(fields(model.predictNet.op[i]), fields(op), `operator ${i}`)
    assert.equal(model.predictNet.externalInput, golden.externalInput)
    for (const output of golden.externalOutput) assert.ok(model.predictNet.externalOutput.includes(output))
    for (const { name: blob, dims, sha256: expected } of source.blobs) {
      const fill = model.initNet.op.find((op) => op.output[0] === blob)
      assert.ok(fill, blob)
      assert.equal(getArgument(fill, 'shape'), dims, blob)
      assert.is(await sha256(fill.arg[1].floats as Float32Array), expected, blob)
    }
    assert.is(model.initNet.op.length, source.blobs.length + 1)
  })
}

// What an argument sets, without the empty lists that decoding adds.
function set(arg: object): object {
  return Object.fromEntries(Object.entries(arg).filter(([, value]) => !Array.isArray(value) || value.length > 0))
}

test.run()
