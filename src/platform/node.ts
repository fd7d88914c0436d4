// SPDX-License-Identifier: Apache-2.0
// Node, and with the same modules Deno and Bun.
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism, homedir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { PfError } from '../util/error.ts'
import type { FileReader, Platform, Port, Thread } from './platform.ts'
import { fetchBytes, isRemote, openRemote } from './remote-file.ts'

const versions = process.versions as Record<string, string | undefined>
const name = versions.deno ? 'deno' : versions.bun ? 'bun' : 'node'

function pathOf(path: string | URL): string {
  if (typeof path === 'string' && !path.startsWith('file:')) return path
  return fileURLToPath(path)
}

function fileError(doing: string, path: string | URL, cause: unknown): PfError {
  if (cause instanceof PfError) return cause
  const { code, message, name } = cause as NodeJS.ErrnoException
  if (name === 'AbortError') return new PfError('aborted', `${doing} ${path} was stopped`, { cause })
  const why = code === 'ENOENT' ? 'there is no such file' : message
  return new PfError('file', `cannot ${doing} ${path}: ${why}`, { cause })
}

async function openFile(path: string | URL): Promise<FileReader> {
  const file = await open(pathOf(path))
  const { size } = await file.stat()
  return {
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done)
        if (bytesRead === 0) throw new PfError('file', `${path} has become shorter while it was read`)
        done += bytesRead
      }
      return bytes
    },
    close: () => file.close(),
  }
}

async function attempt<T>(doing: string, path: string | URL, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw fileError(doing, path, error)
  }
}

// Deno asks its user for each name, and the user may say no.
function env(key: string): string | undefined {
  try {
    return process.env[key]
  } catch {
    return undefined
  }
}

function cacheFolder(): string {
  return env('PORTAFILTER_CACHE') ?? join(env('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'portafilter')
}

function startThread(url: URL, threadName: string): Thread {
  const worker = new Worker(url, { name: threadName })
  let ended = false
  let listener = (_: unknown): void => {}
  let fail = (_: Error): void => {}
  const failOnce = (error: Error): void => {
    if (!ended) fail(error)
    ended = true
  }
  worker.on('message', (message) => listener(message))
  worker.on('error', (error) => failOnce(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (status) => failOnce(new Error(`thread "${threadName}" ended by itself (status ${status})`)))
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as readonly ArrayBuffer[] | undefined),
    onMessage: (wanted) => {
      listener = wanted
    },
    onFailure: (wanted) => {
      fail = wanted
    },
    keepsAlive: (yes) => (yes ? worker.ref() : worker.unref()),
    async end() {
      ended = true
      await worker.terminate()
    },
  }
}

function parent(): Port | undefined {
  const port = parentPort
  if (port === null) return undefined
  let listener = (_: unknown): void => {}
  port.on('message', (message) => listener(message))
  return {
    post: (message, transfer) => port.postMessage(message, transfer as readonly ArrayBuffer[] | undefined),
    onMessage: (wanted) => {
      listener = wanted
    },
  }
}

// Node 20 knows the final relaxed SIMD behind a flag, which counts for modules compiled from then on.
async function enableFeatures(): Promise<void> {
  if (name !== 'node' || Number.parseInt(process.versions.node, 10) >= 22) return
  const v8 = await import('node:v8')
  v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
}

let guarded = false

// Whoever reads our output may stop early, as `head` does. Then there is nobody left to print for.
function guardPipes(): void {
  guarded = true
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit()
    })
  }
}

function print(text: string, stream: 'out' | 'error' = 'out'): void {
  if (!guarded) guardPipes()
  ;(stream === 'out' ? process.stdout : process.stderr).write(text)
}

export const platform: Platform = {
  name,
  version: versions[name] ?? '',
  args: process.argv.slice(2),
  read: (path, signal) => {
    if (isRemote(path)) return fetchBytes(path, signal)
    return attempt('read', path, async () => new Uint8Array(await readFile(pathOf(path), { signal })))
  },
  async readText(path, signal) {
    return new TextDecoder().decode(await platform.read(path, signal))
  },
  open: (path) => (isRemote(path) ? openRemote(path) : attempt('open', path, () => openFile(path))),
  write: (path, data) =>
    attempt('write', path, async () => {
      await mkdir(dirname(pathOf(path)), { recursive: true })
      await writeFile(pathOf(path), data)
    }),
  list: (path) =>
    attempt('list', path, async () => {
      const entries = await readdir(pathOf(path), { withFileTypes: true })
      return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort()
    }),
  exists: async (path) => existsSync(pathOf(path)),
  rename: (from, to) =>
    attempt('rename', from, async () => {
      // What is under the new name shall be there after a power failure too.
      const file = await open(from, 'r')
      await file.sync()
      await file.close()
      await rename(from, to)
    }),
  remove: (path) => attempt('remove', path, () => rm(pathOf(path), { recursive: true, force: true })),
  cacheFolder,
  env,
  print,
  isTerminal: (stream) => (stream === 'out' ? process.stdout : process.stderr).isTTY === true,
  onInterrupt(listener) {
    process.on('SIGINT', listener)
    return () => process.off('SIGINT', listener)
  },
  onExit: (listener) => {
    if (isMainThread) process.on('exit', listener)
  },
  exitStatus: (status) => {
    process.exitCode = status
  },
  cores: () => availableParallelism(),
  now: () => performance.now(),
  whyNoSharedMemory: () => undefined,
  mayWait: () => true,
  isPageThread: () => false,
  enableFeatures,
  startThread,
  parent,
  loadAddon: async (url) => createRequire(import.meta.url)(fileURLToPath(url)),
  runScript: async (url, args, signal) => {
    const { spawn } = await import('node:child_process')
    const child = spawn(process.execPath, [fileURLToPath(url), ...args], { stdio: 'inherit', signal })
    return await new Promise<number>((finish, fail) => {
      child.on('error', (error) => fail(fileError('run', url, error)))
      child.on('close', (status) => finish(status ?? 1))
    })
  },
}
