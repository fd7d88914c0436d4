// SPDX-License-Identifier: Apache-2.0
// Which backend this machine gets: the first of cuda, native and wasm that can be had, and of wasm the fastest build that
// runs. Whatever is refused is kept with its reason; `portafilter info` prints it.
import { type Core, textOf } from '../core/core.ts'
import { platform } from '../platform/index.ts'
import { PfError, withContext } from '../util/error.ts'
import type { Backend, BackendName, BackendOptions, CudaInfo, Precision, Refusal, WasmSource } from './backend.ts'
import { LocalBackend } from './local.ts'
import { type Assets, openRemote, type PostedOptions } from './remote.ts'

const order: readonly BackendName[] = ['cuda', 'native', 'wasm']

// Written out, so that bundlers see which files go with this one.
function assets(): Assets {
  return {
    wasm: {
      base: {
        'relaxed-mt': new URL('./pf-relaxed-mt.wasm', import.meta.url).href,
        'simd-mt': new URL('./pf-simd-mt.wasm', import.meta.url).href,
        relaxed: new URL('./pf-relaxed.wasm', import.meta.url).href,
        simd: new URL('./pf-simd.wasm', import.meta.url).href,
      },
      all: {
        'relaxed-mt': new URL('./pf-all-relaxed-mt.wasm', import.meta.url).href,
        'simd-mt': new URL('./pf-all-simd-mt.wasm', import.meta.url).href,
        relaxed: new URL('./pf-all-relaxed.wasm', import.meta.url).href,
        simd: new URL('./pf-all-simd.wasm', import.meta.url).href,
      },
    },
    thread: new URL('./thread.js', import.meta.url).href,
    native: new URL('./pf.node', import.meta.url).href,
  }
}

// (func (param v128 v128 v128) (result v128) (f32x4.relaxed_madd …))
const relaxedProbe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0],
  ...[10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 133, 2, 11],
)

/** Opens a backend: here, or in a worker. */
export async function openBackend(options: BackendOptions = {}): Promise<Backend> {
  const { signal, worker = platform.isPageThread(), wasm, ...rest } = options
  throwIfStopped(signal)
  const posted = { ...rest, ...fromEnvironment(rest), assets: assets() }
  const source = wasm === undefined ? {} : { wasm: await postable(await wasm) }
  if (!worker) return await openLocal({ ...posted, ...source }, signal)
  return await openRemote(new URL('./worker.js', import.meta.url), { ...posted, ...source }, signal)
}

/** Opens a backend in this thread. */
export async function openLocal(options: PostedOptions, signal?: AbortSignal): Promise<LocalBackend> {
  const { backend = 'auto' } = options
  if (backend !== 'auto' && !order.includes(backend)) {
    throw new PfError('argument', `there is no backend "${backend}"; there are auto, ${order.join(', ')}`)
  }
  const refused: Refusal[] = []
  const names = backend === 'auto' ? candidates(options) : [backend]
  for (const name of names) {
    try {
      const core = await open[name](options, refused, signal)
      if (options.printTo) core.call('print_to', options.printTo === 'out' ? 1 : 2)
      const gpu = name === 'cuda' ? gpuOf(options) : {}
      if (!signal?.aborted)
        return new LocalBackend(core, { backend: name, operators: operatorsOf(name, options), refused, ...gpu })
      await core.close()
      throwIfStopped(signal)
    } catch (error) {
      throwIfStopped(signal)
      if (names.length === 1) throw error
      refused.push({ backend: name, reason: messageOf(error) })
    }
  }
  const reasons = refused.map(({ backend: name, reason }) => `${name}: ${reason}`).join('; ')
  throw new PfError('backend', `no backend can be opened here. ${reasons}`)
}

// A page waits for every byte; elsewhere the files lie on the disk.
function tierOf({ operators = platform.name === 'browser' ? 'base' : 'all' }: PostedOptions): 'base' | 'all' {
  if (operators === 'base' || operators === 'all') return operators
  throw new PfError('argument', `operators must be 'base' or 'all', found ${JSON.stringify(operators)}`)
}

