// SPDX-License-Identifier: Apache-2.0
import { defaultLabels, parseLabels, topScores } from '../../data/labels.ts'
import { loadTensor } from '../../data/tensor-file.ts'
import type { Predictor } from '../../net/predictor.ts'
import { platform } from '../../platform/index.ts'
import type { Command, Context, Given } from '../arguments.ts'
import { backendOptions, withBackend } from '../context.ts'
import { inputShape, type Model, readModel } from '../model-folder.ts'
import { pictureOf, pictureOptions } from '../picture-options.ts'

export const classify: Command = {
  name: 'classify',
  usage: 'image...',
  few: 1,
  describe: 'Says what is on pictures',
  options: [
    {
      flag: '--model',
      value: 'DIR',
      describe: 'Folder with a Caffe2 or a Caffe pair, or one of its files',
      required: true,
    },
    { flag: '--labels', value: 'FILE', describe: "One label a line, or a JSON list; the model's own unless told" },
    { flag: '--top', value: 'N', describe: 'How many labels', otherwise: 5 },
    { flag: '--output', value: 'BLOB', describe: "The blob with the scores; the net's output unless told" },
    ...pictureOptions,
    ...backendOptions,
    { flag: '--json', describe: 'Prints JSON' },
  ],
  examples: [
    'classify flower.jpg --model squeezenet',
    'classify digit.png --model lenet --scale 0.00390625',
    'classify *.jpg --model resnet --size 224 --crop --rgb --mean=124,117,104 --scale 0.017 --json',
  ],
  async run(given, context) {
    const model = await readModel(given.text('model'))
    for (const warning of model.warnings) context.note(`warning: ${warning}`)
    await withBackend(given, context, async (backend) => {
      const { Predictor } = await import('../../net/predictor.ts')
      const output = given.optional('output')
      const outputs = output === undefined ? undefined : [output]
      const predictor = await Predictor.load(model.init, model.predict, { backend, outputs })
      const found: Classified[] = []
      for (const path of given.positional) {
        context.progress(path)
        found.push(await classifyOne(predictor, model, path, given, context))
      }
      const labels = await labelsOf(given, model, found[0].probabilities.length)
      const { backend: name, threads } = await backend.info()
      report(found, labels, { backend: name, threads }, given, context)
      await predictor.close()
    })
  },
}

interface Classified {
  path: string
  probabilities: ArrayLike<number>
  ms: number
}

async function classifyOne(
  predictor: Predictor,
  model: Model,
  path: string,
  given: Given,
  { signal, note }: Context,
): Promise<Classified> {
  const input = model.preprocessing.input ?? predictor.inputs[0]
  const picture = pictureOf(given, inputShape(model, input), model.preprocessing)
  if (picture.size === undefined) {
    note('the model does not say how large its pictures are; taking 227 (--size changes that)')
    picture.size = 227
  }
  const tensor = await loadTensor(path, picture)
  const start = platform.now()
  const answer = await predictor.run({ [input]: tensor }, { signal })
  const ms = platform.now() - start
  const scores = answer[predictor.outputs.at(-1) as string]
  return { path, probabilities: asProbabilities(scores.data as Float32Array), ms }
}

// Many nets end before the softmax, for training wants it apart.
function asProbabilities(scores: ArrayLike<number>): ArrayLike<number> {
  const values = Array.from(scores)
  const sum = values.reduce((a, b) => a + b, 0)
  if (Math.abs(sum - 1) < 1e-3 && values.every((value) => value >= 0)) return values
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const powers = values.map((value) => Math.exp(value - most))
  const total = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / total)
}

// One label a line, or a JSON list; ImageNet's for a thousand classes.
async function labelsOf(given: Given, model: Model, classes: number): Promise<readonly string[]> {
  const file = given.optional('labels')
  const own = file === undefined ? model.labels : parseLabels(await platform.readText(file))
  return own ?? (await defaultLabels(classes)) ?? []
}

function report(
  found: readonly Classified[],
  labels: readonly string[],
  about: { backend: string; threads: number },
  given: Given,
  { print }: Context,
): void {
  const count = given.count('top') ?? 5
  const images = found.map(({ path, probabilities, ms }) => {
    const ranked = topScores(probabilities, count, labels)
    const results = ranked.map(({ index, label = '', score }) => ({ index, label, probability: score }))
    return { file: path, results, ms }
  })
  if (given.flag('json')) {
    const ms = images.reduce((sum, image) => sum + image.ms, 0)
    const what = images.length === 1 ? { results: images[0].results } : { images }
    print(JSON.stringify({ ...what, ...about, ms }))
    return
  }
  for (const { file, results } of images) {
    if (images.length > 1) print(`${file}:`)
    for (const { index, label, probability } of results) {
      print(`${probability.toFixed(4)}  ${String(index).padStart(4)}  ${label}`)
    }
  }
}
