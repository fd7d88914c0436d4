// SPDX-License-Identifier: Apache-2.0
// Converted Caffe models on data they were not trained on: they must be right as often as Caffe's are.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { convertCaffe } from '../../src/convert/caffe.ts'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { decodeImage, type Image } from '../../src/data/image.ts'
import { Predictor } from '../../src/net/predictor.ts'
import { testBackend } from '../kit/backend.ts'
import { shared, sharedJson, sharedTest, sharedText } from '../kit/data.ts'

const backend = testBackend(test)
const kCount = 1000
const kBatch = 100

async function convert(folder: string, prototxt: string, caffemodel: string): Promise<Predictor> {
  const model = await convertCaffe({
    prototxt: await sharedText(`data/models/${folder}/${prototxt}`),
    caffemodel: await shared(`data/models/${folder}/${caffemodel}`),
  })
  return Predictor.load(model.initNet, model.predictNet, { backend: await backend() })
}

/** The share of `count` images whose highest score is their label's. */
async function accuracy(
  predictor: Predictor,
  batchOf: (first: number) => Tensor,
  labels: readonly number[],
): Promise<number> {
  let right = 0
  for (let first = 0; first < kCount; first += kBatch) {
    const answer = await predictor.run([batchOf(first)])
    const scores = answer[predictor.outputs.at(-1) as string].data as Float32Array
    const classes = scores.length / kBatch
    for (let i = 0; i < kBatch; i++) {
      const row = scores.subarray(i * classes, (i + 1) * classes)
      if (row.indexOf(Math.max(...row)) === labels[first + i]) right++
    }
  }
  return right / kCount
}

sharedTest(test, 'LeNet is right on at least 98.5 % of a thousand test digits', async () => {
  const image = await decodeImage(await shared('data/datasets/mnist-convnetjs/mnist_batch_20.png'))
  const labels = (await sharedJson<number[]>('data/datasets/mnist-convnetjs/mnist_labels.json')).slice(60000)
  const size = 28 * 28
  const batchOf = (first: number) => {
    const data = new Float32Array(kBatch * size)
    for (let i = 0; i < data.length; i++) data[i] = image.data[(first * size + i) * image.channels] / 256
    return tensor(data, [kBatch, 1, 28, 28])
  }
  const predictor = await convert('lenet-caffe', 'lenet.prototxt', 'lenet_iter_10000.caffemodel')
  const share = await accuracy(predictor, batchOf, labels)
  await predictor.close()
  assert.ok(share >= 0.985, `it is right on ${(100 * share).toFixed(1)} %`)
})

const cifar = (batch: number) => shared(`data/datasets/cifar10-convnetjs/cifar10_batch_${batch}.png`)

/** The mean of every pixel and channel over the training images. */
async function meanImage(): Promise<Float64Array> {
  const mean = new Float64Array(3072)
  const batches = 4
  for (let batch = 0; batch < batches; batch++) {
    const { channels, data, height } = await decodeImage(await cifar(batch))
    for (let i = 0; i < height * 1024; i++) {
      for (let c = 0; c < 3; c++) mean[c * 1024 + (i % 1024)] += data[i * channels + c] / (batches * height)
    }
  }
  return mean
}

function cifarBatch({ channels, data }: Image, first: number, mean: Float64Array): Tensor {
  const out = new Float32Array(kBatch * 3072)
  for (let image = 0; image < kBatch; image++) {
    for (let i = 0; i < 3072; i++) {
      const pixel = (first + image) * 1024 + (i % 1024)
      out[image * 3072 + i] = data[pixel * channels + Math.floor(i / 1024)] - mean[i]
    }
  }
  return tensor(out, [kBatch, 3, 32, 32])
}

sharedTest(test, 'CIFAR-10 quick is right on at least 73 % of a thousand test images', async () => {
  const labels = (await sharedJson<number[]>('data/datasets/cifar10-convnetjs/cifar10_labels.json')).slice(50000)
  const [mean, image] = [await meanImage(), await decodeImage(await cifar(50))]
  const predictor = await convert('cifar10-quick-caffe', 'cifar10_quick.prototxt', 'cifar10_quick_iter_5000.caffemodel')
  const share = await accuracy(predictor, (first) => cifarBatch(image, first, mean), labels)
  await predictor.close()
  assert.ok(share >= 0.73, `it is right on ${(100 * share).toFixed(1)} %`)
})

test.run()
