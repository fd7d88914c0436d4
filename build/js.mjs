// SPDX-License-Identifier: Apache-2.0
// dist/*.js for Node, Deno and Bun, dist/browser/* for pages, dist/types/*, and what it all weighs. Too heavy is no
// reason not to build: `make check` and `make test` fail for it.
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { bundle, bundleInto, copyBeside, wasmFiles, workers } from './bundle.mjs'
import { closure, sizes } from './sizes.mjs'

/** The types, and with them the check of src; `make check` does that of tests, examples and bench. */
function types() {
  rmSync('dist/types', { recursive: true, force: true })
  const tsc = (...args) => execFileSync('node_modules/.bin/tsc', args, { stdio: 'inherit' })
  tsc('-p', 'build/tsconfig.types.json')
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

function executable(path) {
  const text = readFileSync(path, 'utf8')
  if (!text.startsWith('#!')) writeFileSync(path, `#!/usr/bin/env node\n${text}`)
  chmodSync(path, 0o755)
}

/** Bundles both sides and their types; answers what is wrong with them. */
async function all() {
  const server = await bundleInto(
    'server',
    { index: 'src/index.ts', train: 'src/train.ts', cli: 'src/cli/main.ts', ...workers },
    'dist',
  )
  for (const name of readdirSync('dist')) {
    if (name.endsWith('.js') && !server.outputs[`dist/${name}`]) rmSync(`dist/${name}`) // chunks of an earlier build
  }
  executable('dist/cli.js')
  const browser = await bundle('browser', { index: 'src/index.ts', ...workers }, 'dist/browser')
  await copyBeside('dist/browser', wasmFiles)
  writeFileSync('dist/.browser-meta.json', JSON.stringify(browser))
  types()
  const { lines, over } = sizes()
  for (const text of [...lines, ...over]) console.log(text)
  return leaks(browser, 'dist/browser')
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
