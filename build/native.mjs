// SPDX-License-Identifier: Apache-2.0
// The core for this machine: dist/pf.node, and with --sanitize=address|thread the native test programs of tests/native
// in dist/native/. --cuda-check compiles the elementwise operators with nvcc and keeps nothing.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname } from 'node:path'
import { filesBelow } from './kit.mjs'

const common = [
  '-std=c++20',
  '-Icpp',
  '-fPIC',
  '-fno-exceptions',
  '-fno-rtti',
  '-fvisibility=hidden', // pf.node shows the engine its entry and nothing else
  '-fno-math-errno', // lets sqrt and the like be single instructions; results stay the same
  '-pthread',
  '-Wall',
  '-Wextra',
  '-Wno-maybe-uninitialized', // g++ 12 sees uses after a PF_TRY that has returned
  '-DPF_DOCS', // the prose of the schemas: docs/operators.md is made of it; the WebAssembly builds leave it out
  '-MMD', // writes the headers a file includes beside its object: what makes builds incremental
]

/** The kinds of build: where objects go, how to compile and link. */
const kinds = {
  release: { flags: ['-O3', ...cpuFlags()], link: ['-shared', '-static-libstdc++', '-static-libgcc', '-s'] },
  address: {
    flags: sanitizer('address,undefined', '-fno-sanitize-recover=all'),
    link: ['-fsanitize=address,undefined'],
  },
  thread: { flags: sanitizer('thread'), link: ['-fsanitize=thread'] },
}

function sanitizer(name, ...more) {
  return ['-O1', '-g1', '-fno-omit-frame-pointer', `-fsanitize=${name}`, ...more, ...cpuFlags()]
}

/** AVX2 and FMA where the building machine has them (cpp/abi/node.cc refuses to load where they are missing). */
function cpuFlags() {
  if (process.arch !== 'x64') return []
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : ''
  return /\bavx2\b/.test(info) && /\bfma\b/.test(info) ? ['-march=x86-64-v3'] : []
}

function findCompiler() {
  for (const name of [process.env.CXX, 'g++', 'clang++'].filter(Boolean)) {
    try {
      return { name, version: execFileSync(name, ['--version'], { encoding: 'utf8' }).split('\n')[0] }
    } catch {}
  }
  return undefined
}

/** Runs a command and answers its output; `ok` is false when it failed. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data))
    child.on('error', (error) => resolve({ ok: false, text: String(error) }))
    child.on('close', (code) => resolve({ ok: code === 0, text }))
  })
}

/** Does `work` for every item, as many at once as there are processors; stops early after a failure. */
async function inParallel(items, work) {
  const queue = [...items]
  let failed = false
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined && !failed; item = queue.shift()) {
      if (!(await work(item))) failed = true
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), items.length) }, lane))
  return !failed
}

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY

function isFresh(object) {
  const made = statSync(object, { throwIfNoEntry: false })?.mtimeMs
  const depfile = object.replace(/\.o$/, '.d')
  if (!made || !existsSync(depfile)) return false
  const [, list] = readFileSync(depfile, 'utf8').replaceAll('\\\n', ' ').split(/:\s/, 2)
  return list
    .trim()
    .split(/\s+/)
    .every((path) => modified(path) < made)
}

/** Compiles what has changed; answers the objects, or undefined after a failure. */
async function compile(compiler, kind, sources, extra = []) {
  const flags = [...common, ...kinds[kind].flags, ...extra]
  // Another compiler or other flags mean other objects: they live in a folder of their own.
  const key = createHash('sha256')
    .update([compiler.version, ...flags].join(' '))
    .digest('hex')
    .slice(0, 8)
  const folder = `dist/native/${kind}-${key}`
  const objects = new Map(sources.map((source) => [source, `${folder}/${source.replace(/\.cc$/, '.o')}`]))
  const stale = sources.filter((source) => !isFresh(objects.get(source)))
  // The largest files first, so that no processor is left alone with one at the end.
  stale.sort((a, b) => statSync(b).size - statSync(a).size)
  const ok = await inParallel(stale, async (source) => {
    const object = objects.get(source)
    mkdirSync(dirname(object), { recursive: true })
    const { ok, text } = await run(compiler.name, [...flags, '-c', source, '-o', object])
    if (text) process.stderr.write(text)
    if (!ok) console.error(`native: ${source} does not compile`)
    return ok
  })
  if (stale.length)
    console.log(`native: compiled ${stale.length} of ${sources.length} files (${kind}, ${compiler.version})`)
  return ok ? { objects: [...objects.values()], compiled: stale.length } : undefined
}

