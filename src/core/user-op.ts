// SPDX-License-Identifier: Apache-2.0
// Operators written in AssemblyScript (assembly/pf.ts is their prelude): compiled modules that run on the core's memory.
// Their exported kernels go into the core's function table, here and in every thread of the pool, and the core calls them
// without JavaScript in between.
import { PfError } from '../util/error.ts'
import { MessageWriter } from './codec.ts'
import type { Core } from './core.ts'
import type { ThreadPool } from './thread-pool.ts'
import { placeInTable, readUserModule, startUserModule, type UserModule, userImports } from './user-module.ts'
import { lightLoader, needsOnlyLightCalls, wasmerLoader } from './wasi.ts'
import type { WasmExports } from './wasm-exports.ts'

/** One entry of the JSON text that a user module exports as `operators`. */
export interface UserOperator {
  readonly name: string
  readonly doc?: string
  readonly inputs?: readonly string[]
  readonly outputs: readonly string[]
  readonly args?: readonly { name: string; type?: 'float' | 'int'; default: number }[]
  /** Exported function `(call: usize, begin: u32, end: u32): void`. */
  readonly kernel: string
  /** Exported function of the same type that sets the dimensions of the outputs; without one they are input 0's. */
  readonly shape?: string
  /** Elementwise: threads share the elements of tensors of one size. */
  readonly map?: boolean
  /** Takes inputs of any fixed-size element type, not float32 alone. */
  readonly anyType?: boolean
  /** Pairs of an input and an output that may be one blob. */
  readonly inplace?: readonly (readonly [number, number])[]
  /** The type of its gradient operator, whose outputs are the gradients of all inputs. */
  readonly gradient?: string
  /** What the gradient operator reads: "I0" an input, "O0" an output, "GO0" the gradient of an output. */
  readonly gradientInputs?: readonly string[]
}

const kernelType = '(i32, i32, i32)'

/** The OperatorDef that declares an operator to the core, see cpp/core/user_op.h. */
export function declaration(op: UserOperator, tableIndex: (name: string) => number): Uint8Array {
  const def = new MessageWriter()
  for (const name of op.inputs ?? []) def.text(1, name)
  for (const name of op.outputs) def.text(2, name)
  def.text(4, op.name)
  const argument = (name: string, fill: (writer: MessageWriter) => MessageWriter): void => {
    def.bytes(5, fill(new MessageWriter().text(1, name)).finish())
  }
  for (const arg of op.args ?? []) {
    argument(arg.name, (w) => (arg.type === 'int' ? w.varint(3, arg.default) : w.float(2, arg.default)))
  }
  argument('pf.kernel', (w) => w.varint(3, tableIndex(op.kernel)))
  const { shape, gradient, gradientInputs = [], inplace = [] } = op
  if (shape !== undefined) argument('pf.shape', (w) => w.varint(3, tableIndex(shape)))
  if (op.map) argument('pf.map', (w) => w.varint(3, 1))
  if (op.anyType) argument('pf.any_type', (w) => w.varint(3, 1))
  if (inplace.length) argument('pf.inplace', (w) => inplace.flat().reduce((all, index) => all.varint(6, index), w))
  if (gradient !== undefined) argument('pf.gradient', (w) => w.text(4, gradient))
  if (gradientInputs.length) {
    argument('pf.gradient_inputs', (w) => gradientInputs.reduce((all, name) => all.text(7, name), w))
  }
  return def.finish()
}

/** The kernels and shape functions of the operators, each once; all must be exported with the right type. */
function kernelsOf(operators: readonly UserOperator[], module: UserModule): string[] {
  const names = new Set<string>()
  for (const op of operators) {
    for (const name of [op.kernel, op.shape]) {
      if (name === undefined) continue
      const found = module.functions.get(name)
      if (found === undefined) {
        const there = [...module.functions.keys()].join(', ')
        throw new PfError(
          'format',
          `user operator ${op.name}: the module exports no function "${name}" (only ${there})`,
        )
      }
      if (found !== kernelType) {
        const text = `must be (call: usize, begin: u32, end: u32): void, in WebAssembly ${kernelType}; it is ${found}`
        throw new PfError('format', `user operator ${op.name}: "${name}" ${text}`)
      }
      names.add(name)
    }
  }
  return [...names]
}

