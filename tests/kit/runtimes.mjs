// SPDX-License-Identifier: Apache-2.0
// What the tests run on, and how each is started.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'

const installed = (name) => `tests/runtimes/node_modules/.bin/${name}`

/** Processes, each started as `binary ...args main.js`, and pages of Chromium. */
const all = [
  { name: 'node', backend: 'wasm', binary: process.execPath, args: ['--enable-source-maps'] },
  {
    name: 'node-native',
    backend: 'native',
    binary: process.execPath,
    args: ['--enable-source-maps'],
    needs: 'dist/pf.node',
  },
  {
    name: 'node-cuda',
    backend: 'cuda',
    binary: process.execPath,
    args: ['--enable-source-maps'],
    needs: 'dist/pf.node',
    probe: ['dist/cli.js', 'info', '--backend', 'cuda'],
  },
  { name: 'node-26', backend: 'wasm', binary: installed('node'), args: ['--enable-source-maps'] },
  { name: 'deno', backend: 'wasm', binary: installed('deno'), args: ['run', '-A', '--quiet', '--no-check'] },
  { name: 'bun', backend: 'wasm', binary: installed('bun'), args: [] },
  { name: 'chromium', backend: 'wasm', page: true, isolated: true },
  { name: 'chromium-plain', backend: 'wasm', page: true, isolated: false },
]

const output = (binary, args) =>
  new Promise((resolve) =>
    execFile(binary, args, { timeout: 20000 }, (error, text) => resolve(error ? undefined : text)),
  )

const chromiums = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

export async function findChromium() {
  for (const name of [process.env.CHROMIUM, ...chromiums].filter(Boolean)) {
    const path = (await output('sh', ['-c', `command -v ${name}`]))?.trim()
    if (path) return path
  }
  return undefined
}

/** The runtimes of this machine, `version` filled in; `missing` says why one is left out. */
export async function findRuntimes(wanted = () => true) {
  const chromium = await findChromium()
  const found = await Promise.all(all.filter(({ name }) => wanted(name)).map((runtime) => describe(runtime, chromium)))
  return found
}

async function describe(runtime, chromium) {
  const binary = runtime.page ? chromium : runtime.binary
  if (!binary) return { ...runtime, missing: 'no Chromium found (make setup)' }
  if (runtime.needs && !existsSync(runtime.needs)) return { ...runtime, missing: `no ${runtime.needs} was built` }
  if (binary.includes('/') && !existsSync(binary)) return { ...runtime, missing: 'not installed (make setup)' }
  if (runtime.probe && (await output(binary, runtime.probe)) === undefined) {
    return { ...runtime, missing: 'no GPU that the addon can use (portafilter info --backend cuda)' }
  }
  const version = (await output(binary, ['--version']))?.match(/\d+\.\d+(\.\d+)?/)?.[0]
  return version ? { ...runtime, binary, version } : { ...runtime, missing: `${binary} does not run on this machine` }
}
