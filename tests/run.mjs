// SPDX-License-Identifier: Apache-2.0
// All tests on every runtime of this machine: Node (the system's and a current one), Deno, Bun and Chromium with the wasm
// core, Node with the native core, and the native test programs. The last line is the count.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bundleTests, testFiles } from './kit/bundle.mjs'
import { runInChromium } from './kit/chromium.mjs'
import { buildNative, runNative } from './kit/native.mjs'
import { runInProcess } from './kit/process.mjs'
import { findRuntimes } from './kit/runtimes.mjs'

const usage = `node tests/run.mjs [--runtime NAME,…] [--only PART,…] [--op OPERATOR] [--timeout SECONDS] [--list]
  --runtime  node, node-native, node-26, deno, bun, chromium, chromium-plain, native; a part of a name is enough: chrom
  --only     test files whose name has this part: --only net/,convert/onnx
  --op       only the tests of this operator
  --timeout  of one test file, 120 seconds unless told`

const { values: args } = parseArgs({
  options: {
    runtime: { type: 'string' },
    only: { type: 'string' },
    op: { type: 'string' },
    timeout: { type: 'string', default: '120' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const timeout = Number(args.timeout) * 1000
const parts = (list) => list?.split(',').filter(Boolean)
const only = (name) => {
  if (args.op && !/^(ops|verify)\//.test(name)) return false
  return parts(args.only)?.some((part) => name.includes(part)) ?? true
}
// 'node' alone means the system's Node, not every runtime with node in its name.
const exact = ['node', 'chromium', 'native']
const wanted = (name) =>
  parts(args.runtime)?.some((part) => (exact.includes(part) ? name === part : name.includes(part))) ?? true

const dataFolder = resolve(process.env.PORTAFILTER_DATA ?? '../shared')
const hasData = existsSync(dataFolder)
const bundles = `dist/tests/run-${process.pid}`
const total = { passed: 0, failed: 0, skipped: 0 }
const reasons = new Map()

/** Sums results of one runtime and shows failures as they come. */
function tally(label) {
  const sum = { passed: 0, failed: 0, skipped: 0, files: 0, times: [], start: performance.now() }
  const onResult = (result) => {
    sum.files++
    sum.passed += result.passed
    sum.failed += result.failed
    sum.times.push(result)
    for (const [reason, count] of Object.entries(result.skipped)) {
      sum.skipped += count
      reasons.set(reason, (reasons.get(reason) ?? 0) + count)
    }
    if (result.failed) console.log(`\n✘ ${result.name} on ${label}\n${plain(result.errors)}${indent(result.output)}`)
  }
  const finish = () => {
    for (const key of Object.keys(total)) total[key] += sum[key]
    const counts = `${String(sum.passed).padStart(6)} passed ${String(sum.failed).padStart(4)} failed ${String(sum.skipped).padStart(5)} skipped`
    const seconds = `${((performance.now() - sum.start) / 1000).toFixed(1)} s`.padStart(8)
    const slowest = sum.times.sort((a, b) => b.ms - a.ms).filter(({ ms }) => ms > 5000)
    const slow = slowest.slice(0, 4).map(({ name, ms }) => `${name} ${(ms / 1000).toFixed(0)} s`)
    console.log(`${label.padEnd(30)}${counts}${seconds}${slow.length ? `   slowest: ${slow.join(', ')}` : ''}`)
  }
  return { onResult, finish }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal, which browsers send too
const plain = (text) => text.replace(/\x1b\[[\d;]*m/g, '')

const indent = (text) =>
  text?.trim() ? `  printed:\n${plain(text).trimEnd().slice(-4000).replace(/^/gm, '  | ')}\n` : ''

function settingsOf(runtime) {
  const { name, backend, page } = runtime
  const slash = (path) => `${path}/`
  return {
    runtime: name,
    backend,
    ...(args.op ? { op: args.op } : {}),
    ...(hasData ? { data: page ? '/shared/' : slash(dataFolder) } : {}),
    fixtures: page ? '/tests/fixtures/' : slash(resolve('tests/fixtures')),
  }
}

async function runRuntime(runtime, files, broken) {
  const label = `${runtime.name} ${runtime.version ?? ''}`
  if (runtime.missing) {
    console.log(`${label.padEnd(30)}left out: ${runtime.missing}`)
    return
  }
  const { onResult, finish } = tally(label)
  const mine = files.filter(({ name, runsOn }) => runsOn(runtime.name) && only(name)).map(({ name }) => name)
  const faults = broken[runtime.page ? 'browser' : 'server']
  for (const name of mine.filter((name) => faults[name])) {
    onResult({
      name,
      passed: 0,
      failed: 1,
      skipped: {},
      errors: `does not bundle: ${faults[name]}\n`,
      ms: 0,
      output: '',
    })
  }
  const suites = mine.filter((name) => !faults[name])
  const settings = settingsOf(runtime)
  const folders = {
    '/bundle/': `${bundles}/browser`,
    '/dist/': 'dist',
    '/tests/fixtures/': 'tests/fixtures',
    '/shared/': dataFolder,
  }
  if (runtime.page) await runInChromium(runtime, settings, suites, { timeout, folders, onResult })
  else await runInProcess(runtime, settings, suites, { timeout, bundles, onResult })
  finish()
}

async function bundleAll(runtimes, files) {
  const inPages = files.filter(({ name, runsOn }) => only(name) && (runsOn('chromium') || runsOn('chromium-plain')))
  const inProcesses = files.filter(({ name, runsOn }) => only(name) && ['node', 'deno', 'bun'].some(runsOn))
  const needed = (page) => runtimes.some((runtime) => !runtime.missing && Boolean(runtime.page) === page)
  return {
    server: needed(false) ? await bundleTests('server', inProcesses, bundles) : {},
    browser: needed(true) ? await bundleTests('browser', inPages, bundles) : {},
  }
}

async function main() {
  if (args.help) return console.log(usage)
  const files = testFiles()
  const runtimes = await findRuntimes(wanted)
  if (args.list) {
    for (const { name } of files.filter(({ name }) => only(name))) console.log(name)
    return
  }
  if (!hasData) console.log(`no shared test data at ${dataFolder}: tests that need it are skipped`)
  const broken = await bundleAll(runtimes, files)
  const builds = wanted('native') ? buildNative({ only }) : undefined
  for (const runtime of runtimes) await runRuntime(runtime, files, broken)
  if (builds) {
    const { onResult, finish } = tally('native programs')
    await runNative(builds, { timeout, only, onResult })
    finish()
  }
  for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`)
  if (total.passed + total.failed === 0) {
    console.log('no test ran')
    total.failed = 1
  }
  const line = `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`
  mkdirSync('dist/tests', { recursive: true })
  writeFileSync('dist/tests/summary.txt', `${line}\n`)
  console.log(line)
  process.exitCode = total.failed ? 1 : 0
}

process.on('exit', () => rmSync(bundles, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))
await main()
