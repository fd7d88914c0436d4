// SPDX-License-Identifier: Apache-2.0
// Training of a classifier of pictures as Caffe2's resnet50_trainer does it: input from a database or synthetic, replicas
// on GPUs or the CPU, epochs, tests, checkpoints from which it goes on.
import type { Precision } from '../backend/backend.ts'
import { type Tensor, tensor } from '../core/tensor.ts'
import { imageInput, openDatabase } from '../data/image-input.ts'
import { brew } from '../net/brew.ts'
import { exportModel, type ExportedModel } from '../net/export.ts'
import { ModelHelper } from '../net/model-helper.ts'
import { argument, type NetDef } from '../net/net-def.ts'
import { addWeightDecay } from '../optimizer/weight-decay.ts'
import { buildSgd } from '../optimizer/sgd.ts'
import { type DataParallel, dataParallel, type ReplicaPlace, type StepTimes } from '../parallel/data-parallel.ts'
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import { randomIntegers } from '../util/random.ts'

export interface ImageTrainerOptions {
  /** Adds the layers between the blob `data` and the scores, and answers the blob of the scores. */
  layers: (model: ModelHelper, isTest: boolean) => string
  name?: string
  /** Database to train on; without it the pictures are synthetic, the same in each step. */
  trainData?: string
  testData?: string
  dbType?: string
  /** Records are Caffe's Datum, not Caffe2's TensorProtos. */
  caffeDatum?: boolean
  imageSize: number
  /** The shorter side of pictures before the cut, 256 unless told, or imageSize where that is more. */
  scale?: number
  /** Cut at random in size and form, as Inception's training does. */
  scaleJitter?: boolean
  numChannels?: number
  numLabels: number
  /** Pictures of a step, of all replicas together. */
  batchSize: number
  baseLearningRate: number
  weightDecay?: number
  /** Steps after which the rate falls to a tenth, and again. */
  rateSteps?: number
  /** A broken picture is an error, in place of being skipped and counted. */
  strict?: boolean
  /** Of each replica; the processors are divided among them unless told. */
  decodeThreads?: number
  devices?: readonly number[]
  replicas?: number
  precision?: Precision
  seed?: number
}

/** What the last batch said, on replica 0. */
export interface Outcome {
  readonly loss: number
  readonly accuracy: number
}

const kLoss = 'loss'
const kAccuracy = 'accuracy'
const input = { reader: 'reader', first: 'first_batch', data: 'data', label: 'label', counts: 'input_counts' }
const testInput = { ...input, reader: 'test_reader', first: 'test_first', counts: 'test_counts' }

export class ImageTrainer {
  readonly replicas: DataParallel
  readonly options: ImageTrainerOptions
  #steps = 0
  #started = false
  #test: string | undefined

  private constructor(options: ImageTrainerOptions, replicas: DataParallel) {
    this.options = options
    this.replicas = replicas
  }

  static async open(options: ImageTrainerOptions): Promise<ImageTrainer> {
    for (const path of [options.trainData, options.testData]) {
      if (path !== undefined && !(await platform.exists(path))) {
        throw new PfError('file', `there is no database ${path}; \`portafilter make-image-db\` makes one of a folder`)
      }
    }
    const model = await trainingModel(options)
    const { devices, replicas, precision, seed = 1 } = options
    const group = await dataParallel(model, {
      seed,
      adapt: (nets, place) => adapt(nets.net, options, place),
      ...(devices && { devices }),
      ...(replicas !== undefined && { replicas }),
      ...(precision && { precision }),
    })
    return new ImageTrainer(options, group)
  }

  /** Steps done, also those before a checkpoint that was loaded. */
  get steps(): number {
    return this.#steps
  }

  get batchOfReplica(): number {
    return this.options.batchSize / this.replicas.workers
  }

