// SPDX-License-Identifier: Apache-2.0
// Trains ResNet-50 as Caffe2's resnet50_trainer does, with its flags: on pictures in a database, or synthetic ones, on
// GPUs or the CPU, in one process or several that mpirun starts.
//
//   node build/example.mjs resnet50-trainer --train_data null --gpus 0,1 --batch_size 256 --dtype float16
//   portafilter make-image-db --folder imagenet/train --out train.lmdb
//   mpirun -np 2 node build/example.mjs resnet50-trainer --train_data train.lmdb --test_data val.lmdb --num_gpus 2
import { type ModelHelper, PfError, platform } from 'portafilter'
import {
  type FlagValues,
  ImageTrainer,
  type ImageTrainerOptions,
  measureScaling,
  type ResNetOptions,
  resnet32x32,
  resnet50,
  runScript,
  scalingChart,
} from 'portafilter/train'

const byMpi = 'processes find each other through mpirun: mpirun -np N node …'
const known = {
  train_data: { text: 'null', about: 'database of pictures; null: synthetic ones' },
  test_data: { text: '', about: 'database to test with after each epoch' },
  db_type: { text: 'lmdb', about: 'lmdb or minidb' },
  use_caffe_datum: { switch: true, about: "records are Caffe's" },
  gpus: { text: '', about: 'numbers of the GPUs, as in 0,1' },
  num_gpus: { number: 1, about: 'how many GPUs, where gpus does not say which' },
  use_cpu: { switch: true, about: 'train on the CPU' },
  num_cpu_replicas: { number: 1, about: 'with use_cpu: replicas of the net in a process' },
  model: { text: 'resnet50', about: 'resnet50, or resnet14 for pictures of 32 x 32' },
  num_channels: { number: 3, about: 'of the pictures: 3, or 1 for grey' },
  image_size: { number: 224, about: 'height and width of what the net sees' },
  scale: { number: 0, about: 'shorter side before the cut; 0: 256, or image_size where that is more' },
  scale_jitter: { switch: true, about: 'cut at random in size and form' },
  num_labels: { number: 1000, about: 'classes' },
  batch_size: { number: 32, about: 'pictures of a step, of all GPUs together' },
  epoch_size: { number: 1_500_000, about: 'pictures of an epoch' },
  num_epochs: { number: 1000, about: 'epochs in all' },
  test_iterations: { number: 100, about: 'batches of a test' },
  base_learning_rate: { number: 0.1, about: 'learning rate; a tenth of it after every 30 epochs' },
  weight_decay: { number: 1e-4, about: 'share of the weights that each step takes off' },
  bn_momentum: { number: 0.9, about: 'what each step keeps of running means and variances; Caffe2 has 0.1' },
  dtype: { text: 'float', about: 'float or float16' },
  enable_tensor_core: { switch: true, about: 'with float: matrix units may round to tf32' },
  float16_compute: { switch: true, about: 'of no effect: updates are float32' },
  decode_threads: { number: 0, about: 'threads that decode for each replica; 0: as many as there are processors' },
  strict: { switch: true, about: 'a broken picture is an error' },
  save_model_name: { text: 'resnet50_model', about: 'begins the names of checkpoints' },
  file_store_path: { text: 'resnet50-checkpoints', about: 'folder of checkpoints' },
  checkpoint_every: { number: 0, about: 'a checkpoint after so many steps, beside those after each epoch' },
  load_model_path: { text: '', about: 'checkpoint to go on from; last: the newest one in file_store_path' },
  report_every: { number: 20, about: 'steps between two lines' },
  profile: { number: 10, about: 'steps at the end that are taken apart: where the time goes' },
  scaling_chart: { text: '', about: 'an SVG of how it scales from one GPU to all, measured at the end in one process' },
  seed: { number: 1, about: 'of initial weights and what is random in the input' },
  num_shards: { refused: byMpi },
  shard_id: { refused: byMpi },
  run_id: { refused: byMpi },
  redis_host: { refused: byMpi },
  redis_port: { refused: byMpi },
  distributed_transport: { refused: byMpi },
  distributed_interfaces: { refused: byMpi },
  model_parallel: { refused: 'a net lies on one GPU here' },
  cudnn_workspace_limit_mb: { refused: 'plans are timed, and the fastest that fits is taken' },
} as const

type Flags = FlagValues<typeof known>

const models = {
  resnet50: (model: ModelHelper, options: ResNetOptions) => resnet50(model, { ...options, poolPad: 1 }),
  resnet14: (model: ModelHelper, options: ResNetOptions) => resnet32x32(model, 1, options),
}

