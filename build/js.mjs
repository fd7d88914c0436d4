// SPDX-License-Identifier: Apache-2.0
// dist/*.js for Node, Deno and Bun, dist/browser/* for pages, dist/types/*, and what it all weighs against budgets.json.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { bundle, bundleInto, copyBeside, wasmFiles, workers } from './bundle.mjs'

const budgets = JSON.parse(readFileSync('build/budgets.json', 'utf8'))
const kilobytes = (n) => `${(n / 1024).toFixed(1)} KB`.padStart(10)
const gzipped = (path) => gzipSync(readFileSync(path), { level: 9 }).length

/** The types, and with them the check of src, tests, examples and bench. */
function types() {
  rmSync('dist/types', { recursive: true, force: true })
  const tsc = (...args) => execFileSync('node_modules/.bin/tsc', args, { stdio: 'inherit' })
  tsc('-p', 'build/tsconfig.types.json')
}

/** What an entry brings at once: its chunk and all that it imports statically. */
function closure(metafile, outdir, entry, found = new Set()) {
  if (found.has(entry)) return found
  found.add(entry)
  for (const { path, kind, external } of metafile.outputs[`${outdir}/${entry}`].imports) {
    if (!external && kind === 'import-statement') closure(metafile, outdir, path.slice(outdir.length + 1), found)
  }
  return found
}

/** Words of Node that a page does not know, in what it loads. Guards like `global.process` are no use of them. */
function leaks(metafile, outdir) {
  const found = []
  for (const [path, { imports }] of Object.entries(metafile.outputs)) {
    for (const { path: name, external } of imports) if (external) found.push(`${path} imports ${name}`)
  }
  for (const name of closure(metafile, outdir, 'index.js')) {
    const text = readFileSync(`${outdir}/${name}`, 'utf8')
    const word = text.match(/(?<![.\w$"'])(process(?=[.[])|Buffer(?=[.(]))/)
    if (word) found.push(`${outdir}/${name} uses ${word[0]}: …${text.slice(word.index - 40, word.index + 40)}…`)
  }
  return found
}

function report(metafile) {
  const over = []
  const line = (name, raw, gz, limit) => {
    console.log(
      `${name.padEnd(44)}${kilobytes(raw)}${kilobytes(gz)} gz${limit ? `  of ${kilobytes(limit).trim()}` : ''}`,
    )
    if (limit && gz > limit) over.push(`${name}: ${gz} bytes gzipped, its budget is ${limit}`)
  }
  for (const [path, limit] of Object.entries(budgets.files)) {
    if (existsSync(path)) line(path, readFileSync(path).length, gzipped(path), limit)
  }
  const folder = 'dist/browser'
  const page = new Set()
  for (const entry of budgets.page.entries) for (const file of closure(metafile, folder, entry)) page.add(file)
  const sum = (files, size) => files.reduce((total, file) => total + size(`${folder}/${file}`), 0)
  const size = (path) => readFileSync(path).length
  line('a page that loads and runs a NetDef', sum([...page], size), sum([...page], gzipped), budgets.page.limit)
  const all = readdirSync(folder).filter((file) => file.endsWith('.js'))
  line('all of dist/browser/*.js', sum(all, size), sum(all, gzipped))
  return over
}

function executable(path) {
  const text = readFileSync(path, 'utf8')
  if (!text.startsWith('#!')) writeFileSync(path, `#!/usr/bin/env node\n${text}`)
  chmodSync(path, 0o755)
}

/** Bundles both sides and their types; answers what is wrong with them. */
async function all() {
  const server = await bundleInto('server', { index: 'src/index.ts', cli: 'src/cli/main.ts', ...workers }, 'dist')
  for (const name of readdirSync('dist')) {
    if (name.endsWith('.js') && !server.outputs[`dist/${name}`]) rmSync(`dist/${name}`) // chunks of an earlier build
  }
  executable('dist/cli.js')
  const browser = await bundle('browser', { index: 'src/index.ts', ...workers }, 'dist/browser')
  await copyBeside('dist/browser', wasmFiles)
  types()
  return [...leaks(browser, 'dist/browser'), ...report(browser)]
}

try {
  const problems = await all()
  for (const problem of problems) console.error(`js: ${problem}`)
  process.exitCode = problems.length ? 1 : 0
} catch (error) {
  // esbuild and tsc have told their own faults already.
  if (!error.errors && error.status === undefined) throw error
  process.exitCode = 1
}
