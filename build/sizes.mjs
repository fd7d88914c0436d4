// SPDX-License-Identifier: Apache-2.0
// What the products weigh, raw and gzipped, against the budgets of budgets.json. `node build/sizes.mjs` fails over budget.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'

const folder = 'dist/browser'
const kilobytes = (n) => `${(n / 1024).toFixed(1)} KB`.padStart(10)
const gzipped = (path) => gzipSync(readFileSync(path), { level: 9 }).length
const raw = (path) => readFileSync(path).length

/** What an entry brings at once: its chunk and all that it imports statically. */
export function closure(metafile, outdir, entry, found = new Set()) {
  if (found.has(entry)) return found
  found.add(entry)
  for (const { path, kind, external } of metafile.outputs[`${outdir}/${entry}`].imports) {
    if (!external && kind === 'import-statement') closure(metafile, outdir, path.slice(outdir.length + 1), found)
  }
  return found
}

/** A line per product, and a sentence for each that is over its budget. */
export function sizes() {
  const budgets = JSON.parse(readFileSync('build/budgets.json', 'utf8'))
  const lines = []
  const over = []
  const add = (name, files, limit) => {
    const [size, gz] = [raw, gzipped].map((measure) => files.reduce((sum, file) => sum + measure(file), 0))
    const most = limit ? `  of ${kilobytes(limit).trim()}` : ''
    lines.push(`${name.padEnd(40)}${kilobytes(size)}${kilobytes(gz)} gz${most}`)
    if (limit && gz > limit) over.push(`${name}: over budget, ${gz} bytes gzipped instead of ${limit} at most`)
  }
  for (const [path, limit] of Object.entries(budgets.files)) if (existsSync(path)) add(path, [path], limit)
  if (existsSync('dist/.browser-meta.json')) {
    const metafile = JSON.parse(readFileSync('dist/.browser-meta.json', 'utf8'))
    const page = new Set(budgets.page.entries.flatMap((entry) => [...closure(metafile, folder, entry)]))
    add(
      'a page that loads and runs a NetDef',
      [...page].map((file) => `${folder}/${file}`),
      budgets.page.limit,
    )
    const all = readdirSync(folder).filter((file) => file.endsWith('.js'))
    add(
      'all of dist/browser/*.js',
      all.map((file) => `${folder}/${file}`),
    )
  }
  return { lines, over }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { lines, over } = sizes()
  for (const text of [...lines, ...over]) console.log(text)
  process.exitCode = over.length ? 1 : 0
}
