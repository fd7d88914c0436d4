// SPDX-License-Identifier: Apache-2.0
// The core as WebAssembly, four builds: plain or relaxed SIMD, with threads (-mt: imported shared memory) or without; each
// with the operators of the base tier (pf-simd.wasm, what pages load) and with all of them (pf-all-simd.wasm).
// `node build/wasm.mjs [--only simd-mt,all-simd,…] [--dev]`: --dev skips wasm-opt, for a quick turn while working on the core.
// `node build/wasm.mjs --for Conv,Relu,… --out DIR [--only simd,…]`: builds with the files of these operators alone, as
// `portafilter build` asks for them. What of cpp/math they do not use, the linker drops.
//
// Operator files register themselves, so objects are linked one by one: a static archive would drop them.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { select } from './selection.mjs'

const args = process.argv.slice(2)
const dev = args.includes('--dev')
const listAfter = (flag) => (args.includes(flag) ? args[args.indexOf(flag) + 1].split(',') : undefined)
const only = listAfter('--only')
const pruned = listAfter('--for')
const home = fileURLToPath(new URL('..', import.meta.url))
const folder = pruned ? resolve(listAfter('--out')?.join(',') ?? 'dist') : 'dist'
process.chdir(home)
const jobs = 2

const folders = ['core', 'device', 'math', 'ops', 'net'].map((name) => `cpp/${name}`)
const sources = [...folders.flatMap(sourcesIn), 'cpp/abi/pf.cc', 'cpp/abi/wasm.cc']

// The files in cpp/ops of the base tier: what classic nets of image recognition and detection need, and training them with
// SGD.
const base = [
  ...['accuracy', 'binary', 'clip', 'concat', 'conv', 'conv_gradient', 'copy', 'dropout', 'fc', 'fill', 'fill_random'],
  ...['flatten', 'image_order', 'iter', 'label_cross_entropy', 'leaky_relu', 'learning_rate', 'lrn', 'momentum_sgd'],
  ...['mutex', 'pool', 'prelu', 'relu', 'reshape', 'sigmoid', 'softmax', 'softmax_with_loss', 'spatial_bn', 'sum'],
  ...['sum_elements', 'weighted_sum'],
].map((name) => `cpp/ops/${name}.cc`)
const isOperator = (source) => source.startsWith('cpp/ops/')
const others = sources.filter((source) => isOperator(source) && !base.includes(source))

// The files that differ between a build with threads and one without; all others are compiled once for both.
const threadAware = new Set(['cpp/core/parallel.cc', 'cpp/abi/wasm.cc'])
// Those that differ in a base build: what it says of operators that it goes without, and what it need not do.
const tierAware = new Set(['cpp/core/tier.cc', 'cpp/core/net_text.cc', 'cpp/net/nested.cc', 'cpp/net/together.cc'])

const common = [
  '-std=c++20',
  '-Icpp',
  '-msimd128',
  '-mbulk-memory',
  '-mmutable-globals',
  '-msign-ext',
  '-mnontrapping-fptoint',
  '-matomics', // also where the memory is not shared: atomics are valid there
  '-D__EMSCRIPTEN_PTHREADS__', // the library's headers count shared owners atomically and know std::mutex
  '-fno-exceptions', // libc++'s exception objects refuse shared memory
  '-fno-rtti',
  '-fno-c++-static-destructors', // a module never exits
  '-fno-threadsafe-statics',
  '-ffp-contract=off', // one rounding per operation, as in the plain versions the tests compare with
  '-Wall',
  '-Wno-pass-failed', // some loops that may become vectors cannot
]