function check({ epoch_size, batch_size, model, dtype }: Flags): void {
  const wrong = (text: string) => new PfError('argument', text)
  if (!(batch_size >= 1)) throw wrong(`--batch_size must be 1 or more, found ${batch_size}`)
  if (epoch_size < batch_size) throw wrong(`--epoch_size ${epoch_size} is less than --batch_size ${batch_size}`)
  if (!(model in models)) throw wrong(`--model takes ${Object.keys(models).join(' or ')}, found "${model}"`)
  if (dtype !== 'float' && dtype !== 'float16') throw wrong(`--dtype takes float or float16, found "${dtype}"`)
}

function optionsOf(flags: Flags): ImageTrainerOptions {
  const cpu = { devices: [], replicas: flags.num_cpu_replicas }
  const devices = flags.gpus ? flags.gpus.split(',').map(Number) : Array.from({ length: flags.num_gpus }, (_, i) => i)
  return {
    name: flags.model,
    layers: (model, isTest) => {
      const norm = { bnMomentum: flags.bn_momentum, bnEpsilon: 1e-5, noBias: true }
      const io = { numLabels: flags.num_labels, numInputChannels: flags.num_channels }
      return models[flags.model as keyof typeof models](model, { ...norm, ...io, isTest })
    },
    ...(flags.train_data !== 'null' && { trainData: flags.train_data }),
    ...(flags.test_data && { testData: flags.test_data }),
    dbType: flags.db_type,
    caffeDatum: flags.use_caffe_datum,
    imageSize: flags.image_size,
    ...(flags.scale > 0 && { scale: flags.scale }),
    scaleJitter: flags.scale_jitter,
    numChannels: flags.num_channels,
    numLabels: flags.num_labels,
    batchSize: flags.batch_size,
    baseLearningRate: flags.base_learning_rate,
    weightDecay: flags.weight_decay,
    rateSteps: 30 * Math.floor(flags.epoch_size / flags.batch_size),
    strict: flags.strict,
    ...(flags.decode_threads > 0 && { decodeThreads: flags.decode_threads }),
    ...(flags.use_cpu ? cpu : { devices }),
    precision: flags.dtype === 'float16' ? 'fp16' : flags.enable_tensor_core ? 'tf32' : 'fp32',
    seed: flags.seed,
  }
}

class Training {
  readonly #trainer: ImageTrainer
  readonly #flags: Flags
  /** Of an epoch. */
  readonly #steps: number
  readonly #folder: string

  constructor(trainer: ImageTrainer, flags: Flags) {
    this.#trainer = trainer
    this.#flags = flags
    this.#steps = Math.floor(flags.epoch_size / flags.batch_size)
    this.#folder = flags.file_store_path.replace(/\/$/, '')
  }

