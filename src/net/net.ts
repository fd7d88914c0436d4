// SPDX-License-Identifier: Apache-2.0
// Builds a NetDef, operator by operator.
import type { OperatorType } from '../gen/operators.ts'
import { PfError } from '../util/error.ts'
import { currentDevice, currentNameScope, scopedName, uniqueNetName } from './names.ts'
import { type DeviceOption, decodeNetDef, encodeNetDef, type NetDef, netDef, type OperatorDef } from './net-def.ts'
import { type ArgumentsOf, type OperatorArguments, operatorArguments, outputsOfType } from './operators.ts'

/** One blob or several, by name. */
export type Blobs = string | readonly string[]

/** What an operator has beside inputs, outputs and arguments. */
export interface AddOptions {
  name?: string
  engine?: string
  device?: DeviceOption
  controlInput?: readonly string[]
}

export interface CloneOptions {
  /** Blobs that get another name in the copy. */
  rename?: Readonly<Record<string, string>> | ((blob: string) => string)
  /** Which operators to keep; all by default. */
  keep?: (op: OperatorDef, index: number) => boolean
}

export class Net {
  readonly #def: NetDef
  #produced: Set<string> | undefined
  #external: Set<string> | undefined

  /** An empty net of this name, or one over a NetDef, which it takes over. A name in use gets `_1`, `_2`, ... */
  constructor(source: string | NetDef = 'net') {
    this.#def = typeof source === 'string' ? netDef({ name: source }) : source
    this.#def.name = uniqueNetName(this.#def.name || 'net')
  }

  get name(): string {
    return this.#def.name as string
  }

  get externalInputs(): readonly string[] {
    return this.#def.externalInput
  }

  get externalOutputs(): readonly string[] {
    return this.#def.externalOutput
  }

  /**
   * Adds an operator and answers the names of its outputs. Inputs that nothing in the net produces become external
   * inputs. Without names for the outputs there are as many as the operator must have, named `net/Type`.
   */
  add<T extends OperatorType>(type: T, inputs: Blobs, args?: ArgumentsOf<T>, options?: AddOptions): string[]
  add<T extends OperatorType>(
    type: T,
    inputs: Blobs,
    outputs: Blobs | number,
    args?: ArgumentsOf<T>,
    options?: AddOptions,
  ): string[]
  /** An operator that came at run time. */
  add<T extends string>(
    type: T extends OperatorType ? never : T,
    inputs: Blobs,
    args?: OperatorArguments,
    options?: AddOptions,
  ): string[]
  add<T extends string>(
    type: T extends OperatorType ? never : T,
    inputs: Blobs,
    outputs: Blobs | number,
    args?: OperatorArguments,
    options?: AddOptions,
  ): string[]
  add(type: string, inputs: Blobs, ...rest: unknown[]): string[] {
    const named = typeof rest[0] === 'string' || typeof rest[0] === 'number' || Array.isArray(rest[0])
    const [outputs, args, options] = named ? rest : [undefined, ...rest]
    return this.addUntyped(type, inputs, outputs as Blobs | number, args as OperatorArguments, options as AddOptions)
  }

