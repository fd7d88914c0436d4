// SPDX-License-Identifier: Apache-2.0
// Who may import whom, for TypeScript and C++. The tables below are docs/architecture.md's rules; each fault says the rule.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { filesBelow } from './kit.mjs'

// Folder of src: the folders it may import from, its own included. `platform` is open to all but the lowest.
const low = ['util', 'gen']
const net = [...low, 'platform', 'core', 'backend', 'net']
const tsLayers = {
  util: low,
  gen: low,
  platform: ['util', 'platform'],
  core: [...low, 'platform', 'core'],
  backend: [...low, 'platform', 'core', 'backend'],
  net,
  optimizer: [...net, 'optimizer'],
  parallel: [...net, 'optimizer', 'parallel'],
  data: [...net, 'data'],
  convert: [...net, 'convert'],
  zoo: [...net, 'zoo'],
  training: [...net, 'optimizer', 'parallel', 'data', 'zoo', 'training'],
  verify: [...net, 'data', 'convert', 'zoo', 'verify'], // what the cli and the tests prove a build with
}

// Folder of cpp: the folders it may include from. What a file may include beyond that, and why.
const cppLayers = {
  core: ['core'],
  device: ['core', 'device'],
  math: ['core', 'device', 'math'],
  image: ['core', 'device', 'image'],
  ops: ['core', 'device', 'math', 'image'],
  net: ['core', 'net'],
  abi: ['core', 'device', 'math', 'net', 'abi'],
}
const cppExceptions = {
  'cpp/core/op.h': ['device/device.h'], // the one header of an operator brings the device it is compiled for
  'cpp/core/status.h': ['abi/pf.h'], // the codes are written once
}

/** Code without comments and strings, line by line as before, so that words are words of the code. */
export function bare(text) {
  const token = /\/\/.*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g
  return text.replace(token, (match) => match.replace(/[^\n]/g, ' '))
}

const lineOf = (text, index) => text.slice(0, index).split('\n').length