// An AssemblyScript string: UTF-16 at its address, its size in bytes before it.
function readString(memory: WebAssembly.Memory, global: unknown): string | undefined {
  if (!(global instanceof WebAssembly.Global)) return undefined
  const address = Number(global.value)
  const [size = 0] = new Uint32Array(memory.buffer, address - 4, 1)
  return new TextDecoder('utf-16le').decode(new Uint8Array(memory.buffer, address, size).slice())
}

function readOperators(memory: WebAssembly.Memory, instance: WebAssembly.Instance): UserOperator[] {
  const text = readString(memory, instance.exports.operators)
  if (text === undefined) {
    throw new PfError('format', 'a user module must export its declarations: export const operators: string = `[{…}]`')
  }
  let operators: unknown
  try {
    operators = JSON.parse(text)
  } catch (cause) {
    throw new PfError('format', `the user module's "operators" is no JSON: ${(cause as Error).message}`, { cause })
  }
  const isOperator = (op: UserOperator): boolean => Boolean(op?.name && op.kernel && Array.isArray(op.outputs))
  if (!Array.isArray(operators) || !operators.length || !operators.every(isOperator)) {
    throw new PfError('format', `each of the user module's "operators" needs name, outputs and kernel; found ${text}`)
  }
  return operators as UserOperator[]
}

function knownOperators(core: Core): Set<string> {
  const text = new TextDecoder().decode(core.call('schemas').bytes.slice())
  return new Set((JSON.parse(text) as { name: string }[]).map((schema) => schema.name))
}

/** The user operators of one core. */
export function userOperators(core: Core, exports: WasmExports, pool: ThreadPool | undefined) {
  const taken: { begin: number; end: number; names: string }[] = []
  const { memory } = exports
  const shared = pool !== undefined

  function checkFree(data: UserModule['data']): void {
    const other = data && taken.find(({ begin, end }) => data.begin < end && begin < data.end)
    if (!data || !other) return
    throw new PfError(
      'exists',
      `the user module's data at ${data.begin}..${data.end - 1} overlaps that of ${other.names} at ${other.begin}..` +
        `${other.end - 1}: compile one of them with another --memoryBase (from ${Math.ceil(other.end / 1024) * 1024} on)`,
    )
  }

  async function instantiate(module: WebAssembly.Module): Promise<WebAssembly.Instance> {
    const loader = needsOnlyLightCalls(module) ? lightLoader() : await wasmerLoader()
    try {
      const instance = await loader.instantiate(module, userImports(memory, exports))
      startUserModule(instance)
      return instance
    } catch (cause) {
      throw new PfError('format', `the user module cannot be started: ${(cause as Error).message}`, { cause })
    }
  }

  async function compile(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
    try {
      return await WebAssembly.compile(bytes)
    } catch (cause) {
      throw new PfError('format', `the user module is no valid WebAssembly: ${(cause as Error).message}`, { cause })
    }
  }

  async function registerNow(bytes: Uint8Array): Promise<string[]> {
    const user = readUserModule(bytes, shared)
    checkFree(user.data)
    const module = await compile(user.bytes)
    const instance = await instantiate(module)
    const operators = readOperators(memory, instance)
    const names = operators.map((op) => op.name)
    const known = knownOperators(core)
    const clash = names.find((name, i) => known.has(name) || names.indexOf(name) !== i)
    if (clash)
      throw new PfError('exists', `there is an operator "${clash}" already; give the user operator another name`)
    const kernels = kernelsOf(operators, user)
    if (user.data) taken.push({ ...user.data, names: names.join(', ') })
    const base = exports.__indirect_function_table.length
    placeInTable(exports, instance, kernels, base)
    await pool?.install(module, kernels, base)
    for (const op of operators)
      core.call(
        'user_operator',
        0,
        declaration(op, (name) => base + kernels.indexOf(name)),
      )
    return names
  }

  // One after the other: the tables of all threads must grow in the same order.
  let last: Promise<unknown> = Promise.resolve()
  return {
    register(bytes: Uint8Array): Promise<string[]> {
      const result = last.then(() => registerNow(bytes))
      last = result.catch(() => {})
      return result
    },
  }
}