// Where the bytes go. Kernels keep their loops in vectors, and unroll what they say should be unrolled, but nothing is
// unrolled or inlined beyond that: measured, it is not faster. So do operators that say that their loops are their own, by
// the line `// build: loops`; clang makes good vectors of those only at -O2. Loops keep their pointers: reduced to one,
// the constants that lie between loads become additions of their own (2 % of a product's speed, 1 % of all bytes). All
// else is small: decisions, and operators whose loops are in cpp/math.
const loops = ['-O2', '-fno-unroll-loops', '-mllvm', '-force-vector-interleave=1', '-mllvm', '-disable-lsr', '-mllvm']
const files = (folder, ...names) => names.map((name) => `cpp/${folder}/${name}.cc`)
const decisions = [
  ...files('math', 'broadcast', 'conv', 'conv_backward', 'conv_geometry', 'filler', 'fold'),
  ...files('math', 'patches', 'transpose', 'winograd', 'winograd_filter', 'winograd_gradient'),
]
function levelOf(source) {
  if (saysLoops(source)) return [...loops, '-inline-threshold=10']
  return /^cpp\/(math|device)\//.test(source) && !decisions.includes(source)
    ? [...loops, '-inline-threshold=60']
    : ['-Oz']
}

const llvm = newestLlvm()
const sysroot = findSysroot()
// The newest clang of the distribution on emscripten's libraries: em++'s own is too old for relaxed SIMD, and its code is
// 4 % larger. Without one, em++ makes the plain builds.
const compiler = llvm.compiler && [
  llvm.compiler,
  '--target=wasm32-unknown-emscripten',
  `--sysroot=${sysroot}`,
  '-isystem',
  `${sysroot}/include/c++/v1`,
  // what em++ says to its own clang
  '-D__EMSCRIPTEN_major__=3',
  '-D__EMSCRIPTEN_minor__=1',
  '-D__EMSCRIPTEN_tiny__=6',
  '-D_LIBCPP_ABI_VERSION=2',
  ...common,
]
const flavours = {
  simd: { compile: compiler ?? ['em++', ...common] },
  relaxed: compiler && { compile: [...compiler, '-mrelaxed-simd'] },
}

const kMegabyte = 1 << 20
// The stack comes first, so that an overflow traps at address 0 instead of spoiling data. Its lowest 64 KB belong to the
// static data of user operators, which are compiled for fixed addresses from 1024 on.
const stack = kMegabyte + 65536
const memory = { initial: 4 * kMegabyte, max: 4096 * kMegabyte }
const wrapped = ['malloc', 'free', 'calloc', 'realloc', 'memalign']
const exported = ['pf_call', 'pf_last_error', 'pf_abi_hash', '_initialize', '__stack_pointer', '__heap_base']
const threadExports = ['__wasm_init_tls', '__tls_size', '__tls_align']

/** Whether a file has the line `// build: loops`. No other mark is known. */
function saysLoops(source) {
  const marks = [...readFileSync(source, 'utf8').matchAll(/^\/\/ build: *(.*)$/gm)].map((match) => match[1])
  const unknown = marks.find((mark) => mark !== 'loops')
  if (unknown !== undefined) throw new Error(`${source}: "// build: ${unknown}" is no mark; there is "// build: loops"`)
  return marks.length > 0
}

function sourcesIn(folder) {
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  return names
    .map((entry) => `${folder}/${entry.name}`)
    .filter((path) => path.endsWith('.cc'))
    .sort()
}

function newestLlvm() {
  const tools = new Set()
  for (const folder of process.env.PATH.split(':')) {
    try {
      for (const name of readdirSync(folder)) tools.add(name)
    } catch {}
  }
  const versions = (tool) =>
    [...tools]
      .map((name) => name.match(new RegExp(`^${tool}-(\\d+)$`))?.[1])
      .filter(Boolean)
      .map(Number)
      .sort((a, b) => b - a)
  const linker = versions('wasm-ld')[0]
  // Before 16 clang knew the relaxed instructions by other opcodes.
  const compiler = versions('clang\\+\\+').find((version) => version >= 16 && tools.has(`wasm-ld-${version}`))
  return {
    compiler: compiler && `clang++-${compiler}`,
    linker: linker && `wasm-ld-${compiler ?? linker}`,
    linkerVersion: compiler ?? linker,
  }
}

