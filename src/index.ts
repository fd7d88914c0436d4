// SPDX-License-Identifier: Apache-2.0
// The public names, nothing else.
export { type Backend, type BackendInfo, type BackendOptions, type NetInfo, openBackend } from './backend/backend.ts'
export { type DType, type Tensor, type TensorLike, tensor, type TypedArray, zeros } from './core/tensor.ts'
export { type ConvertCaffeOptions, type ConvertedModel, convertCaffe, readBinaryProto } from './convert/caffe.ts'
export { randomShift } from './data/augment.ts'
export { type Columns, Dataset } from './data/dataset.ts'
export {
  centerCrop,
  decodeImage,
  encodePng,
  type Image,
  type ImageTensorOptions,
  imageTensor,
  resize,
  tensorImage,
} from './data/image.ts'
export { defaultLabels, parseLabels, type Ranked, topScores } from './data/labels.ts'
export { loadMnist, type Mnist, type MnistOptions } from './data/mnist.ts'
export { readNpy, writeNpy } from './data/npy.ts'
export { loadTensor, saveTensor } from './data/tensor-file.ts'
export type { Operators, OperatorType } from './gen/operators.ts'
export {
  brew,
  type ConvOptions,
  type DropoutOptions,
  type FcOptions,
  type InstanceNormOptions,
  type PReluOptions,
  type SpatialBnOptions,
} from './net/brew.ts'
export { type ExportedModel, exportModel } from './net/export.ts'
export {
  addGradientOperators,
  type BlobGradient,
  type GradientOptions,
  type GradientSlice,
  type Losses,
} from './net/gradient.ts'
export { init, registerUserOperators, shutdown } from './net/init.ts'
export { type Initializer, ModelHelper, type ModelOptions } from './net/model-helper.ts'
export { deviceScope, nameScope } from './net/names.ts'
export { type AddOptions, type CloneOptions, Net } from './net/net.ts'
export {
  type Argument,
  type ArgumentValue,
  argument,
  type DeviceOption,
  decodeNetDef,
  encodeNetDef,
  type ExecutionStep,
  getArgument,
  type NetDef,
  netDef,
  type OperatorDef,
  operatorDef,
  type PlanDef,
} from './net/net-def.ts'
export { inferenceNet } from './net/passes/inference-net.ts'
export { executionStep, Plan, type PlanOptions, type StepOptions } from './net/plan.ts'
export { type NetSource, Predictor, type PredictorOptions } from './net/predictor.ts'
export { readMessage, readNetDef, writeText } from './net/read-net.ts'
export type { RunOptions } from './net/run.ts'
export { type TrainOptions, type TrainProgress, train } from './net/train.ts'
export { type CreateNetOptions, type Feed, type OperatorProfile, Workspace } from './net/workspace.ts'
export { type AdagradOptions, buildAdagrad } from './optimizer/adagrad.ts'
export { type AdamOptions, buildAdam } from './optimizer/adam.ts'
export type { LearningRate, Optimizer } from './optimizer/optimizer.ts'
export { buildRmsProp, type RmsPropOptions } from './optimizer/rms-prop.ts'
export { buildSgd, type SgdOptions } from './optimizer/sgd.ts'
export { addWeightDecay } from './optimizer/weight-decay.ts'
export { type Platform, platform } from './platform/index.ts'
export { PfError, type PfErrorCode } from './util/error.ts'
export { type RandomInteger, randomIntegers } from './util/random.ts'
export { verify } from './verify/api.ts'
export type { VerifyOptions, VerifyReport } from './verify/report.ts'
