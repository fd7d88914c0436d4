// SPDX-License-Identifier: Apache-2.0
// The messages of a model as plain typed objects, their bytes, and short ways to make them. Field names are those of
// proto/caffe2.proto in camelCase. A decoded message has every list (perhaps empty) and only those single fields that
// were present; fields we do not know survive a decode and an encode.
import { caffe2 } from '../gen/caffe2.ts'
import { PfError } from '../util/error.ts'
import { type Codec, type DecodeOptions, decodeMessage, encodeMessage, messagesIn } from './wire.ts'

/** An int64: a number where that is exact, else a bigint. */
export type Int64 = number | bigint

export interface TensorProto {
  dims: Int64[]
  /** A number of TensorProto.DataType, see `dtypeOf`; absent means float. */
  dataType?: number
  floatData?: ArrayLike<number>
  int32Data?: ArrayLike<number>
  byteData?: Uint8Array
  stringData?: Uint8Array[]
  name?: string
  deviceDetail?: DeviceOption
  doubleData?: ArrayLike<number>
  int64Data?: Int64[]
  segment?: { begin?: Int64; end?: Int64 }
  rawData?: Uint8Array
  dataFormat?: number
}

export interface QTensorProto {
  dims: Int64[]
  precision?: number
  scale?: number
  bias?: number
  isSigned?: boolean
  data?: ArrayLike<number>
  name?: string
  dataType?: number
  scales?: ArrayLike<number>
  biases?: ArrayLike<number>
  axis?: number
  isMultiparam?: boolean
}

export interface TensorProtos {
  protos: TensorProto[]
}

export interface TensorShape {
  dims: Int64[]
  dataType?: number
  unknownDims?: ArrayLike<number>
  unknownShape?: boolean
  name?: string
}

export interface TensorShapes {
  shapes: TensorShape[]
}

/** Which field is set is the type of the value. */
export interface Argument {
  name?: string
  f?: number
  i?: Int64
  s?: Uint8Array
  floats?: ArrayLike<number>
  ints?: Int64[]
  strings?: Uint8Array[]
  n?: NetDef
  nets?: NetDef[]
  t?: TensorProto
  tensors?: TensorProto[]
  qtensors?: QTensorProto[]
}

export interface DeviceOption {
  /** 0 is the CPU, 1 CUDA. */
  deviceType?: number
  cudaGpuId?: number
  randomSeed?: number
  nodeName?: string
  numaNodeId?: number
  extraInfo?: string[]
}

export interface OperatorDef {
  input: string[]
  output: string[]
  name?: string
  type?: string
  arg: Argument[]
  deviceOption?: DeviceOption
  engine?: string
  controlInput?: string[]
  isGradientOp?: boolean
  debugInfo?: string
  domain?: string
  opVersion?: Int64
}

export interface NetDef {
  name?: string
  op: OperatorDef[]
  /** The executor: simple, dag, async_scheduling, ... */
  type?: string
  numWorkers?: number
  deviceOption?: DeviceOption
  arg: Argument[]
  externalInput: string[]
  externalOutput: string[]
  partitionInfo?: { name?: string; deviceId?: ArrayLike<number>; extraInfo?: string }[]
}

export interface ExecutionStep {
  name?: string
  substep?: ExecutionStep[]
  network?: string[]
  numIter?: Int64
  criteriaNetwork?: string
  concurrentSubsteps?: boolean
  reportNet?: string
  reportInterval?: number
  shouldStopBlob?: string
  onlyOnce?: boolean
  runEveryMs?: Int64
  createWorkspace?: boolean
  numConcurrentInstances?: number
}

export interface PlanDef {
  name?: string
  network: NetDef[]
  executionStep: ExecutionStep[]
}

export interface BlobProto {
  name?: string
  type?: string
  tensor?: TensorProto
  content?: Uint8Array
  qtensor?: QTensorProto
  contentNumChunks?: number
  contentChunkId?: number
}