function findSysroot() {
  const candidates = [process.env.EM_CACHE, '/usr/share/emscripten/cache', '/usr/lib/emscripten/cache']
  for (const cache of candidates.filter(Boolean)) {
    try {
      if (statSync(`${cache}/sysroot/lib/wasm32-emscripten/crt1_reactor.o`)) return `${cache}/sysroot`
    } catch {}
  }
  return undefined
}

function run(command, parameters) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`${basename(command)} ended with ${signal ?? code}: ${parameters.at(-1)}`))
    })
  })
}

const time = (path) => {
  try {
    return statSync(path).mtimeMs
  } catch {
    return 0
  }
}

const readOr = (path, otherwise) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}

// An object is stale when its command or any file it was made from has changed.
function isStale(object, command) {
  const made = time(object)
  if (!made || readOr(`${object}.cmd`) !== command) return true
  const prerequisites = readOr(`${object}.d`, '')
    .replace(/^[^:]*:/, '')
    .replace(/\\\n/g, ' ')
    .split(/\s+/)
    .filter(Boolean)
  return prerequisites.length === 0 || prerequisites.some((path) => time(path) === 0 || time(path) > made)
}

async function compile({ source, object, command }) {
  mkdirSync(dirname(object), { recursive: true })
  rmSync(`${object}.cmd`, { force: true })
  const [tool, ...flags] = command
  await run(tool, [...flags, '-MMD', '-MF', `${object}.d`, '-c', '-o', object, source])
  writeFileSync(`${object}.cmd`, command.join(' '))
}

/** The objects of one build, and a task for each that is stale. */
function plan({ tier, flavour, threads }, tasks) {
  const chosen = tier === 'pruned' ? select(pruned, sources.filter(isOperator)) : undefined
  const light = chosen ? !chosen.full : tier === 'base'
  const wanted = chosen
    ? [...sources.filter((source) => !isOperator(source)), ...chosen.files]
    : sources.filter((source) => tier === 'all' || !others.includes(source))
  return wanted.map((source) => {
    const single = !threads && threadAware.has(source)
    const partial = light && tierAware.has(source)
    const stem = source.replace(/\.cc$/, single ? '.single' : partial ? '.base' : '')
    const object = `dist/.obj/${flavour}/${stem}.o`
    const flags = [...levelOf(source), ...(single ? ['-DPF_SINGLE_THREAD'] : []), ...(partial ? ['-DPF_BASE'] : [])]
    const command = [...flavours[flavour].compile, ...flags]
    if (isStale(object, command.join(' '))) tasks.set(object, { source, object, command })
    return object
  })
}

