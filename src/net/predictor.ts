// SPDX-License-Identifier: Apache-2.0
// Runs a trained model: the pair of an init net and a predict net, planned once for speed.
import type { Backend } from '../backend/backend.ts'
import type { Tensor } from '../core/tensor.ts'
import { PfError } from '../util/error.ts'
import { didYouMean } from '../util/nearest.ts'
import { copyOf, Net } from './net.ts'
import { argument, getArgument, type NetDef, type OperatorDef, operatorsIn } from './net-def.ts'
import { outputsOf } from './passes/outputs.ts'
import { looksLikeText, type ReadOptions, readNetDef } from './read-net.ts'
import { type Feed, Workspace } from './workspace.ts'

/** A net as the bytes or the text of its file, or already read. */
export type NetSource = Uint8Array | string | NetDef | Net

export interface PredictorOptions {
  /** Where to run; by default the backend that `init` opened. */
  backend?: Backend
  /** Blobs to answer; by default the net's external outputs. */
  outputs?: readonly string[]
  /** false: no fusing and no shared memory, so that every blob can be fetched afterwards. */
  optimize?: boolean
}

export class Predictor {
  /** The blobs to feed, in the order of the net's external inputs. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly workspace: Workspace
  readonly #externalInputs: readonly string[]
  readonly #net: string
  readonly #fed = new Set<string>()

  private constructor(workspace: Workspace, def: NetDef, inputs: readonly string[]) {
    this.workspace = workspace
    this.inputs = inputs
    this.outputs = def.externalOutput
    this.#externalInputs = def.externalInput
    this.#net = def.name as string
  }

  static async load(initNet: NetSource, predictNet: NetSource, options: PredictorOptions = {}): Promise<Predictor> {
    // An init net holds the weights: where its bytes are at hand, they go to the core as they are.
    const binary = initNet instanceof Uint8Array && !looksLikeText(initNet)
    const init = await read(initNet, { file: 'init net', outline: binary })
    const def = prepared(await read(predictNet, { file: 'predict net' }), options)
    const workspace = await Workspace.open(options.backend)
    try {
      if (binary && init.op.every(standsAlone) && !init.deviceOption) {
        // One after the other: the weights are then never in memory twice.
        for (const op of operatorsIn(initNet)) await workspace.runOperatorOnce(op)
      } else if (init.op.length > 0) {
        await workspace.runNetOnce(binary ? initNet : init)
      }
      await workspace.createNet(def)
      return new Predictor(workspace, def, inputsOf(init, def))
    } catch (error) {
      await workspace.close()
      throw error
    }
  }

  /**
   * Feeds inputs, by name or in order, runs the net and answers its outputs by name. An input that is not given is what it
   * was in the last run. Runs that overlap come one after the other, each with its own inputs.
   */
  async run(
    inputs: Readonly<Record<string, Feed>> | readonly Feed[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Record<string, Tensor>> {
    const feed = Object.fromEntries(this.#named(inputs))
    const missing = this.inputs.find((name) => !this.#fed.has(name) && !Object.hasOwn(feed, name))
    const tensors =
      missing === undefined
        ? await this.workspace.runNetWith(this.#net, feed, this.outputs, { signal })
        : await this.workspace.feedBlobs(feed) // what was given need not be given again
    for (const name of Object.keys(feed)) this.#fed.add(name)
    if (tensors === undefined) throw new PfError('argument', `the input "${missing}" was not given`)
    return Object.fromEntries(this.outputs.map((name, i) => [name, tensors[i]]))
  }

  close(): Promise<void> {
    return this.workspace.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #named(inputs: Readonly<Record<string, Feed>> | readonly Feed[]): [string, Feed][] {
    const external = this.#externalInputs
    if (!Array.isArray(inputs)) {
      const named = Object.entries(inputs)
      for (const [name] of named) {
        if (external.includes(name)) continue
        const expected = `${didYouMean(name, external)}; its inputs are ${this.inputs.join(', ')}`
        throw new PfError('argument', `the model has no input "${name}"${expected}`)
      }
      return named
    }
    const names = this.inputs.length >= inputs.length ? this.inputs : external
    if (inputs.length > names.length) {
      throw new PfError('argument', `${inputs.length} inputs were given, the model has ${names.length}`)
    }
    return inputs.map((value: Feed, i) => [names[i], value])
  }
}

async function read(source: NetSource, options: ReadOptions): Promise<NetDef> {
  if (source instanceof Net) return copyOf(source.proto())
  if (typeof source === 'string' || source instanceof Uint8Array) return readNetDef(source, options)
  return copyOf(source)
}

function standsAlone({ input, controlInput }: OperatorDef): boolean {
  return input.length === 0 && !controlInput?.length
}

// Caffe2 ignores arguments it does not know, so these stay harmless in a file.
function prepared(def: NetDef, { outputs, optimize = true }: PredictorOptions): NetDef {
  const options = [argument('pf.create_inputs', 1), argument('pf.optimize', optimize ? 1 : 0)]
  const arg = def.arg.filter(({ name }) => !options.some((option) => option.name === name))
  return {
    ...def,
    name: def.name || 'predict',
    arg: [...arg, ...options],
    externalOutput: [...(outputs ?? outputsOf(def))],
  }
}

// An input is what the init net does not fill, or fills only so that the blob exists.
function inputsOf(init: NetDef, def: NetDef): string[] {
  const filled = new Map(init.op.flatMap((op) => op.output.map((blob) => [blob, op] as const)))
  const inputs = def.externalInput.filter((blob) => {
    const op = filled.get(blob)
    return op === undefined || isPlaceholder(op)
  })
  return inputs.length > 0 ? inputs : def.externalInput.slice(0, 1)
}

// Caffe2's zoo writes ConstantFill of shape [1], its exporter a zero of shape [1, 1].
function isPlaceholder(op: OperatorDef): boolean {
  const shape = String(getArgument(op, 'shape'))
  if (op.type === 'ConstantFill') return shape === '1'
  return op.type === 'GivenTensorFill' && shape === '1,1' && Number(getArgument(op, 'values')) === 0
}
