// SPDX-License-Identifier: Apache-2.0
// Browsers and webviews: pages, workers and service workers.
import { PfError } from '../util/error.ts'
import type { FileReader, Platform, Port, Thread } from './platform.ts'
import { fetchBytes, openRemote } from './remote-file.ts'

export type { FileReader, Platform, Port, Thread } from './platform.ts'

// What `await using` calls, in browsers that do not know it yet; compiled code looks for the same symbol.
;(Symbol as { asyncDispose?: symbol }).asyncDispose ??= Symbol.for('Symbol.asyncDispose')

interface WorkerScope {
  postMessage(message: unknown, transfer?: Transferable[]): void
  onmessage: ((event: MessageEvent) => void) | null
}

const isPage = typeof document !== 'undefined'
const isWorker = 'DedicatedWorkerGlobalScope' in globalThis

/** A path in a page is relative to the page. */
function urlOf(path: string | URL): URL {
  return new URL(path, globalThis.location?.href)
}

function noFiles(doing: string): never {
  throw new PfError('unsupported', `a browser cannot ${doing}; use what read() gives, or a download link`)
}

// A worker's script must come from the page's own site; a module that imports it may come from anywhere.
function startWorker(url: URL, name: string): Worker {
  if (url.origin === globalThis.location?.origin) return new Worker(url, { type: 'module', name })
  const script = new Blob([`import ${JSON.stringify(url.href)}`], { type: 'text/javascript' })
  const address = URL.createObjectURL(script)
  const worker = new Worker(address, { type: 'module', name })
  worker.addEventListener('message', () => URL.revokeObjectURL(address), { once: true })
  return worker
}

function startThread(url: URL, name: string): Thread {
  const worker = startWorker(url, name)
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    onMessage: (listener) => {
      worker.onmessage = ({ data }) => listener(data)
    },
    onFailure: (listener) => {
      worker.onerror = (event) => {
        event.preventDefault?.()
        listener(new Error(event.message || `the worker "${name}" could not be loaded from ${url}`))
      }
    },
    keepsAlive: () => {},
    async end() {
      worker.terminate()
    },
  }
}

function parent(): Port | undefined {
  if (!isWorker) return undefined
  const scope = globalThis as unknown as WorkerScope
  return {
    post: (message, transfer = []) => scope.postMessage(message, [...transfer]),
    onMessage: (listener) => {
      scope.onmessage = ({ data }) => listener(data)
    },
  }
}

function whyNoSharedMemory(): string | undefined {
  if (typeof SharedArrayBuffer === 'undefined' || globalThis.crossOriginIsolated === false) {
    return 'the page is not cross-origin isolated (its server must send COOP: same-origin and COEP: require-corp)'
  }
  return typeof Worker === 'undefined' ? 'this kind of worker cannot start others' : undefined
}

async function exists(path: string | URL): Promise<boolean> {
  try {
    return (await fetch(urlOf(path), { method: 'HEAD' })).ok
  } catch {
    return false
  }
}

export const platform: Platform = {
  name: 'browser',
  version: globalThis.navigator?.userAgent ?? '',
  args: [],
  read: (path, signal) => fetchBytes(urlOf(path), signal),
  readText: async (path, signal) => new TextDecoder().decode(await fetchBytes(urlOf(path), signal)),
  open: (path): Promise<FileReader> => openRemote(urlOf(path)),
  write: async () => noFiles('write files'),
  list: async () => noFiles('list folders'),
  exists,
  remove: async () => noFiles('remove files'),
  rename: async () => noFiles('rename files'),
  cacheFolder: () => undefined,
  env: () => undefined,
  print: (text, stream = 'out') => {
    const line = text.replace(/\n$/, '')
    if (stream === 'out') console.log(line)
    else console.error(line)
  },
  isTerminal: () => false,
  onInterrupt: () => () => {},
  onExit: () => {},
  exitStatus: () => {},
  cores: () => globalThis.navigator?.hardwareConcurrency ?? 1,
  now: () => performance.now(),
  whyNoSharedMemory,
  mayWait: () => isWorker,
  isPageThread: () => isPage,
  enableFeatures: async () => {},
  startThread,
  parent,
  loadAddon: async () => {
    throw new PfError('unsupported', 'a browser loads no native addons')
  },
  runScript: async () => {
    throw new PfError('unsupported', 'a browser starts no processes')
  },
}
