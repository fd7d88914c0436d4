// SPDX-License-Identifier: Apache-2.0
// The public names of `portafilter/train`: what trainers on a host need and pages do not, in an entry of its own.
export {
  type DatabaseType,
  DatabaseWriter,
  type ImageDatabase,
  type ImageDatabaseOptions,
  imageRecord,
  makeImageDatabase,
} from './data/database.ts'
export {
  type DatabaseShard,
  type ImageInputBlobs,
  type ImageInputOptions,
  imageInput,
  openDatabase,
} from './data/image-input.ts'
export {
  type DataParallel,
  type DataParallelOptions,
  dataParallel,
  type GradientBucket,
  type ReplicaNets,
  type ReplicaPlace,
  type StepTimes,
} from './parallel/data-parallel.ts'
export { type ResNet50Options, type ResNetOptions, resnet32x32, resnet50 } from './zoo/resnet.ts'
export { type Flag, type FlagValues, parseFlags, runScript } from './training/flags.ts'
export { ImageTrainer, type ImageTrainerOptions, type Outcome } from './training/image-trainer.ts'
export { type ScalingOptions, type ScalingResult, type ScalingRow, measureScaling } from './training/scaling.ts'
export {
  type ScalingChartOptions,
  type ScalingPoint,
  type ScalingSeries,
  scalingChart,
} from './training/scaling-chart.ts'
