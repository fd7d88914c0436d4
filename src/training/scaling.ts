// SPDX-License-Identifier: Apache-2.0
// Measures how training of ResNet-50 scales: pictures per second with different numbers of replicas, and where the time
// of a step goes.
import type { Precision } from '../backend/backend.ts'
import type { ModelHelper } from '../net/model-helper.ts'
import type { StepTimes } from '../parallel/data-parallel.ts'
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import { resnet50 } from '../zoo/resnet.ts'
import { ImageTrainer, type ImageTrainerOptions } from './image-trainer.ts'

export interface ScalingOptions {
  /** Replicas to measure with, one for each GPU. */
  counts: readonly number[]
  onCpu: boolean
  precision: Precision
  /** Pictures of a step for each replica. */
  batch: number
  imageSize: number
  /** Database of pictures; synthetic ones without it. */
  data?: string
  dbType?: string
  /** Steps of a round, of which there are three; as many as take about a second unless told. */
  steps?: number
  /** Another net than ResNet-50, as for ImageTrainer. */
  net?: Pick<ImageTrainerOptions, 'layers' | 'numLabels' | 'numChannels'>
  onProgress?: (what: string) => void
}

export interface ScalingRow {
  readonly gpus: number
  readonly batch: number
  readonly msPerStep: number
  readonly imagesPerSecond: number
  /** Of what as many times the first row's replicas would do. */
  readonly efficiency: number
  readonly times: StepTimes
  /** Pictures that could not be decoded. */
  readonly skipped: number
}

export interface ScalingResult {
  /** What it ran on. */
  readonly machine: string
  readonly rows: readonly ScalingRow[]
  /** Of this process; only process 0 needs to tell. */
  readonly rank: number
}

const kWarmup = 6 // the first runs of a net choose plans, and are recorded
const kProfile = 10

export async function measureScaling(options: ScalingOptions): Promise<ScalingResult> {
  const rows: ScalingRow[] = []
  let machine = ''
  let rank = 0
  for (const count of options.counts) {
    await using trainer = await openTrainer(options, count)
    options.onProgress?.(`${count} replicas`)
    if (trainer.replicas.processes > 1 && options.counts.length > 1) {
      const found = `${options.counts.join(', ')} replicas in ${trainer.replicas.processes} processes`
      throw new PfError('argument', `${found}: under mpirun one number is measured, that of all GPUs together`)
    }
    rank = trainer.replicas.rank
    machine ||= await machineOf(trainer)
    const msPerStep = await measure(trainer, options)
    const imagesPerSecond = (trainer.options.batchSize * 1000) / msPerStep
    const [first = { gpus: count, imagesPerSecond }] = rows
    const efficiency = imagesPerSecond / count / (first.imagesPerSecond / first.gpus)
    const { skipped } = await trainer.inputCounts()
    const times = await trainer.profile(options.onCpu ? 2 : kProfile)
    rows.push({ gpus: count, batch: options.batch, msPerStep, imagesPerSecond, efficiency, times, skipped })
  }
  return { machine, rows, rank }
}

function plainResnet50(model: ModelHelper, isTest: boolean): string {
  return resnet50(model, { numLabels: 1000, isTest, noBias: true, bnMomentum: 0.9, bnEpsilon: 1e-5, poolPad: 1 })
}

function openTrainer(options: ScalingOptions, count: number): Promise<ImageTrainer> {
  const { batch, imageSize, data, dbType = 'lmdb', precision, onCpu } = options
  return ImageTrainer.open({
    name: 'scaling',
    ...(options.net ?? { layers: plainResnet50, numLabels: 1000 }),
    ...(data !== undefined && { trainData: data }),
    dbType,
    imageSize,
    batchSize: batch * count,
    baseLearningRate: 0.01,
    weightDecay: 1e-4,
    precision,
    ...(onCpu ? { devices: [], replicas: count } : { devices: Array.from({ length: count }, (_, i) => i) }),
  })
}

/** Milliseconds of a step: the median of three rounds. */
async function measure(trainer: ImageTrainer, { steps, onCpu }: ScalingOptions): Promise<number> {
  const round = async (count: number) => {
    await trainer.replicas.finish()
    const start = platform.now()
    await trainer.step(count)
    await trainer.replicas.finish()
    return (platform.now() - start) / count
  }
  for (let i = 0; i < (onCpu ? 1 : kWarmup); i++) await round(1)
  const count = steps ?? (await stepsOfASecond(trainer, round))
  const rounds = [await round(count), await round(count), await round(count)]
  return rounds.sort((a, b) => a - b)[1]
}

// The same in all processes, which step together.
async function stepsOfASecond(trainer: ImageTrainer, round: (count: number) => Promise<number>): Promise<number> {
  const own = await round(2)
  const { rank } = trainer.replicas
  const [first] = await trainer.replicas.sum([rank === 0 ? own : 0])
  return Math.max(3, Math.min(200, Math.round(1000 / first)))
}

async function machineOf(trainer: ImageTrainer): Promise<string> {
  const { cuda, threads, backend } = await trainer.replicas.workspaces[0].backend.info()
  const [index] = trainer.replicas.devices
  if (index !== undefined) return cuda?.devices?.find((gpu) => gpu.index === index)?.name ?? 'GPU'
  return `CPU, ${threads} threads (${backend})`
}
