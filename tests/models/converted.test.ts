// SPDX-License-Identifier: Apache-2.0
// The nets that our own converter makes give what Caffe2's translations, or ONNX forms of the same models, give.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { convertCaffe } from '../../src/convert/caffe.ts'
import { readNpy } from '../../src/data/npy.ts'
import { topScores } from '../../src/data/labels.ts'
import { Predictor } from '../../src/net/predictor.ts'
import type { ModelCase } from '../../src/verify/case-files.ts'
import { difference, type Tolerance } from '../../src/verify/compare.ts'
import { toleranceOf } from '../../src/verify/model-case.ts'
import { testBackend } from '../kit/backend.ts'
import { shared, sharedJson, sharedTest, sharedText } from '../kit/data.ts'

const backend = testBackend(test)

interface Pair {
  prototxt: string
  caffemodel: string
  layers_dropped?: string[]
}

async function convert(pair: Pair, outputs?: readonly string[]): Promise<Predictor> {
  const model = await convertCaffe({
    prototxt: await sharedText(pair.prototxt),
    caffemodel: await shared(pair.caffemodel),
    drop: pair.layers_dropped,
  })
  return Predictor.load(model.initNet, model.predictNet, { backend: await backend(), outputs })
}

async function compare(predictor: Predictor, input: string, want: Readonly<Record<string, [string, Tolerance]>>) {
  const got = await predictor.run([readNpy(await shared(input))])
  for (const [name, [file, tolerance]] of Object.entries(want)) {
    assert.is(difference(got[name], { name, tensor: readNpy(await shared(file)) }, tolerance), undefined)
  }
}

// det1 on a photo: the translator drops the softmax axis, which Caffe and we keep.
const names = ['cifar10_quick', 'lenet', 'mtcnn_det2', 'mtcnn_det3', 'squeezenet_1_0', 'ultraface_rfb_320']
for (const name of names) {
  sharedTest(test, name, async () => {
    const folder = `golden/models/caffe_${name}/`
    const recorded = await sharedJson<ModelCase>(`${folder}case.json`)
    const { layers_dropped, ...init } = recorded.init_net as Pair
    const pair = { layers_dropped, prototxt: folder + init.prototxt, caffemodel: folder + init.caffemodel }
    const predictor = await convert(
      pair,
      recorded.outputs.map((output) => output.name),
    )
    for (const run of recorded.runs ?? [recorded]) {
      const want = run.outputs.map((blob) => [blob.name, [folder + blob.file, toleranceOf(recorded.noise[blob.name])]])
      await compare(predictor, folder + run.inputs[0].file, Object.fromEntries(want))
    }
    await predictor.close()
  })
}

for (const [photo, index] of Object.entries({ flower: 985, lemon: 951, cat: undefined })) {
  sharedTest(test, `SqueezeNet 1.0 agrees with its ONNX form on ${photo}.jpg`, async () => {
    const predictor = await convert({
      prototxt: 'data/models/squeezenet-1.0-caffe/SqueezeNet_deploy.prototxt',
      caffemodel: 'data/models/squeezenet-1.0-caffe/SqueezeNet_decompressed.caffemodel',
    })
    const [output] = predictor.outputs
    const folder = `data/goldens/squeezenet-1.0-caffe/${photo}`
    const input = readNpy(await shared(`${folder}/in_data.npy`))
    const want = readNpy(await shared(`${folder}/out_pool_final.npy`))
    const got = (await predictor.run([input]))[output]
    await predictor.close()
    const tolerance = { absolute: 1e-4, relative: 1e-4 }
    assert.is(difference({ ...got, shape: want.shape }, { name: output, tensor: want }, tolerance), undefined)
    if (index !== undefined) assert.is(topScores(got.data as Float32Array, 1)[0].index, index)
  })
}

test.run()
