// SPDX-License-Identifier: Apache-2.0
// src/gen/operators.ts and docs/operators.md from the schemas, which the native core answers.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { readAbi } from './gen-abi.mjs'
import { banner, filesBelow } from './kit.mjs'

const addon = 'dist/pf.node'

/** The schemas of all operators, sorted by name; undefined when there is no native core to ask. */
export function readSchemas() {
  if (!existsSync(addon)) return undefined
  const core = createRequire(import.meta.url)(resolve(addon))
  const { status, bytes } = core.call(
    readAbi().functions.findIndex(({ name }) => name === 'schemas'),
    0,
  )
  if (status) throw new Error(`the core does not tell its schemas: ${core.lastError()}`)
  return JSON.parse(new TextDecoder().decode(bytes))
}

const tsTypes = {
  float: 'number',
  int: 'number',
  bool: 'boolean',
  string: 'string',
  floats: 'readonly number[]',
  ints: 'readonly number[]',
  strings: 'readonly string[]',
  net: 'object',
  value: 'number | string',
}

const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`)

/** Prose as one JSDoc comment. */
const comment = (text, indent = '  ') =>
  text ? `${indent}/** ${text.replaceAll('*/', '* /').replace(/\s*\n\s*/g, ' ')} */\n` : ''

/** What JavaScript does not take as a name. */
const reserved =
  /^(?:var|in|if|do|for|new|try|this|else|case|void|with|enum|null|true|false|class|const|while|default|function|return|switch|delete|import|export)$/

/** A tuple type with names. TypeScript wants optional elements after the others, and the rest, if any, last and alone. */
function tuple(ports) {
  const elements = []
  for (const [i, { name, optional, variadic }] of ports.entries()) {
    const label = /^[A-Za-z_$][\w$]*$/.test(name) && !reserved.test(name) ? name : `p${i}`
    if (variadic) {
      // One or more from here on; ports after it are part of the rest.
      elements.push(`...${label}: string[]`)
      break
    }
    const last = ports.slice(i).every((port) => port.optional || port.variadic)
    elements.push(`${label}${optional && last ? '?' : ''}: string`)
  }
  return `[${elements.join(', ')}]`
}

function argDoc({ doc, default: value }) {
  return value === undefined ? doc : `${doc} Default ${JSON.stringify(value)}.`
}

function operatorType({ name, doc, args, inputs, outputs }) {
  const list = args.map(
    (arg) =>
      `${comment(argDoc(arg), '      ')}      ${key(arg.name)}${arg.required ? '' : '?'}: ${tsTypes[arg.type]}\n`,
  )
  return `${comment(doc.split('\n\n')[0])}  ${key(name)}: {
    inputs: ${tuple(inputs)}
    outputs: ${tuple(outputs)}
    args: ${list.length ? `{\n${list.join('')}    }` : 'Record<never, never>'}
  }
`
}

export function operatorsSource(schemas) {
  const counts = schemas.map(
    ({ name, outputs }) => `  ${key(name)}: ${outputs.filter((port) => !port.optional).length},\n`,
  )
  const kinds = schemas.flatMap(({ name, args }) => {
    const told = args.filter(({ type }) => ['float', 'floats', 'value'].includes(type))
    const list = told.map((arg) => `${key(arg.name)}: '${arg.type}'`).join(', ')
    return told.length ? [`  ${key(name)}: { ${list} },\n`] : []
  })
  return `${banner('the schemas in cpp/ops')}// biome-ignore-all format: as long as it is
// biome-ignore-all lint: names and types are the operators' own

/** The operators of the core: blobs by position, arguments by name. */
export interface Operators {
${schemas.map(operatorType).join('')}}

export type OperatorType = keyof Operators

/** How many outputs each operator has at least. */
export const outputCount: Readonly<Record<OperatorType, number>> = {
${counts.join('')}}

/** Arguments whose kind JavaScript's numbers do not show: 1 may mean 1.0. */
export const numberKinds: Readonly<Record<string, Readonly<Record<string, 'float' | 'floats' | 'value'>>>> = {
${kinds.join('')}}
`
}

const cell = (text) =>
  String(text ?? '')
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, ' ')
const anchor = (name) => name.toLowerCase()

/** How many cases of each operator the tests have, as recorded from the real Caffe2. */
function readCounts() {
  const path = 'tests/fixtures/golden/index.json'
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
}

const gradientText = ({ gradient, gradientRefusal }) =>
  ({ yes: 'yes', none: 'none', refused: `refused: ${gradientRefusal}` })[gradient] ?? 'undeclared'

const portNote = ({ optional, variadic, kind }) =>
  [kind === 'object' && 'object', optional && 'optional', variadic && 'any number'].filter(Boolean).join(', ')

function inPlaceText({ inplace, anyInplace, inputs, outputs }) {
  if (anyInplace) return 'Any output may be any input.'
  return inplace
    .map(([i, o, must]) => `\`${outputs[o]?.name ?? o}\` ${must ? 'must' : 'may'} be \`${inputs[i]?.name ?? i}\`.`)
    .join(' ')
}

function table(schema) {
  const rows = [
    ...schema.args.map((a) => {
      const value = a.required ? 'required' : a.default === undefined ? '' : `\`${JSON.stringify(a.default)}\``
      return `| argument | \`${a.name}\` | ${a.type} | ${value} | ${cell(a.doc)} |`
    }),
    ...schema.inputs.map((p) => `| input | \`${p.name}\` | ${portNote(p)} | | ${cell(p.doc)} |`),
    ...schema.outputs.map((p) => `| output | \`${p.name}\` | ${portNote(p)} | | ${cell(p.doc)} |`),
  ]
  return rows.length ? `| | name | type | default | |\n|-|-|-|-|-|\n${rows.join('\n')}\n\n` : ''
}