async function link(compiler, kind, objects, output) {
  if (objects.every((object) => modified(object) < (statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0)))
    return true
  mkdirSync(dirname(output), { recursive: true })
  const { ok, text } = await run(compiler.name, [...objects, '-pthread', ...kinds[kind].link, '-o', output])
  if (text) process.stderr.write(text)
  return ok
}

const core = (...folders) => folders.flatMap((folder) => filesBelow(`cpp/${folder}`, '.cc'))

async function addon(compiler) {
  const sources = [...core('core', 'device', 'math', 'ops', 'net'), 'cpp/abi/pf.cc', 'cpp/abi/node.cc']
  const made = await compile(compiler, 'release', sources, ['-isystem', 'node_modules/node-api-headers/include'])
  return made && (await link(compiler, 'release', made.objects, 'dist/pf.node'))
}

/** Every program of tests/native is one file. All run under the address sanitizer, those about threads under thread's. */
async function testPrograms(compiler, kind) {
  const wanted = filesBelow('tests/native', '.cc').filter((path) => kind === 'address' || /parallel|thread/.test(path))
  if (!wanted.length) return true
  // The thread pool lives in core, which needs no more of what is above it than scopes: no need to build the rest for the
  // thread sanitizer.
  const folders = kind === 'thread' ? ['core', 'net'] : ['core', 'device', 'math', 'ops', 'net']
  const sources = [...core(...folders), ...(kind === 'thread' ? [] : ['cpp/abi/pf.cc'])]
  const made = await compile(compiler, kind, [...sources, ...wanted], ['-Itests/native'])
  if (!made) return false
  const objects = made.objects.slice(0, sources.length)
  return await inParallel(wanted, (path) => {
    const own = made.objects[sources.length + wanted.indexOf(path)]
    return link(compiler, kind, [...objects, own], `dist/native/${kind}/${basename(path, '.cc')}`)
  })
}

/** Do the operators whose kernels are written over the device's verbs compile for CUDA too? To PTX, which is quick. */
async function cudaCheck() {
  if (!(await run('nvcc', ['--version'])).ok) {
    console.log('cuda-check: skipped, there is no nvcc here (it comes with the CUDA toolkit)')
    return true
  }
  const sources = core('ops').filter((path) => /\.kernel</.test(readFileSync(path, 'utf8')))
  const objects = new Map(sources.map((source) => [source, `dist/native/cuda/${source.replace(/\.cc$/, '.o')}`]))
  const flags = [
    '-x',
    'cu',
    '-std=c++20',
    '-Icpp',
    '-arch=sm_90',
    '--extended-lambda',
    '--expt-relaxed-constexpr',
    '-ptx',
  ]
  const stale = sources.filter((source) => !isFresh(objects.get(source)))
  let failed = 0
  await inParallel(stale, async (source) => {
    const object = objects.get(source)
    mkdirSync(dirname(object), { recursive: true })
    const { ok, text } = await run('nvcc', [...flags, '-MD', '-MF', object.replace(/\.o$/, '.d'), source, '-o', object])
    if (!ok) {
      failed++
      rmSync(object, { force: true })
      console.error(`cuda-check: ${source}\n${text}`)
    }
    return true
  })
  console.log(`cuda-check: ${sources.length - failed} of ${sources.length} files compile`)
  return failed === 0
}

async function main(args) {
  if (args.includes('--cuda-check')) return await cudaCheck()
  const compiler = findCompiler()
  if (!compiler) {
    console.log('native: skipped, there is no C++ compiler here (make setup, or apt-get install build-essential)')
    return true
  }
  const kind = args.find((arg) => arg.startsWith('--sanitize='))?.slice('--sanitize='.length)
  if (kind !== undefined && !['address', 'thread'].includes(kind))
    throw new Error(`--sanitize=address or thread, not ${kind}`)
  return kind ? await testPrograms(compiler, kind) : await addon(compiler)
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1