  async run(): Promise<void> {
    const [trainer, flags] = [this.#trainer, this.#flags]
    const { processes, workers, devices } = trainer.replicas
    const where = devices.length > 0 ? 'GPUs' : 'the CPU'
    this.#say(`${flags.model}: ${workers} replicas in ${processes} processes, on ${where}, ${flags.dtype}`)
    const pictures = flags.train_data === 'null' ? 'synthetic' : `from ${flags.train_data}`
    this.#say(`${trainer.batchOfReplica} pictures for each replica in a step, ${pictures}`)
    if (flags.load_model_path) {
      const newest = flags.load_model_path === 'last'
      const path = newest ? await platform.readText(this.#newest) : flags.load_model_path
      await trainer.load(path)
      this.#say(`Going on from ${path}: ${trainer.steps} steps are done`)
    }
    // What it was trained with; the folder is there from now on.
    const settings = `${this.#folder}/${flags.save_model_name}.json`
    if (trainer.replicas.rank === 0) await platform.write(settings, `${JSON.stringify(flags, undefined, 2)}\n`)
    const [start, before] = [performance.now(), trainer.steps]
    for (let epoch = Math.floor(before / this.#steps); epoch < flags.num_epochs; epoch++) await this.#epoch(epoch)
    const rate = ((trainer.steps - before) * flags.batch_size * 1000) / (performance.now() - start)
    this.#say(`Total throughput: ${rate.toFixed(2)} images/sec, with tests and checkpoints`)
    await this.#export()
    if (flags.profile > 0) await this.#tellWhereTimeGoes(flags.profile)
  }

  async #epoch(epoch: number): Promise<void> {
    const [trainer, flags] = [this.#trainer, this.#flags]
    let [since, done] = [performance.now(), 0]
    for (let i = trainer.steps - epoch * this.#steps + 1; i <= this.#steps; i++) {
      await trainer.step()
      done++
      if (flags.checkpoint_every > 0 && trainer.steps % flags.checkpoint_every === 0) await this.#save('step')
      if (done < flags.report_every && i < this.#steps) continue
      const { loss, accuracy } = await trainer.outcome()
      const rate = (done * flags.batch_size * 1000) / (performance.now() - since)
      this.#say(`Finished iteration ${i}/${this.#steps} of epoch ${epoch} (${rate.toFixed(2)} images/sec)`)
      this.#say(`Training loss: ${loss.toFixed(6)}, accuracy: ${accuracy.toFixed(4)}`)
      if (!Number.isFinite(loss)) throw new PfError('value', `the loss is ${loss}: try a lower --base_learning_rate`)
      ;[since, done] = [performance.now(), 0]
    }
    await this.#tellInput(epoch)
    if (flags.test_data) {
      const accuracy = await trainer.test(flags.test_iterations)
      this.#say(`Test accuracy after epoch ${epoch}: ${accuracy.toFixed(4)}`)
    }
    await this.#save(String(epoch))
  }

  // A checkpoint, and then the word that it is the newest: both are whole whenever the process ends.
  async #save(which: string): Promise<void> {
    const path = `${this.#folder}/${this.#flags.save_model_name}_${which}.mdl`
    await this.#trainer.save(path)
    if (this.#trainer.replicas.rank === 0) {
      await platform.write(`${this.#newest}.unfinished`, path)
      await platform.rename(`${this.#newest}.unfinished`, this.#newest)
    }
    this.#say(`Saved ${path}`)
  }

  async #export(): Promise<void> {
    const { initNet, predictNet } = await this.#trainer.exported()
    if (this.#trainer.replicas.rank !== 0) return
    await platform.write(`${this.#folder}/init_net.pb`, initNet)
    await platform.write(`${this.#folder}/predict_net.pb`, predictNet)
    this.#say(`Saved ${this.#folder}/init_net.pb and predict_net.pb, for prediction`)
  }

  async #tellInput(epoch: number): Promise<void> {
    const { pictures, skipped, waited } = await this.#trainer.inputCounts()
    if (pictures === 0) return
    const seconds = `${waited.toFixed(2)} s waited for pictures`
    this.#say(`Input up to epoch ${epoch}: ${pictures} pictures, ${skipped} broken ones skipped, ${seconds}`)
  }

  async #tellWhereTimeGoes(steps: number): Promise<void> {
    const times = await this.#trainer.profile(steps)
    const part = (ms: number) => `${ms.toFixed(2)} ms (${((100 * ms) / times.step).toFixed(1)} %)`
    this.#say(`A step takes ${times.step.toFixed(2)} ms: input ${part(times.input)}, copies ${part(times.copies)},`)
    const rest = `all-reduce that is not hidden ${part(times.allReduce)}, idle ${part(times.idle)}`
    this.#say(`  compute ${part(times.compute)}, ${rest}`)
  }

  get #newest(): string {
    return `${this.#folder}/${this.#flags.save_model_name}_newest.txt`
  }

  #say(text: string): void {
    if (this.#trainer.replicas.rank === 0) platform.print(`${text}\n`)
  }
}

/** Answers how many replicas there were. */
async function train(flags: Flags): Promise<number> {
  await using trainer = await ImageTrainer.open(optionsOf(flags))
  await new Training(trainer, flags).run()
  return trainer.replicas.workers
}

async function drawScaling(flags: Flags, workers: number): Promise<void> {
  const { layers, numLabels, numChannels, precision, imageSize, trainData } = optionsOf(flags)
  const batch = flags.batch_size / workers
  const { machine, rows, rank } = await measureScaling({
    counts: [...[1, 2, 4, 8, 16].filter((count) => count < workers), workers],
    onCpu: flags.use_cpu,
    precision: precision ?? 'fp32',
    net: { layers, numLabels, ...(numChannels && { numChannels }) },
    batch,
    imageSize,
    ...(trainData && { data: trainData }),
    dbType: flags.db_type,
  })
  if (rank !== 0) return
  for (const { gpus, imagesPerSecond, efficiency } of rows) {
    platform.print(`${gpus} replicas: ${imagesPerSecond.toFixed(1)} images/sec, ${(100 * efficiency).toFixed(1)} %\n`)
  }
  const date = new Date().toISOString().slice(0, 10)
  const pictures = `${batch} each, ${imageSize} x ${imageSize}, ${trainData ?? 'synthetic'}`
  const chart = scalingChart({
    title: `${flags.model}, training`,
    subtitle: `${machine}, ${precision}, ${pictures}, ${date}`,
    unit: flags.use_cpu ? 'replicas on the CPU' : 'GPUs',
    series: [{ name: `${precision}, ${batch} each`, points: rows }],
  })
  await platform.write(flags.scaling_chart, chart)
}

await runScript('resnet50-trainer', known, async (flags) => {
  check(flags)
  const workers = await train(flags)
  if (flags.scaling_chart) await drawScaling(flags, workers)
})
