// SPDX-License-Identifier: Apache-2.0
// How TypeScript becomes JavaScript, for the product and for the tests alike: one bundle for Node, Deno and Bun, one for
// browsers. Both are ES modules in one flat folder, so that `new URL('./x', import.meta.url)` finds the wasm files and the
// workers from every chunk.
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { build } from 'esbuild'

/** The entries that every folder of bundles needs beside its own: the workers are found by these names. */
export const workers = { worker: 'src/backend/worker.ts', thread: 'src/core/thread.ts' }

const wasmBuilds = ['simd', 'relaxed', 'simd-mt', 'relaxed-mt']
export const wasmFiles = wasmBuilds.flatMap((name) => [`pf-${name}.wasm`, `pf-all-${name}.wasm`])

// src/platform/index.ts chooses the platform; in bundles for pages browser.ts stands in its place.
const browserPlatform = {
  name: 'browser-platform',
  setup({ onResolve }) {
    onResolve({ filter: /^(\.\/|.*\/platform\/)index\.ts$/ }, ({ path, resolveDir }) => {
      const file = resolve(resolveDir, path)
      return file === resolve('src/platform/index.ts') ? { path: resolve('src/platform/browser.ts') } : undefined
    })
  },
}

// Packages are loaded when they are needed. What every start needs is part of the bundle: a dozen small files take longer
// to find than to run.
const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
const startsUp = ['protobufjs']

const targets = {
  server: {
    platform: 'node',
    target: 'node20',
    external: Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !startsUp.includes(name)),
  },
  browser: {
    platform: 'browser',
    target: ['chrome91', 'firefox89', 'safari16.4'],
    minify: true,
    plugins: [browserPlatform],
  },
}

/** Bundles `entries` {name: file} into the emptied folder `outdir`. @param {'server' | 'browser'} kind */
export async function bundle(kind, entries, outdir, options = {}) {
  await rm(outdir, { recursive: true, force: true, maxRetries: 2 })
  await mkdir(outdir, { recursive: true })
  return await bundleInto(kind, entries, outdir, options)
}

export async function bundleInto(kind, entries, outdir, { plugins = [], ...options } = {}) {
  const base = targets[kind]
  const result = await build({
    ...base,
    entryPoints: entries,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    chunkNames: 'chunk-[hash]',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    ...options,
    plugins: [...plugins, ...(base.plugins ?? [])],
  })
  return result.metafile
}

/** The products of the other build scripts that are there, copied beside a bundle. */
export async function copyBeside(outdir, names) {
  for (const name of names) {
    if (existsSync(`dist/${name}`)) await copyFile(`dist/${name}`, `${outdir}/${basename(name)}`)
  }
}