function operatorsOf(name: BackendName, options: PostedOptions): 'base' | 'all' | 'own' {
  if (name !== 'wasm') return 'all'
  return options.wasm === undefined ? tierOf(options) : 'own'
}

// Who names a WebAssembly core or build wants it.
function candidates(options: PostedOptions): readonly BackendName[] {
  return options.wasm === undefined && options.build === undefined ? order : ['wasm']
}

type Opener = (options: PostedOptions, refused: Refusal[], signal?: AbortSignal) => Promise<Core>

const open: Record<BackendName, Opener> = {
  async cuda(options, refused, signal) {
    const { device } = gpuOf(options).gpu
    const core = await open.native(options, refused, signal)
    try {
      checkGpu(core, device)
      return core
    } catch (error) {
      await core.close()
      throw error
    }
  },
  async native({ assets: { native }, threads = 0 }) {
    if (platform.name === 'browser') throw new PfError('backend', 'browsers load no native code')
    const url = new URL(native)
    if (!(await platform.exists(url))) throw new PfError('backend', 'the addon pf.node was not built (`make native`)')
    const { openNativeCore } = await import('../core/native.ts')
    return await openNativeCore(url, threads)
  },
  wasm: openWasm,
}

/** Which GPU, and its options as pf.h takes them. */
function gpuOf({ device = 0, precision = 'fp32', lossScale = 1024 }: PostedOptions): {
  gpu: { device: number; settings: string }
} {
  if (!Number.isInteger(device) || device < 0) {
    throw new PfError('argument', `device must be the number of a GPU, counted from 0; found ${device}`)
  }
  if (!['fp32', 'tf32', 'fp16'].includes(precision)) {
    throw new PfError('argument', `precision must be 'fp32', 'tf32' or 'fp16', found ${JSON.stringify(precision)}`)
  }
  const exponent = Math.log2(lossScale)
  if (!Number.isInteger(exponent) || exponent < 0 || exponent > 24) {
    throw new PfError('argument', `lossScale must be a power of two from 1 to 2^24, found ${lossScale}`)
  }
  return { gpu: { device, settings: `${precision} ${exponent}` } }
}

function checkGpu(core: Core, device: number): void {
  const { built, devices, why, driver } = JSON.parse(textOf(core.call('accelerators').bytes)) as CudaInfo
  if (!built) throw new PfError('backend', 'the addon was built without CUDA (`make addon`, where nvcc is)')
  if (devices.length === 0) {
    const found = driver ? `; the driver supports ${driver}` : ''
    throw new PfError('backend', `there is no GPU that CUDA can use: ${why ?? 'none was found'}${found}`)
  }
  if (device >= devices.length) {
    const all = devices.map(({ index, name }) => `${index}: ${name}`).join(', ')
    throw new PfError('backend', `there is no GPU ${device}; there are ${all}`)
  }
}

async function openWasm(options: PostedOptions, refused: Refusal[], signal?: AbortSignal): Promise<Core> {
  await platform.enableFeatures()
  if (options.wasm !== undefined) return await startWasm(options.wasm, 'own', options, signal)
  const all = options.assets.wasm[tierOf(options)]
  const builds = Object.entries(all).filter(([name]) => name === (options.build ?? name))
  if (builds.length === 0) {
    const known = Object.keys(all).join(', ')
    throw new PfError('argument', `there is no build "${options.build}" of the core; there are ${known}`)
  }
  let failure: unknown
  for (const [name, address] of builds) {
    try {
      const why = whyNot(name)
      if (why !== undefined) throw new PfError('backend', why)
      return await startWasm(new URL(address), name, options, signal)
    } catch (error) {
      throwIfStopped(signal)
      failure = error
      refused.push({ backend: `wasm ${name}`, reason: messageOf(error) })
    }
  }
  throw withContext(failure, 'no build of the WebAssembly core runs here; the last one failed so', 'backend')
}

