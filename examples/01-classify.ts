// SPDX-License-Identifier: Apache-2.0
// What is on a picture? A trained model answers.
//
//   node 01-classify.mjs picture.jpg deploy.prototxt weights.caffemodel    a Caffe model, converted on the way
//   node 01-classify.mjs picture.jpg predict_net.pb init_net.pb            a Caffe2 model
//
// SIZE, MEAN and SCALE in the environment say how pixels become numbers: (pixel - MEAN) * SCALE, blue first.
import { convertCaffe, defaultLabels, imageTensor, Predictor, platform, topScores } from 'portafilter'

const [picture, graph, weights] = platform.args
if (weights === undefined) throw new Error('give a picture, the graph and the weights of a model')

const model = await load(graph, weights)
await using predictor = await Predictor.load(model.initNet, model.predictNet)
const { backend, build, threads } = await predictor.workspace.backend.info()
platform.print(`${backend} (${build}), ${threads} threads\n`)

const data = await imageTensor(await platform.read(picture), {
  size: Number(platform.env('SIZE') ?? 227),
  fit: 'crop',
  mean: (platform.env('MEAN') ?? '104,117,123').split(',').map(Number),
  scale: Number(platform.env('SCALE') ?? 1),
})
const start = platform.now()
const outputs = await predictor.run([data])
const scores = outputs[predictor.outputs[0]]
platform.print(`${(platform.now() - start).toFixed(1)} ms\n`)

const labels = (await defaultLabels(scores.data.length)) ?? []
for (const { index, score, label = '' } of topScores(scores.data as Float32Array, 5, labels)) {
  platform.print(`${score.toFixed(4).padStart(9)}  ${index}  ${label}\n`)
}

async function load(graph: string, weights: string) {
  if (graph.endsWith('.prototxt')) {
    const caffe = await convertCaffe({
      prototxt: await platform.readText(graph),
      caffemodel: await platform.read(weights),
    })
    for (const warning of caffe.warnings) platform.print(`${warning}\n`, 'error')
    return caffe
  }
  return { predictNet: await platform.read(graph), initNet: await platform.read(weights) }
}