/** The imports of a TypeScript file: {name, line, type}; `type` for those that leave no code. */
function importsOf(text) {
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?[^'";]*?from\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm
  return [...text.matchAll(pattern)].map((match) => ({
    name: match[2] ?? match[3] ?? match[4],
    line: lineOf(text, match.index + match[0].length),
    type: Boolean(match[1]),
    lazy: match[4] !== undefined,
  }))
}

const folderOf = (path) => path.split('/')[1]

function checkTsImport(path, { name, line }, faults) {
  const at = `${path}:${line}`
  const inPlatform = path.startsWith('src/platform/')
  if (name.startsWith('node:')) {
    if (!inPlatform) faults.push(`${at}: only src/platform may import ${name}; ask \`platform\` for what you need`)
  } else if (name === 'protobufjs' || name.startsWith('protobufjs/')) {
    if (!/^src\/(net\/(net-def|wire)\.ts|convert\/|gen\/)/.test(path)) {
      faults.push(`${at}: protobufjs is for net/net-def.ts and convert/; use encode… and decode… of net/net-def.ts`)
    }
  } else if (name.startsWith('.')) {
    const target = normalize(join(dirname(path), name))
    if (!existsSync(target)) faults.push(`${at}: there is no ${target}; imports name the file with its ending`)
    const from = folderOf(path)
    const to = folderOf(target)
    if (target.split('/').length === 2 && target !== path && !path.startsWith('src/cli/')) {
      faults.push(`${at}: nobody imports ${target} but the cli; import the file that defines the name`)
    } else if (tsLayers[from] && !tsLayers[from].includes(to) && target.split('/').length > 2) {
      faults.push(`${at}: src/${from} may not import src/${to} (it may import: ${tsLayers[from].join(', ')})`)
    }
  }
}

const hostWords = /(?<![.\w$])(process|Deno|Bun|document|Worker)(?=\s*[.([])/g

function checkTsWords(path, text, faults) {
  if (path.startsWith('src/platform/') || path.startsWith('src/gen/')) return
  const code = bare(text)
  for (const match of code.matchAll(hostWords)) {
    faults.push(`${path}:${lineOf(code, match.index)}: only src/platform names ${match[1]}; ask \`platform\``)
  }
  if (!path.startsWith('src/core/')) {
    const match = code.match(/\bWebAssembly\.Memory\b/)
    if (match) faults.push(`${path}:${lineOf(code, match.index)}: wasm memory is touched only in src/core`)
  }
}

/** Import cycles of modules that run each other's code; types and lazy imports make none. */
function cycles(graph) {
  const faults = []
  const state = new Map()
  const visit = (path, trail) => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      faults.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`)
      return
    }
    state.set(path, 'open')
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of graph.keys()) visit(path, [])
  return faults
}

function checkTs() {
  const faults = []
  const graph = new Map()
  for (const path of filesBelow('src', '.ts')) {
    const text = readFileSync(path, 'utf8')
    const imports = importsOf(text)
    for (const one of imports) checkTsImport(path, one, faults)
    checkTsWords(path, text, faults)
    const runs = imports.filter(({ name, type, lazy }) => name.startsWith('.') && !type && !lazy)
    graph.set(path, new Set(runs.map(({ name }) => normalize(join(dirname(path), name)))))
  }
  return [...faults, ...cycles(graph)]
}

/** Examples and benchmarks are users: the package, Node's modules and their own files; benchmarks start engines as tests do. */
function checkUsers() {
  const faults = []
  for (const path of [...filesBelow('examples', '.ts', '.js', '.mjs'), ...filesBelow('bench', '.ts', '.mjs')]) {
    const top = path.split('/', 1)[0]
    for (const { name, line } of importsOf(readFileSync(path, 'utf8'))) {
      const target = normalize(join(dirname(path), name))
      const own =
        name.startsWith('.') && (target.startsWith(`${top}/`) || (top === 'bench' && target.startsWith('tests/kit/')))
      const relative = name.startsWith('.') || name.startsWith('/')
      if (relative && !own) faults.push(`${path}:${line}: ${top}/ imports the package by its name, not ${name}`)
    }
  }
  return faults
}

const intrinsics =
  /\b(?:_mm\d*_\w+|wasm_[iuvf]\d+x\d+_\w+|v(?:ld1|st1|fma)q_\w+)|<(?:immintrin|wasm_simd128|arm_neon)\.h>/

function checkInclude(path, name, line, faults) {
  const at = `${path}:${line}`
  const from = folderOf(path)
  const to = name.split('/', 1)[0]
  if (/^cuda|^cublas|^cudnn|^nccl/.test(name) && !/^cpp\/device\/|\.cu$/.test(path)) {
    faults.push(`${at}: ${name} belongs in cpp/device and .cu files`)
  }
  if (!(to in cppLayers) || !name.includes('/')) return
  if (!existsSync(`cpp/${name}`)) faults.push(`${at}: there is no cpp/${name}`)
  if (to === 'ops') faults.push(`${at}: nobody includes an operator; share code through math/`)
  else if (cppExceptions[path]?.includes(name)) return
  else if (to === 'abi' && from !== 'abi') faults.push(`${at}: only files of abi/ include ${name}`)
  else if (!cppLayers[from]?.includes(to)) {
    faults.push(`${at}: cpp/${from} may not include ${to}/ (it may include: ${cppLayers[from]?.join(', ')})`)
  }
}

function checkCpp() {
  const faults = []
  for (const path of filesBelow('cpp', '.cc', '.h', '.cu')) {
    const text = readFileSync(path, 'utf8')
    for (const match of text.matchAll(/^\s*#include [<"]([^>"]+)[>"]/gm)) {
      checkInclude(path, match[1], lineOf(text, match.index + match[0].length), faults)
    }
    if (/^cpp\/(math\/|core\/simd\.h)/.test(path)) continue
    const match = text.match(intrinsics)
    if (match)
      faults.push(`${path}:${lineOf(text, match.index)}: ${match[0]}: vector intrinsics live in core/simd.h and math/`)
  }
  return faults
}

export const checkImports = () => [...checkTs(), ...checkUsers(), ...checkCpp()]