  /** `add` without the types of the operator's arguments: those it does not know are carried along. */
  addUntyped(
    type: string,
    inputs: Blobs,
    outputs?: Blobs | number,
    args: OperatorArguments = {},
    options: AddOptions = {},
  ): string[] {
    const input = list(inputs).map((blob) => this.#resolve(blob))
    const output = this.#outputs(type, input, outputs ?? outputsOfType(type))
    for (const blob of new Set(input)) if (!this.isDefined(blob)) this.addExternalInput(blob)
    this.addOperators([{ input, output, type, arg: operatorArguments(type, args), ...operatorFields(options) }])
    return output
  }

  /** Adds operators as they are. */
  addOperators(ops: readonly OperatorDef[]): void {
    for (const op of ops) {
      this.#def.op.push(op)
      for (const blob of op.output) this.#produced?.add(blob)
    }
  }

  addExternalInput(...blobs: string[]): void {
    for (const blob of blobs) {
      if (this.#externals().has(blob)) {
        throw new PfError('exists', `net "${this.name}" already has an external input "${blob}"`)
      }
      this.#def.externalInput.push(blob)
      this.#externals().add(blob)
    }
  }

  addExternalOutput(...blobs: string[]): void {
    for (const blob of blobs) {
      if (!this.isDefined(blob)) throw new PfError('net', `net "${this.name}" has no blob "${blob}" to put out`)
      if (!this.#def.externalOutput.includes(blob)) this.#def.externalOutput.push(blob)
    }
  }

  /** Is the blob an external input or the output of an operator? */
  isDefined(blob: string): boolean {
    return this.#externals().has(blob) || this.#outputsProduced().has(blob)
  }

  /** The NetDef itself, not a copy: what is changed in it is changed in the net. */
  proto(): NetDef {
    this.#produced = undefined
    this.#external = undefined
    return this.#def
  }

  encode(): Uint8Array {
    return encodeNetDef(this.#def)
  }

  /** The operators of another net after those of this one; its inputs that this net does not produce become external. */
  appendNet(other: Net | NetDef): this {
    const def = copyOf(other instanceof Net ? other.#def : other)
    for (const blob of def.externalInput) if (!this.isDefined(blob)) this.addExternalInput(blob)
    this.addOperators(def.op)
    this.addExternalOutput(...def.externalOutput)
    return this
  }

  clone(name: string, { rename, keep }: CloneOptions = {}): Net {
    const def = copyOf(this.#def)
    def.name = name
    if (keep) def.op = def.op.filter(keep)
    const to = typeof rename === 'function' ? rename : (blob: string) => rename?.[blob] ?? blob
    for (const op of def.op) {
      op.input = op.input.map(to)
      op.output = op.output.map(to)
    }
    def.externalInput = def.externalInput.map(to)
    def.externalOutput = def.externalOutput.map(to)
    return new Net(def)
  }

  /** A name for an output that has none: `net/Type`, `net/Type_2`, ...; with several outputs `net/Type:0`, ... */
  nextName(prefix: string, output?: number): string {
    const suffix = output === undefined ? '' : `:${output}`
    const base = `${this.name}/${prefix}`
    let name = base + suffix
    for (let k = 2; this.isDefined(scopedName(name)); k++) name = `${base}_${k}${suffix}`
    return name
  }

  // In a scope a name means the scope's own blob where there is one, else the blob outside.
  #resolve(blob: string): string {
    const scoped = scopedName(blob)
    return currentNameScope() === '' || this.isDefined(scoped) ? scoped : blob
  }

  #outputs(type: string, input: readonly string[], outputs: Blobs | number): string[] {
    outputsOfType(type)
    if (outputs === 1) return [scopedName(this.nextName(type))]
    if (typeof outputs === 'number') {
      return Array.from({ length: outputs }, (_, k) => scopedName(this.nextName(type, k)))
    }
    // A blob changed in place keeps its name, also when it comes from outside the scope.
    return list(outputs).map((blob) => (input.includes(blob) ? blob : scopedName(blob)))
  }

  #externals(): Set<string> {
    this.#external ??= new Set(this.#def.externalInput)
    return this.#external
  }

  #outputsProduced(): Set<string> {
    this.#produced ??= new Set(this.#def.op.flatMap((op) => op.output))
    return this.#produced
  }
}

/** The NetDef of a net or the NetDef itself. */
export function protoOf(net: Net | NetDef): NetDef {
  return net instanceof Net ? net.proto() : net
}

/** A deep copy. */
export function copyOf(def: NetDef): NetDef {
  return decodeNetDef(encodeNetDef(def))
}

function operatorFields({ name, engine, device, controlInput }: AddOptions): Partial<OperatorDef> {
  const deviceOption = device ?? currentDevice()
  return {
    ...(name !== undefined && { name }),
    ...(engine !== undefined && { engine }),
    ...(deviceOption !== undefined && { deviceOption: { ...deviceOption } }),
    ...(controlInput !== undefined && { controlInput: [...controlInput] }),
  }
}

function list(blobs: Blobs): string[] {
  return typeof blobs === 'string' ? [blobs] : [...blobs]
}