  /** Trains some steps. GPUs queue them. */
  async step(count = 1): Promise<void> {
    if (!this.#started) await this.#start()
    await this.replicas.step(count)
    this.#steps += count
  }

  /** Waits for the steps queued. */
  async outcome(): Promise<Outcome> {
    const loss = Number((await this.replicas.fetch(kLoss)).data[0])
    return { loss, accuracy: Number((await this.replicas.fetch(kAccuracy)).data[0]) }
  }

  /** Over all processes: pictures read, those of them that were broken, and seconds that replicas waited for pictures. */
  async inputCounts(): Promise<{ pictures: number; skipped: number; waited: number }> {
    const sums = [0, 0, 0]
    if (this.options.trainData !== undefined && this.#started) {
      for (const workspace of this.replicas.workspaces) {
        const counts = Array.from((await workspace.fetchBlob(input.counts)).data, Number)
        for (const [i, count] of counts.entries()) sums[i] += count
      }
    }
    const [pictures, skipped, microseconds] = await this.replicas.sum(sums)
    return { pictures, skipped, waited: microseconds / 1e6 }
  }

  /** The share of right answers in so many batches of the test data, over all processes. */
  async test(batches: number): Promise<number> {
    if (!(batches >= 1)) throw new PfError('argument', `a test has 1 batch or more, found ${batches}`)
    this.#test ??= await this.#openTest()
    let right = 0
    for (let i = 0; i < batches; i++) {
      await this.replicas.runNet(this.#test)
      for (const [k] of this.replicas.workspaces.entries()) {
        right += Number((await this.replicas.fetch(`test_${kAccuracy}`, k)).data[0])
      }
    }
    const [sum] = await this.replicas.sum([right])
    return sum / (batches * this.replicas.workers)
  }

  /** Writes a checkpoint, whole or not at all. */
  async save(path: string): Promise<void> {
    await this.replicas.save(path, { steps: this.#steps })
  }

  /** Goes on from a checkpoint; before the first step. */
  async load(path: string): Promise<void> {
    if (this.#started) throw new PfError('argument', `${path} must be loaded before the first step`)
    const { steps } = await this.replicas.load(path)
    if (steps === undefined) throw new PfError('format', `${path} does not say after how many steps it was saved`)
    this.#steps = steps
  }

  /** The model as it is now, for prediction: softmax of `data`. */
  async exported(): Promise<ExportedModel> {
    const model = new ModelHelper({ name: this.options.name ?? 'model', initParams: false })
    brew.softmax(model, this.options.layers(model, true), 'softmax')
    return exportModel(this.replicas.workspaces[0], model.net, model.allParams)
  }

  /** Steps on, and says where their time goes. Pictures come in another order afterwards. */
  async profile(steps: number): Promise<StepTimes> {
    if (!this.#started) await this.#start()
    return this.replicas.profile(steps)
  }

  close(): Promise<void> {
    return this.replicas.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #start(): Promise<void> {
    const { trainData } = this.options
    if (trainData === undefined) await this.#feedSynthetic()
    else await this.#openReaders(trainData, input, this.#steps)
    this.#started = true
  }

  async #openReaders(path: string, blobs: { reader: string; first: string }, first: number): Promise<void> {
    const { workspaces, workerNumbers, workers: shards } = this.replicas
    const type = this.options.dbType ?? 'lmdb'
    for (const [i, workspace] of workspaces.entries()) {
      await openDatabase(workspace, blobs.reader, { path, type, shard: workerNumbers[i], shards })
      await workspace.feedBlob(blobs.first, tensor([BigInt(first)], [1], 'int64'))
    }
  }

  async #openTest(): Promise<string> {
    const { testData } = this.options
    if (testData === undefined) throw new PfError('argument', 'there is no test data to test with')
    const model = new ModelHelper({ name: `${this.options.name ?? 'model'}_test`, initParams: false })
    readPictures(model, this.options, testInput, { is_test: true, batch_size: this.batchOfReplica })
    const scores = this.options.layers(model, true)
    brew.accuracy(model, [scores, testInput.label], `test_${kAccuracy}`)
    await this.#openReaders(testData, testInput, 0)
    return this.replicas.createNet(model.net)
  }

  // Each replica has a batch of its own, the same in each step.
  async #feedSynthetic(): Promise<void> {
    const { imageSize, numChannels = 3, numLabels } = this.options
    const shape = [this.batchOfReplica, numChannels, imageSize, imageSize]
    for (const [i, worker] of this.replicas.workerNumbers.entries()) {
      const label = Int32Array.from({ length: shape[0] }, (_, k) => (worker * shape[0] + k * 37) % numLabels)
      await this.replicas.feed(i, { data: noise(shape, worker + 1), label: tensor(label) })
    }
  }
}

function noise(shape: readonly number[], seed: number): Tensor {
  const random = randomIntegers(seed)
  const size = shape.reduce((a, b) => a * b)
  return tensor(
    Float32Array.from({ length: size }, () => random(256) / 128 - 1),
    shape,
  )
}

async function trainingModel(options: ImageTrainerOptions): Promise<ModelHelper> {
  const { name = 'model', baseLearningRate, weightDecay = 0, rateSteps } = options
  const model = new ModelHelper({ name })
  if (options.trainData !== undefined) {
    readPictures(model, options, input, { mirror: true, scale_jitter_type: options.scaleJitter ? 1 : 0 })
  }
  const scores = options.layers(model, false)
  model.net.add('SoftmaxWithLoss', [scores, input.label], ['softmax', kLoss])
  brew.accuracy(model, ['softmax', input.label], kAccuracy)
  await model.addGradientOperators([kLoss])
  if (weightDecay > 0) addWeightDecay(model, weightDecay)
  const rate = rateSteps === undefined ? {} : { policy: 'step', stepsize: rateSteps, gamma: 0.1 }
  buildSgd(model, { baseLearningRate, momentum: 0.9, nesterov: true, ...rate })
  return model
}

interface InputDetails {
  batch_size?: number
  is_test?: boolean
  mirror?: boolean
  scale_jitter_type?: number
}

function readPictures(
  model: ModelHelper,
  options: ImageTrainerOptions,
  blobs: typeof input,
  details: InputDetails,
): void {
  const { imageSize: crop, numChannels = 3, scale = Math.max(256, crop), strict = false, caffeDatum = false } = options
  const pixels = { crop, scale, mean: 128, std: 128, color: numChannels === 3 }
  const records = { use_caffe_datum: caffeDatum, skip_broken: !strict }
  const decode_threads = options.decodeThreads ?? Math.max(1, Math.min(64, platform.cores()))
  imageInput(model, blobs, { ...pixels, ...records, decode_threads, batch_size: 0, ...details })
}

// What differs between replicas, or is known only when they are.
function adapt(net: NetDef, options: ImageTrainerOptions, { workers }: ReplicaPlace): void {
  const { batchSize, decodeThreads } = options
  if (batchSize % workers !== 0 || batchSize < workers) {
    const [less, more] = [
      Math.floor(batchSize / workers) * workers,
      Math.max(1, Math.ceil(batchSize / workers)) * workers,
    ]
    const advice = less > 0 ? `${less} or ${more}` : more
    const found = `a batch of ${batchSize} pictures cannot be divided among ${workers} replicas`
    throw new PfError('argument', `${found}; take ${advice}`)
  }
  const read = net.op.find(({ type }) => type === 'ImageInput')
  if (read) {
    const threads = decodeThreads ?? Math.max(1, Math.floor(Math.min(64, platform.cores()) / workers))
    const set = { batch_size: batchSize / workers, decode_threads: threads }
    const others = read.arg.filter(({ name }) => name === undefined || !(name in set))
    read.arg = [...others, ...Object.entries(set).map(([name, value]) => argument(name, value))]
  }
  // The net is planned: operators are fused, and only what is named here can be fetched or changed elsewhere.
  const state = net.op.flatMap(({ type, output }) => (type === 'MomentumSGDUpdate' ? output.slice(1) : []))
  const keep = [kLoss, kAccuracy, ...state, ...(read ? [input.counts] : [])]
  net.externalOutput = keep
  net.arg.push(argument('pf.optimize', 1), argument('pf.keep', keep))
}
