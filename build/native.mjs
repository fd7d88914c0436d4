// SPDX-License-Identifier: Apache-2.0
// The core for this machine: dist/pf.node, and with --sanitize=address|thread the native test programs of tests/native
// in dist/native/. --cuda adds the CUDA kernels where nvcc is found, from then on at every build; --cuda-check only
// compiles them.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
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
  '-fno-trapping-math', // nobody looks at the flags of exceptions: both sides of a choice may be computed, so loops with one become vectors
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

async function link(compiler, kind, objects, output, libraries = []) {
  // What is linked is written beside it: an addon without CUDA is out of date where CUDA is wanted.
  const list = [...objects, ...libraries].join('\n')
  const known = `dist/native/${basename(output)}.list`
  const same = existsSync(known) && readFileSync(known, 'utf8') === list
  if (same && objects.every((object) => modified(object) < (statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0)))
    return true
  mkdirSync(dirname(output), { recursive: true })
  const args = [...objects, ...libraries, '-pthread', ...kinds[kind].link, '-o', output]
  const { ok, text } = await run(compiler.name, args)
  if (text) process.stderr.write(text)
  if (ok) writeFileSync(known, list)
  return ok
}

const core = (...folders) => folders.flatMap((folder) => filesBelow(`cpp/${folder}`, '.cc'))

async function addon(compiler, wantsCuda) {
  const sources = [...core('core', 'device', 'math', 'image', 'ops', 'net'), 'cpp/abi/pf.cc', 'cpp/abi/node.cc']
  const made = await compile(compiler, 'release', sources, ['-isystem', 'node_modules/node-api-headers/include'])
  if (!made) return false
  const toolkit = wantsCuda ? await findToolkit() : undefined
  const cuda = toolkit ? await compileCuda(toolkit, compiler) : []
  if (!cuda) return false
  // Only the runtime is linked, statically: it opens the driver itself, and the driver is all that it needs.
  const libraries = cuda.length ? [`${toolkit.folder}/lib64/libcudart_static.a`, '-ldl', '-lrt'] : []
  return await link(compiler, 'release', [...made.objects, ...cuda], 'dist/pf.node', libraries)
}

/** Every program of tests/native is one file. All run under the address sanitizer, those about threads under thread's. */
async function testPrograms(compiler, kind) {
  const wanted = filesBelow('tests/native', '.cc').filter((path) => kind === 'address' || /parallel|thread/.test(path))
  if (!wanted.length) return true
  // The thread pool lives in core, which needs no more of what is above it than scopes: no need to build the rest for the
  // thread sanitizer.
  const folders = kind === 'thread' ? ['core', 'net'] : ['core', 'device', 'math', 'image', 'ops', 'net']
  const sources = [...core(...folders), ...(kind === 'thread' ? [] : ['cpp/abi/pf.cc'])]
  const made = await compile(compiler, kind, [...sources, ...wanted], ['-Itests/native'])
  if (!made) return false
  const objects = made.objects.slice(0, sources.length)
  return await inParallel(wanted, (path) => {
    const own = made.objects[sources.length + wanted.indexOf(path)]
    return link(compiler, kind, [...objects, own], `dist/native/${kind}/${basename(path, '.cc')}`)
  })
}

/** nvcc and the folder of its toolkit: NVCC, on the path, or where the toolkit is usually put. */
async function findToolkit() {
  for (const nvcc of [process.env.NVCC, 'nvcc', '/usr/local/cuda/bin/nvcc'].filter(Boolean)) {
    const { ok, text } = await run(nvcc, ['--version'])
    if (!ok) continue
    // Asked what it would do, nvcc names its own folder.
    const dry = await run(nvcc, ['--dryrun', '-x', 'cu', '-c', 'none.cu'])
    const folder = /^#\$ TOP=(.+)$/m.exec(dry.text)?.[1]
    if (folder && existsSync(`${folder}/lib64/libcudart_static.a`)) return { nvcc, folder, version: text }
  }
  console.log('native: no CUDA, there is no nvcc here (it comes with the CUDA toolkit; NVCC can name it)')
  return undefined
}

/** Machine code for Hopper, and for every other GPU from Turing on what the driver compiles when it loads the addon. */
const cudaFlags = [
  ...['-x', 'cu', '-std=c++20', '-O3', '-Icpp', '--extended-lambda', '--expt-relaxed-constexpr'],
  ...['-gencode', 'arch=compute_90,code=sm_90', '-gencode', 'arch=compute_75,code=compute_75'],
  ...['-Xcompiler', '-fPIC,-fno-exceptions,-fno-rtti,-fvisibility=hidden,-pthread'],
  // Functions of the core that a kernel's struct has beside those for the device.
  ...['-diag-suppress', '20012,20014'],
]

/** What is written over the device's verbs, the .cu files beside other operators, and the device itself. */
function cudaSources() {
  const verbs = core('ops').filter((path) => /\.kernel</.test(readFileSync(path, 'utf8')))
  return [...verbs, ...['ops', 'math', 'device'].flatMap((folder) => filesBelow(`cpp/${folder}`, '.cu'))]
}

/** The objects of the CUDA sources, or undefined after a failure. */
async function compileCuda({ nvcc, version }, compiler) {
  const flags = [...cudaFlags, '-ccbin', compiler.name]
  const key = createHash('sha256')
    .update([version, compiler.version, ...flags].join(' '))
    .digest('hex')
    .slice(0, 8)
  const sources = cudaSources()
  const objectOf = (source) => `dist/native/cuda-${key}/${source}.o`
  const stale = sources.filter((source) => !isFresh(objectOf(source)))
  let failed = 0
  await inParallel(stale, async (source) => {
    const object = objectOf(source)
    mkdirSync(dirname(object), { recursive: true })
    const { ok, text } = await run(nvcc, [
      ...flags,
      ...['-MD', '-MF', object.replace(/\.o$/, '.d'), '-c', source, '-o', object],
    ])
    if (!ok) console.error(`native: ${source} does not compile for CUDA\n${text}`)
    if (!ok) failed++
    return true
  })
  console.log(`native: ${sources.length - failed} of ${sources.length} files compile for CUDA`)
  return failed ? undefined : sources.map(objectOf)
}

async function main(args) {
  const compiler = findCompiler()
  if (args.includes('--cuda-check')) {
    const toolkit = compiler && (await findToolkit())
    return !toolkit || (await compileCuda(toolkit, compiler)) !== undefined
  }
  if (!compiler) {
    console.log('native: skipped, there is no C++ compiler here (make setup, or apt-get install build-essential)')
    return true
  }
  const kind = args.find((arg) => arg.startsWith('--sanitize='))?.slice('--sanitize='.length)
  if (kind !== undefined && !['address', 'thread'].includes(kind))
    throw new Error(`--sanitize=address or thread, not ${kind}`)
  if (kind) return await testPrograms(compiler, kind)
  const chosen = 'dist/native/with-cuda'
  if (args.includes('--cuda')) {
    mkdirSync(dirname(chosen), { recursive: true })
    writeFileSync(chosen, '')
  }
  return await addon(compiler, existsSync(chosen))
}

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1