export interface DBReaderProto {
  name?: string
  source?: string
  dbType?: string
  key?: string
}

export interface MetaNetDef {
  blobs: { key?: string; value: string[] }[]
  nets: { key?: string; value?: NetDef }[]
  modelInfo?: { project?: string; modelClass?: string; version?: string; predictorType?: string; modelId?: string }
  plans?: { key?: string; value?: PlanDef }[]
  applicationSpecificInfo?: { key?: string; value?: string }[]
}

/** The messages by name, for `decode`, `encode` and the text format. */
export interface Messages {
  TensorProto: TensorProto
  QTensorProto: QTensorProto
  TensorProtos: TensorProtos
  TensorShape: TensorShape
  TensorShapes: TensorShapes
  Argument: Argument
  DeviceOption: DeviceOption
  OperatorDef: OperatorDef
  NetDef: NetDef
  ExecutionStep: ExecutionStep
  PlanDef: PlanDef
  BlobProto: BlobProto
  DBReaderProto: DBReaderProto
  MetaNetDef: MetaNetDef
}

const kOperators = 2 // NetDef.op

const codecs = caffe2 as Record<keyof Messages, Codec>

/** Decodes a message of any kind. Its byte fields are views of `bytes`. */
export function decode<K extends keyof Messages>(kind: K, bytes: Uint8Array, options?: DecodeOptions): Messages[K] {
  return decodeMessage<Messages[K]>(codecs[kind], kind, bytes, options)
}

export function encode<K extends keyof Messages>(kind: K, message: Messages[K]): Uint8Array {
  return encodeMessage(codecs[kind], kind, message)
}

export const decodeNetDef = (bytes: Uint8Array): NetDef => decode('NetDef', bytes)
/** The serialized OperatorDefs of a serialized NetDef that decodes, in order. */
export const operatorsIn = (net: Uint8Array): Generator<Uint8Array> => messagesIn(net, kOperators)
export const encodeNetDef = (net: NetDef): Uint8Array => encode('NetDef', net)
export const decodeOperatorDef = (bytes: Uint8Array): OperatorDef => decode('OperatorDef', bytes)
export const encodeOperatorDef = (op: OperatorDef): Uint8Array => encode('OperatorDef', op)
export const decodeTensorProto = (bytes: Uint8Array): TensorProto => decode('TensorProto', bytes)
export const encodeTensorProto = (proto: TensorProto): Uint8Array => encode('TensorProto', proto)
export const decodeBlobProto = (bytes: Uint8Array): BlobProto => decode('BlobProto', bytes)
export const encodeBlobProto = (blob: BlobProto): Uint8Array => encode('BlobProto', blob)
export const decodePlanDef = (bytes: Uint8Array): PlanDef => decode('PlanDef', bytes)
export const encodePlanDef = (plan: PlanDef): Uint8Array => encode('PlanDef', plan)
export const decodeMetaNetDef = (bytes: Uint8Array): MetaNetDef => decode('MetaNetDef', bytes)
export const encodeMetaNetDef = (meta: MetaNetDef): Uint8Array => encode('MetaNetDef', meta)

/** A NetDef with nothing in it but what is given. */
export function netDef(fields: Partial<NetDef> = {}): NetDef {
  return { op: [], arg: [], externalInput: [], externalOutput: [], ...fields }
}

export interface OperatorOptions {
  name?: string
  deviceOption?: DeviceOption
  engine?: string
  controlInput?: string[]
  isGradientOp?: boolean
  debugInfo?: string
}

/** An operator; arguments given as undefined are left out. */
export function operatorDef(
  type: string,
  inputs: string | readonly string[],
  outputs: string | readonly string[],
  args: Readonly<Record<string, ArgumentValue | undefined>> = {},
  options: OperatorOptions = {},
): OperatorDef {
  const arg = Object.entries(args).flatMap(([name, value]) => (value === undefined ? [] : [argument(name, value)]))
  return { input: list(inputs), output: list(outputs), type, arg, ...options }
}

