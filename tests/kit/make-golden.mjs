// SPDX-License-Identifier: Apache-2.0
// Makes tests/fixtures/golden again from the shared data: `node tests/kit/make-golden.mjs` after an operator was added.
// Of what was recorded from Caffe2 it takes the cases of the operators that the built core has.
//   operators.jsonl.gz  a case a line, see src/verify/operator-case.ts
//   nets.jsonl.gz       a net a line, see src/verify/net-case.ts
//   index.json          how many cases each operator has
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'

const { values: args } = parseArgs({ options: { cli: { type: 'string', default: 'dist/cli.js' } } })
const from = join(resolve(process.env.PORTAFILTER_DATA ?? '../shared'), 'golden')
const to = 'tests/fixtures/golden'

const info = JSON.parse(execFileSync(process.execPath, [args.cli, 'info', '--json'], { encoding: 'utf8' }))
const supported = new Set(info.operators)

/** Without what only tells where the case is from. */
function slim({ source, caffe2_commit, outputs_not_recorded, ...rest }) {
  return rest
}

const gzip = (path, lines) => {
  const bytes = gzipSync(lines.map((line) => `${line}\n`).join(''), { level: 9 })
  writeFileSync(join(to, path), bytes)
  console.log(`${join(to, path)}: ${lines.length} lines, ${(bytes.length / 1024).toFixed(0)} KB`)
}

const index = {}
const cases = []
for (const file of readdirSync(join(from, 'operators')).sort()) {
  const type = file.replace(/\.jsonl$/, '')
  if (!supported.has(type)) continue
  const lines = readFileSync(join(from, 'operators', file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  index[type] = lines.length
  cases.push(...lines.map((line) => JSON.stringify(slim(JSON.parse(line)))))
}

const nets = readdirSync(join(from, 'nets'))
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => JSON.parse(readFileSync(join(from, 'nets', file), 'utf8')))
  .filter(({ nets }) => nets.flat().every(({ type }) => supported.has(type)))

mkdirSync(to, { recursive: true })
gzip('operators.jsonl.gz', cases)
gzip(
  'nets.jsonl.gz',
  nets.map((net) => JSON.stringify(slim(net))),
)
writeFileSync(join(to, 'index.json'), `${JSON.stringify(index, undefined, 1)}\n`)