async function pool(tasks) {
  const queue = [...tasks]
  const failures = []
  const worker = async () => {
    for (let task = queue.shift(); task; task = queue.shift())
      await compile(task).catch((error) => failures.push(error))
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  if (failures.length) throw new Error(failures.map((error) => error.message).join('\n'))
}

function linkCommand(objects, output, threads) {
  const library = `${sysroot}/lib/wasm32-emscripten`
  const names = threads ? [...exported, ...threadExports] : exported
  return [
    ...objects,
    '-o',
    output,
    '--no-entry',
    `${library}/crt1_reactor.o`,
    `-L${library}`,
    ...['-lc', '-lemmalloc', threads ? '-lc++-mt-noexcept' : '-lc++-noexcept', '-lc++abi-noexcept', '-lcompiler_rt'],
    '--stack-first',
    ...['-z', `stack-size=${stack}`],
    `--initial-memory=${memory.initial}`,
    `--max-memory=${memory.max}`,
    // @wasmer/wasi wants to find the memory among the exports even when it is imported.
    ...(threads ? ['--import-memory', '--shared-memory'] : []),
    ...(threads && llvm.linkerVersion >= 16 ? ['--export-memory'] : []),
    '--export-table',
    '--growable-table',
    '--no-demangle',
    // A wrapped function is taken from its archive only if something asks for it by its own name.
    ...wrapped.flatMap((name) => [`--undefined=${name}`, `--wrap=${name}`]),
    ...names.map((name) => `--export=${name}`),
    '--fatal-warnings',
  ]
}

// Feature by feature: --all-features writes an import kind that no engine knows.
const optimise = (flavour) => [
  '--no-inline=*futex*', // see core/parallel.cc; a pass of its own, so it must come first
  ...['-Oz', '-Oz'], // as fast as -O3: kernels come optimised; the second finds another 0.2 %
  '--low-memory-unused', // nothing of the core lies below 1024: offsets go into the instructions
  '--mvp-features',
  ...[
    'simd',
    'threads',
    'bulk-memory',
    'bulk-memory-opt',
    'mutable-globals',
    'sign-ext',
    'nontrapping-float-to-int',
  ].map((name) => `--enable-${name}`),
  ...(flavour === 'relaxed' ? ['--enable-relaxed-simd'] : []),
  '--enable-multivalue',
  '--enable-reference-types',
  '--strip-debug',
  '--strip-producers',
  '--strip-target-features',
]

const allowedImports = ['env.memory', 'wasi_snapshot_preview1.proc_exit', 'wasi_snapshot_preview1.fd_write']
allowedImports.push('wasi_snapshot_preview1.clock_time_get', 'wasi_snapshot_preview1.random_get')

async function checkImports(path) {
  const module = new WebAssembly.Module(readFileSync(path))
  const unknown = WebAssembly.Module.imports(module)
    .map((entry) => `${entry.module}.${entry.name}`)
    .filter((name) => !allowedImports.includes(name))
  if (unknown.length) throw new Error(`${path} imports ${unknown.join(', ')}, which the light loader does not have`)
}

async function link({ name, tier, flavour, threads, objects }) {
  const output = `${folder}/pf-${name}.wasm`
  mkdirSync(folder, { recursive: true })
  const made = time(output)
  const own = tier === 'pruned' ? `pruned-${name}` : name
  const stamp = `dist/.obj/${own}.cmd`
  const linked = `dist/.obj/${own}.linked.wasm`
  const command = linkCommand(objects, linked, threads)
  const key = [output, llvm.linker, ...command, dev ? 'dev' : optimise(flavour)].join(' ')
  if (made && readOr(stamp) === key && objects.every((object) => time(object) <= made)) return
  rmSync(stamp, { force: true })
  await run(llvm.linker, command)
  if (dev) writeFileSync(output, readFileSync(linked))
  else await run('node_modules/.bin/wasm-opt', [...optimise(flavour), linked, '-o', output])
  if (flavour === 'simd') await checkImports(output)
  writeFileSync(stamp, key)
  const bytes = readFileSync(output)
  console.log(`wasm: ${output} ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzipped`)
}

async function main() {
  if (spawnSync('em++', ['--version']).error || !sysroot || !llvm.linker) {
    console.log('wasm: left out, em++ with its system libraries and wasm-ld are needed (`make setup` installs them)')
    if (pruned) process.exitCode = 1
    return
  }
  const tasks = new Map()
  const links = []
  for (const tier of pruned ? ['pruned'] : ['base', 'all']) {
    for (const kind of ['simd', 'relaxed', 'simd-mt', 'relaxed-mt']) {
      const name = tier === 'all' ? `all-${kind}` : kind
      if (only && !only.includes(name)) continue
      const [flavour, mt] = kind.split('-')
      if (!flavours[flavour]) {
        console.log(
          `wasm: ${name} is left out, it needs clang++ and wasm-ld 16 or newer (\`make setup\` looks for them)`,
        )
        continue
      }
      const build = { name, tier, flavour, threads: mt === 'mt' }
      links.push({ ...build, objects: plan(build, tasks) })
    }
  }
  mkdirSync('dist/.obj', { recursive: true })
  await pool(tasks.values())
  for (const each of links) await link(each)
}

main().catch((error) => {
  console.error(`wasm: ${error.message}`)
  process.exitCode = 1
})