function list(names: string | readonly string[]): string[] {
  return typeof names === 'string' ? [names] : [...names]
}

type Scalar = number | bigint | boolean | string | Uint8Array

/** `{float: 1}` says that a whole number is meant as a float: JavaScript alone cannot tell 1.0 from 1. */
export type ArgumentValue =
  | Scalar
  | readonly Scalar[]
  | NetDef
  | readonly NetDef[]
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | { float: number }
  | { floats: ArrayLike<number> }

/** An Argument typed as Caffe2's MakeArgument does: integers and booleans `i`, other numbers `f`, text and bytes `s`. */
export function argument(name: string, value: ArgumentValue): Argument {
  if (isScalar(value)) return scalarArgument(name, value)
  if (value instanceof Float32Array || value instanceof Float64Array) return { name, floats: value }
  if (value instanceof Int32Array || value instanceof BigInt64Array)
    return { name, ints: exact(Array.from<Int64>(value)) }
  if (Array.isArray(value)) return listArgument(name, value)
  if ('float' in value) return { name, f: value.float }
  if ('floats' in value) return { name, floats: value.floats }
  if (isNet(value)) return { name, n: value }
  throw new PfError('argument', `argument "${name}" has a value that no argument can hold`)
}

function isScalar(value: ArgumentValue): value is Scalar {
  return typeof value !== 'object' || (value instanceof Uint8Array && !Array.isArray(value))
}

function scalarArgument(name: string, value: Scalar): Argument {
  if (typeof value === 'boolean') return { name, i: value ? 1 : 0 }
  if (typeof value === 'string') return { name, s: utf8.encode(value) }
  if (typeof value === 'bigint') return { name, i: exact([value])[0] }
  if (typeof value !== 'number') return { name, s: value }
  return Number.isInteger(value) ? { name, i: value } : { name, f: value }
}

function listArgument(name: string, values: readonly (Scalar | NetDef)[]): Argument {
  if (values.length === 0) return { name }
  if (values.every((value) => typeof value === 'bigint' || typeof value === 'boolean' || Number.isInteger(value))) {
    return { name, ints: exact(values.map((value) => (typeof value === 'boolean' ? Number(value) : (value as Int64)))) }
  }
  if (values.every((value) => typeof value === 'number')) return { name, floats: values }
  if (values.every((value) => typeof value === 'string' || value instanceof Uint8Array)) {
    return { name, strings: values.map((value) => (typeof value === 'string' ? utf8.encode(value) : value)) }
  }
  if (values.every(isNet)) return { name, nets: [...values] }
  throw new PfError(
    'argument',
    `argument "${name}" mixes kinds of values: numbers, strings or nets, one kind in a list`,
  )
}

function isNet(value: unknown): value is NetDef {
  return typeof value === 'object' && value !== null && 'op' in value && Array.isArray(value.op)
}

const exact = (values: Int64[]): Int64[] =>
  values.map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value))

/** What an argument holds, or undefined when only its name is set. Bytes are text when `text` is left on. */
export function argumentValue(arg: Argument, text = true): ArgumentValue | undefined {
  if (arg.f !== undefined) return arg.f
  if (arg.i !== undefined) return arg.i
  if (arg.s !== undefined) return text ? utf8Decoder.decode(arg.s) : arg.s
  if (arg.n !== undefined) return arg.n
  if (arg.floats?.length) return Array.from(arg.floats)
  if (arg.ints?.length) return arg.ints
  if (arg.strings?.length) return text ? arg.strings.map((bytes) => utf8Decoder.decode(bytes)) : arg.strings
  return arg.nets?.length ? arg.nets : undefined
}

/** The value of the argument `name` of an operator or a net. */
export function getArgument(owner: { arg: Argument[] }, name: string, text = true): ArgumentValue | undefined {
  const found = owner.arg.find((arg) => arg.name === name)
  return found && argumentValue(found, text)
}

const utf8 = new TextEncoder()
const utf8Decoder = new TextDecoder()
