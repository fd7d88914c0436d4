// SPDX-License-Identifier: Apache-2.0
// Turns a trained workspace into the pair of files that deploys a model: init_net.pb and predict_net.pb.
import type { DType, Tensor } from '../core/tensor.ts'
import { PfError } from '../util/error.ts'
import { copyOf, type Net, protoOf } from './net.ts'
import { type Argument, argument, encodeNetDef, type NetDef, netDef, type OperatorDef } from './net-def.ts'
import { blobsNeverRead, blobsReadFirst } from './passes/outputs.ts'
import type { Workspace } from './workspace.ts'

/** A model as two NetDefs: one fills the parameters, the other predicts. */
export interface ExportedModel {
  readonly initNet: Uint8Array
  readonly predictNet: Uint8Array
}

/**
 * The model of a net whose parameters are in the workspace. What the net reads and is no parameter becomes an input,
 * first in external_input; what it computes and does not use becomes its output.
 */
export async function exportModel(
  workspace: Workspace,
  net: Net | NetDef,
  params: readonly string[],
): Promise<ExportedModel> {
  const predict = copyOf(protoOf(net))
  const inputs = blobsReadFirst(predict.op).filter((blob) => !params.includes(blob))
  const tensors = await workspace.fetchBlobs(params)
  const init = netDef({ name: `${predict.name}_init` })
  init.op = [...params.map((blob, i) => fill(blob, tensors[i])), ...inputs.map(placeholder)]
  predict.externalInput = [...inputs, ...predict.externalInput.filter((blob) => !inputs.includes(blob))]
  predict.externalOutput = blobsNeverRead(predict.op)
  return { initNet: encodeNetDef(init), predictNet: encodeNetDef(predict) }
}

/** The operator that fills a blob with a tensor. */
export function fill(blob: string, tensor: Tensor): OperatorDef {
  const make = fillers[tensor.dtype]
  if (make === undefined) {
    const known = Object.keys(fillers).join(', ')
    throw new PfError('unsupported', `"${blob}" is ${tensor.dtype}; an init net can only hold ${known}`)
  }
  const { type, values, shape } = make(tensor)
  return { input: [], output: [blob], type, arg: [argument('shape', [...(shape ?? tensor.shape)]), values] }
}

interface Filler {
  readonly type: string
  readonly values: Argument
  /** Where it is not the tensor's. */
  readonly shape?: readonly number[]
}

const ints =
  (type: string) =>
  (tensor: Tensor): Filler => ({
    type,
    values: { name: 'values', ints: Array.from<number | bigint>(tensor.data as Int32Array | BigInt64Array) },
  })

const fillers: Partial<Record<DType, (tensor: Tensor) => Filler>> = {
  float32: ({ data }) => ({ type: 'GivenTensorFill', values: { name: 'values', floats: data as Float32Array } }),
  int32: ints('GivenTensorIntFill'),
  int64: ints('GivenTensorInt64Fill'),
  bool: ints('GivenTensorBoolFill'),
  string: ({ data }) => ({
    type: 'GivenTensorStringFill',
    values: { name: 'values', strings: (data as string[]).map((text) => new TextEncoder().encode(text)) },
  }),
  // As Caffe2 does: all bytes are one string.
  uint8: ({ data }) => ({
    type: 'GivenTensorStringFill',
    values: { name: 'values', strings: [data as Uint8Array] },
    shape: [1],
  }),
}

// So that the input exists before it is fed.
function placeholder(blob: string): OperatorDef {
  const arg = [argument('shape', [1, 1]), { name: 'values', floats: [0] }]
  return { input: [], output: [blob], type: 'GivenTensorFill', arg }
}
