// SPDX-License-Identifier: Apache-2.0
// Starts sides (side/serve.mjs) in the engines of this machine: processes of Node and Deno, pages of Chromium.
import { spawn } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findRuntimes } from '../tests/kit/runtimes.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url))) // paths of runtimes are the repository's

export const engineNames = ['node', 'node-26', 'deno', 'chromium']

const deadline = 180_000

/** Those of the engines named that are here; `left` says why others are not. */
export async function findEngines(names) {
  const unknown = names.find((name) => !engineNames.includes(name))
  if (unknown) throw new Error(`there is no engine "${unknown}"; there are ${engineNames.join(', ')}`)
  const found = await findRuntimes((name) => names.includes(name))
  return {
    engines: found.filter(({ missing }) => !missing).map(engine),
    left: found.filter(({ missing }) => missing).map(({ name, missing }) => `${name} is left out: ${missing}`),
  }
}

function engine(runtime) {
  const { name, version } = runtime
  const label = `${name.replace(/-\d+$/, '')}-${version.split('.')[0]}`
  return { name, label, version, start: runtime.page ? pages(runtime) : () => startProcess(runtime) }
}

function startProcess({ binary, args }) {
  const child = spawn(binary, [...args.filter((arg) => !arg.includes('source-maps')), 'bench/side/process.mjs'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let waiting
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('\x1e')) waiting?.resolve(JSON.parse(line.slice(1)))
  })
  child.on('error', (error) => waiting?.reject(error))
  child.on('exit', (code, signal) => waiting?.reject(new Error(`the process ended (${signal ?? code})`)))
  child.stdin.on('error', () => {}) // its end is told by 'exit'
  const send = (message) =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject }
      child.stdin.write(`${JSON.stringify(message)}\n`)
    })
  return asSide(send, async () => {
    child.kill('SIGKILL')
  })
}

/** Loaded only when there is a browser to use. */
function pages(runtime) {
  return async () => {
    const { startPage } = await import('./side/page.mjs')
    const { send, close } = await startPage(runtime)
    return asSide(send, close)
  }
}

function asSide(send, close) {
  return {
    async request(request, options = {}) {
      let timer
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer in ${deadline / 1000} s`)), deadline)
      })
      const { result, error } = await Promise.race([send({ request, ...options }), late]).finally(() =>
        clearTimeout(timer),
      )
      if (error) throw new Error(error)
      return result
    },
    close,
  }
}