// No list is kept of what CUDA has: a declaration with a kernel over the device's verbs enters one, or a .cu file does.
const enteredByCu = new Set(
  filesBelow('cpp/ops', '.cu').flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^PF_CUDA_OP\((\w+)/gm)].map(([, name]) => name),
  ),
)

function devices({ name, file }) {
  const source = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const declaration = source.split(/^PF_OP\(/m).find((text) => text.startsWith(`${name})`)) ?? ''
  return enteredByCu.has(name) || declaration.includes('.kernel<') ? ['cpu', 'cuda'] : ['cpu']
}

function section(schema, recorded) {
  const inPlace = inPlaceText(schema)
  const facts = [
    `Gradient: ${gradientText(schema)}`,
    `Devices: ${devices(schema).join(', ')}${devices(schema).includes('cuda') ? '' : ' (on CUDA through the host)'}`,
    ...(schema.shapeUnknown ? [`Shapes are known only when it runs: ${schema.shapeUnknown}`] : []),
    `Recorded cases: ${recorded[schema.name] ?? 0}`,
    `Source: [${schema.file}](../${schema.file})`,
  ]
  return `## ${schema.name}

${schema.doc.trim()}

${table(schema)}${inPlace ? `In place: ${inPlace}\n\n` : ''}${facts.map((fact) => `${fact.replace(/\.$/, '')}.`).join(' ')}
`
}

/** What Caffe2 registered and is not here, and why. */
const leftOut = [
  [
    ['Conv_ENGINE_EIGEN', 'Conv1D_ENGINE_EIGEN', 'Conv2D_ENGINE_EIGEN', 'Conv3D_ENGINE_EIGEN'],
    'the same operator through another library: `engine` is accepted and changes nothing',
  ],
  [
    ['Python', 'PythonGradient', 'PythonDLPack', 'PythonDLPackGradient'],
    'they call functions of a Python process; [user operators](../examples/04-user-operator.ts) take their place',
  ],
  [
    ['Allgather', 'Allreduce', 'Barrier', 'Broadcast', 'Reduce', 'ReduceScatter', 'SendTensor', 'ReceiveTensor'],
    'they talk to other processes through Gloo; those that do through MPI are here ([MPIAllreduce](#mpiallreduce) and its ' +
      'kin), and several GPUs [train together](cuda.md#several-gpus)',
  ],
  [
    ['CloneCommonWorld', 'CreateCommonWorld', 'DestroyCommonWorld'],
    "what Gloo's processes have in common; [MPICreateCommonWorld](#mpicreatecommonworld) is MPI's",
  ],
]

/** What it registered for CUDA alone. */
const leftOutOnCuda = [
  [
    ['FloatToHalf', 'HalfToFloat', 'ReluFp16', 'SoftmaxFp16', 'Float16ConstantFill', 'FP16MomentumSGDUpdate'],
    'a backend of precision `fp16` keeps halves by itself ([forms](cuda.md#how-it-works)); [Cast](#cast) converts',
  ],
  [
    ['CopyCPUToGPU', 'CopyGPUToCPU'],
    'tensors are copied where an operator wants them; [Copy](#copy) takes their place',
  ],
  [['FP32MomentumSGDUpdate'], '[WeightedSum](#weightedsum) and [MomentumSGDUpdate](#momentumsgdupdate) do the same'],
  [['Recurrent', 'RecurrentParamGet', 'RecurrentParamSet'], 'cuDNN alone defines how their parameters lie'],
  [['ElementwiseRTC'], 'it compiles CUDA sources that a net brings along'],
  [['DeformConv', 'MaxPoolWithIndex'], 'not made yet'],
  [['GetGPUMemoryUsage'], '`(await backend.info()).cuda` tells it'],
]

function leftOutText(schemas) {
  const here = new Set(schemas.map(({ name }) => name))
  for (const name of [...leftOut, ...leftOutOnCuda].flatMap(([names]) => names))
    if (here.has(name)) throw new Error(`build/gen-operators.mjs says that ${name} is left out; there is one`)
  const rowsOf = (list) => list.map(([names, why]) => `| ${names.join(', ')} | ${why} |`).join('\n')
  return `## Left out

Of what Caffe2 registered for the CPU these are not here.

| operators | because |
|-|-|
${rowsOf(leftOut)}

And of what it registered for CUDA alone:

| operators | because |
|-|-|
${rowsOf(leftOutOnCuda)}
`
}

export function operatorsPage(schemas) {
  const recorded = readCounts()
  const rows = schemas.map(
    (s) => `| [${s.name}](#${anchor(s.name)}) | ${s.gradient} | ${devices(s).join(', ')} | ${recorded[s.name] ?? ''} |`,
  )
  return `<!-- Generated by build/gen.mjs from the schemas in cpp/ops. Edit the operator, then run \`make gen\`. -->
# Operators

${schemas.length} operators. Names, arguments, defaults and meaning are Caffe2's. A recorded case is one that the real Caffe2 computed; the
tests run each on every backend, and all pass. Every operator runs in the native core and in the WebAssembly builds that
hold all (\`pf-all-*.wasm\`; those that open files say there that they cannot). \`cuda\`: it has a kernel there too; others
run on the host in a CUDA net. What is not here, and why: [left out](#left-out).

| operator | gradient | devices | recorded cases |
|-|-|-|-|
${rows.join('\n')}

${schemas.map((schema) => section(schema, recorded)).join('\n')}
${leftOutText(schemas)}`
}