function whyNot(build: string): string | undefined {
  if (build.startsWith('relaxed') && !WebAssembly.validate(relaxedProbe)) return 'the engine has no relaxed SIMD'
  return build.endsWith('-mt') ? platform.whyNoSharedMemory() : undefined
}

async function startWasm(
  source: WasmSource,
  build: string,
  options: PostedOptions,
  signal?: AbortSignal,
): Promise<Core> {
  const module = await compile(source, signal)
  const { openWasmCore } = await import('../core/wasm.ts')
  const threads = options.threads ?? platform.cores()
  const threadScript = new URL(options.assets.thread)
  return await openWasmCore({ module, build, threads, threadScript, wasi: options.wasi })
}

async function compile(source: WasmSource, signal?: AbortSignal): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return await compileBytes(source)
  if (isResponse(source)) return await compileResponse(source)
  const url = String(source)
  if (/^https?:/.test(url)) return await compileResponse(await fetchOk(url, signal))
  return await compileBytes(await platform.read(source, signal))
}

async function fetchOk(url: string, signal?: AbortSignal): Promise<Response> {
  try {
    const response = await fetch(url, { signal })
    if (response.ok) return response
    throw new Error(`the server answered ${response.status}`)
  } catch (cause) {
    throw new PfError('file', `cannot read ${url}: ${messageOf(cause)}`, { cause })
  }
}

// By its looks: merely naming the class has Node load all of its HTTP, 40 ms of it.
function isResponse(source: WasmSource): source is Response {
  return typeof source === 'object' && 'arrayBuffer' in source && 'headers' in source
}

// A page compiles while it loads, where the server says that it is WebAssembly. (Bun forgets that it has yet to answer.)
async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  const isWasm = response.headers.get('content-type')?.startsWith('application/wasm')
  if (platform.name !== 'browser' || !isWasm) return await compileBytes(await response.arrayBuffer())
  return await explained(WebAssembly.compileStreaming(response))
}

async function compileBytes(bytes: BufferSource | Uint8Array): Promise<WebAssembly.Module> {
  return await explained(WebAssembly.compile(bytes as BufferSource))
}

async function explained(compiling: Promise<WebAssembly.Module>): Promise<WebAssembly.Module> {
  try {
    return await compiling
  } catch (cause) {
    const text = `the engine refuses the WebAssembly core (it needs SIMD): ${messageOf(cause)}`
    throw new PfError('backend', text, { cause })
  }
}

/** A module's source in a form that a worker can be sent. */
async function postable(source: WasmSource): Promise<WebAssembly.Module | Uint8Array | string> {
  if (source instanceof WebAssembly.Module || source instanceof Uint8Array) return source
  if (source instanceof ArrayBuffer) return new Uint8Array(source)
  if (isResponse(source)) return await compileResponse(source)
  return String(source)
}

// PORTAFILTER_BACKEND, _BUILD, _PRECISION and _THREADS stand in for options that are not given.
function fromEnvironment(options: BackendOptions): Partial<BackendOptions> {
  const backend = options.backend ?? platform.env('PORTAFILTER_BACKEND')
  const build = options.build ?? platform.env('PORTAFILTER_BUILD')
  const precision = options.precision ?? platform.env('PORTAFILTER_PRECISION')
  const threads = options.threads ?? Number(platform.env('PORTAFILTER_THREADS') ?? 0)
  if (!Number.isInteger(threads) || threads < 0) {
    throw new PfError('argument', `threads must be a whole number above 0, found ${threads}`)
  }
  return {
    ...(backend ? { backend: backend as BackendOptions['backend'] } : {}),
    ...(build ? { build } : {}),
    ...(precision ? { precision: precision as Precision } : {}),
    threads: threads || undefined,
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PfError('aborted', 'opening the backend was stopped', { cause: signal.reason })
}
